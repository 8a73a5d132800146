import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type Docker from "dockerode";
import { buildParts, partsEnvironment } from "../images/build";
import type { Layout } from "../lib/fleet/definition";
import { IMAGE_CATALOG, IMAGE_KEYS, type ImageKey } from "../lib/images/catalog";
import { type ImageOverrides, type ResolvedImages, resolveImages } from "../lib/images/overrides";

/** Which images are measured, and how the program and Terraform get to know them. */
export interface Parts {
  readonly images: ResolvedImages;
  readonly metricsLayout: Layout;
  /** Where they come from, for whoever reads the result. */
  readonly source: string;
  readonly environment: Readonly<Record<string, string>>;
}

const METRICS_CLUSTER: readonly ImageKey[] = ["vminsert", "vmselect", "vmstorage"];

/**
 * The images of `MIRADOR_IMAGES`; else the official ones, when the engine has them all; else those that are built here,
 * which have no cluster of VictoriaMetrics and a double of VictoriaTraces.
 */
export async function chooseParts(docker: Docker, log: (text: string) => void): Promise<Parts> {
  const present = (key: ImageKey, images: ResolvedImages): Promise<boolean> =>
    docker
      .getImage(images[key].ref)
      .inspect()
      .then(
        () => true,
        () => false,
      );
  const allPresent = async (keys: readonly ImageKey[], images: ResolvedImages): Promise<boolean> =>
    (await Promise.all(keys.map((key) => present(key, images)))).every(Boolean);

  const given = process.env.MIRADOR_IMAGES;
  if (!given && (await allPresent(usedKeys("cluster"), IMAGE_CATALOG))) {
    return { images: IMAGE_CATALOG, metricsLayout: "cluster", source: "official images", environment: terraform() };
  }
  const file = given ? resolve(given) : (await buildParts({ log })).imagesFile;
  const images = resolveImages(JSON.parse(readFileSync(file, "utf8")) as ImageOverrides);
  const metricsLayout: Layout = (await allPresent(METRICS_CLUSTER, images)) ? "cluster" : "single";
  const missing: ImageKey[] = [];
  for (const key of usedKeys(metricsLayout)) if (!(await present(key, images))) missing.push(key);
  if (missing.length > 0) {
    const refs = missing.map((key) => images[key].ref).join(", ");
    throw new Error(`the engine lacks ${refs}: pull them, or run \`npm run parts\` and unset MIRADOR_IMAGES`);
  }
  return {
    images,
    metricsLayout,
    source: given ? "MIRADOR_IMAGES" : "built on this machine (npm run parts)",
    environment: { ...terraform(), MIRADOR_IMAGES: file },
  };
}

export function usedKeys(metricsLayout: Layout): readonly ImageKey[] {
  const unused = metricsLayout === "cluster" ? ["victoria-metrics"] : METRICS_CLUSTER;
  return IMAGE_KEYS.filter((key) => !(unused as readonly string[]).includes(key));
}

/** The provider of this machine's mirror, where one was made and nothing else is asked for. */
function terraform(): Readonly<Record<string, string>> {
  const { TF_CLI_CONFIG_FILE } = partsEnvironment();
  return process.env.TF_CLI_CONFIG_FILE || !existsSync(TF_CLI_CONFIG_FILE) ? {} : { TF_CLI_CONFIG_FILE };
}
