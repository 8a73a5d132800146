import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildParts } from "../../../images/build";
import { cacheFolder } from "../../../images/cache";
import { run } from "../../../images/shell";
import { type ResolvedImages, resolveImages } from "../../../lib";
import type { E2eContext } from "./context";
import { hasImage } from "./engine";
import { imagesInUse } from "./images";

type Log = (line: string) => void;

/** Images that were named win; else what this machine can build is built, or found built. */
export async function findParts(log: Log): Promise<Pick<E2eContext, "imagesFile" | "terraformConfigFile">> {
  const { MIRADOR_IMAGES, TF_CLI_CONFIG_FILE } = process.env;
  const named = TF_CLI_CONFIG_FILE && existsSync(TF_CLI_CONFIG_FILE) ? { terraformConfigFile: TF_CLI_CONFIG_FILE } : {};
  if (MIRADOR_IMAGES) return { imagesFile: resolve(MIRADOR_IMAGES), ...named };
  const { imagesFile, terraformConfigFile } = await buildParts({ log });
  return { imagesFile, terraformConfigFile };
}

/** @returns the program's path */
export async function buildLoadgen(root: string): Promise<string> {
  const loadgen = join(cacheFolder(), "loadgen");
  await run("go", ["build", "-o", loadgen, "."], { cwd: join(root, "loadgen") });
  return loadgen;
}

export interface SuiteImages extends Pick<E2eContext, "metricsLayout" | "title"> {
  readonly images: ResolvedImages;
}

/** The cluster layout where the engine holds its images, the single one elsewhere. */
export async function describeImages(imagesFile?: string): Promise<SuiteImages> {
  const images = resolveImages(await imagesInUse(imagesFile));
  const cluster = await Promise.all(
    [images.vminsert, images.vmselect, images.vmstorage].map(({ ref }) => hasImage(ref)),
  );
  const metricsLayout = cluster.every(Boolean) ? "cluster" : "single";
  const traces =
    images["victoria-traces"].standIn === undefined ? "the real VictoriaTraces" : "a double of VictoriaTraces";
  return { images, metricsLayout, title: `metrics ${metricsLayout}, ${traces}` };
}
