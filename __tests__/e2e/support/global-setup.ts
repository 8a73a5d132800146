import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";
import { buildParts } from "../../../images/build";
import { cacheFolder } from "../../../images/cache";
import { ensureEngine } from "../../../images/engine";
import { run } from "../../../images/shell";
import { type ImageOverrides, resolveImages } from "../../../lib";
import type { E2eContext } from "./context";
import { hasImage, removeFleet } from "./engine";
import { FLEET_NAMES } from "./fleets";

const log = (line: string): void => console.error(`e2e: ${line}`);

/** Makes the parts that are missing, the load generator and an empty engine; at the end nothing of it is left. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const root = resolve(__dirname, "../../..");
  await ensureEngine({ log });
  const parts = await findParts();
  const folder = await mkdtemp(join(tmpdir(), "mirador-e2e-"));
  const loadgen = join(cacheFolder(), "loadgen");
  await run("go", ["build", "-o", loadgen, "."], { cwd: join(root, "loadgen") });
  await clean();
  const { metricsLayout, title } = await describeImages(parts.imagesFile);
  log(`${title}; work folder ${folder}`);
  const statsPassword = randomBytes(18).toString("base64url");
  const context: E2eContext = { root, folder, loadgen, ...parts, statsPassword, metricsLayout, title };
  project.provide("e2e", context);
  return async () => {
    await clean();
    await rm(folder, { recursive: true, force: true });
  };
}

/** Images that were named win; else what this machine can build is built, or found built. */
async function findParts(): Promise<Pick<E2eContext, "imagesFile" | "terraformConfigFile">> {
  const { MIRADOR_IMAGES, TF_CLI_CONFIG_FILE } = process.env;
  const named = TF_CLI_CONFIG_FILE && existsSync(TF_CLI_CONFIG_FILE) ? { terraformConfigFile: TF_CLI_CONFIG_FILE } : {};
  if (MIRADOR_IMAGES) return { imagesFile: resolve(MIRADOR_IMAGES), ...named };
  const { imagesFile, terraformConfigFile } = await buildParts({ log });
  return { imagesFile, terraformConfigFile };
}

/** The cluster layout where the engine holds its images, the single one elsewhere. */
async function describeImages(imagesFile?: string): Promise<Pick<E2eContext, "metricsLayout" | "title">> {
  const overrides = imagesFile === undefined ? {} : (JSON.parse(await readFile(imagesFile, "utf8")) as ImageOverrides);
  const images = resolveImages(overrides);
  const cluster = await Promise.all(
    [images.vminsert, images.vmselect, images.vmstorage].map(({ ref }) => hasImage(ref)),
  );
  const metricsLayout = cluster.every(Boolean) ? "cluster" : "single";
  const traces =
    images["victoria-traces"].standIn === undefined ? "the real VictoriaTraces" : "a double of VictoriaTraces";
  return { metricsLayout, title: `metrics ${metricsLayout}, ${traces}` };
}

async function clean(): Promise<void> {
  for (const name of FLEET_NAMES) await removeFleet(name);
}
