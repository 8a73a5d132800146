import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";
import { buildParts } from "../../../images/build";
import { cacheFolder } from "../../../images/cache";
import { connectEngine, engineAddress, ensureEngine } from "../../../images/engine";
import { run } from "../../../images/shell";
import { resolveImages } from "../../../lib";
import { hasImage } from "../../e2e/support/engine";
import { imagesInUse } from "../../e2e/support/images";
import type { FleetContext } from "./context";
import { giveImages } from "./host-images";
import { Rig } from "./rig";
import { rigSpec } from "./rig-spec";
import { timed } from "./wait";

const log = (line: string): void => console.error(`fleet: ${line}`);

/** Makes the parts that are missing, the load generator and three hosts with all images; at the end nothing is left. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const root = resolve(__dirname, "../../..");
  await ensureEngine({ log });
  const parts = await findParts();
  const images = await describeImages(parts.imagesFile);
  const loadgen = join(cacheFolder(), "loadgen");
  await run("go", ["build", "-o", loadgen, "."], { cwd: join(root, "loadgen") });
  const rig = new Rig(rigSpec());
  const folder = await mkdtemp(join(tmpdir(), "mirador-fleet-"));
  const tearDown = async (): Promise<void> => {
    await rig.down();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    log(`${rig.hosts.length} hosts up in ${(await timed(() => rig.up())).seconds.toFixed(1)} s`);
    await giveAllImages(rig, images.refs);
  } catch (error) {
    await tearDown();
    throw error;
  }
  const { metricsLayout, title } = images;
  log(`${title}; work folder ${folder}`);
  const statsPassword = randomBytes(18).toString("base64url");
  const context: FleetContext = {
    ...{ root, folder, loadgen, ...parts, statsPassword, metricsLayout, title },
    rig: rig.spec,
  };
  project.provide("fleet", context);
  return tearDown;
}

async function giveAllImages(rig: Rig, refs: readonly string[]): Promise<void> {
  const main = connectEngine(engineAddress());
  for (const host of rig.hosts) {
    const { result, seconds } = await timed(() => giveImages(main, host, refs));
    log(`${host.name}: ${result === 0 ? "has all images" : `${result} images loaded`} in ${seconds.toFixed(1)} s`);
  }
}

/** Images that were named win; else what this machine can build is built, or found built. */
async function findParts(): Promise<Pick<FleetContext, "imagesFile" | "terraformConfigFile">> {
  const { MIRADOR_IMAGES, TF_CLI_CONFIG_FILE } = process.env;
  const named = TF_CLI_CONFIG_FILE && existsSync(TF_CLI_CONFIG_FILE) ? { terraformConfigFile: TF_CLI_CONFIG_FILE } : {};
  if (MIRADOR_IMAGES) return { imagesFile: resolve(MIRADOR_IMAGES), ...named };
  const { imagesFile, terraformConfigFile } = await buildParts({ log });
  return { imagesFile, terraformConfigFile };
}

interface SuiteImages extends Pick<FleetContext, "metricsLayout" | "title"> {
  /** Those that this machine's engine has; a host of the rig reaches no registry. */
  readonly refs: readonly string[];
}

/** The cluster layout where the engine holds its images, the single one elsewhere. */
async function describeImages(imagesFile?: string): Promise<SuiteImages> {
  const images = resolveImages(await imagesInUse(imagesFile));
  const present = await Promise.all(Object.values(images).map(async ({ ref }) => ({ ref, here: await hasImage(ref) })));
  const refs = present.filter(({ here }) => here).map(({ ref }) => ref);
  const cluster = [images.vminsert, images.vmselect, images.vmstorage].every(({ ref }) => refs.includes(ref));
  const metricsLayout = cluster ? "cluster" : "single";
  for (const { ref } of present.filter(({ here }) => !here)) log(`no ${ref} here: what needs it cannot be deployed`);
  const traces =
    images["victoria-traces"].standIn === undefined ? "the real VictoriaTraces" : "a double of VictoriaTraces";
  return { refs, metricsLayout, title: `metrics ${metricsLayout}, ${traces}` };
}
