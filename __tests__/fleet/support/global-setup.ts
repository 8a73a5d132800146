import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";
import { connectEngine, engineAddress, ensureEngine } from "../../../images/engine";
import type { ResolvedImages } from "../../../lib";
import { hasImage } from "../../e2e/support/engine";
import { buildLoadgen, describeImages, findParts } from "../../e2e/support/parts";
import type { FleetContext } from "./context";
import { giveImages } from "./host-images";
import { Rig } from "./rig";
import { rigSpec } from "./rig-spec";
import { printTable } from "./summary";
import { timed } from "./wait";

const log = (line: string): void => console.error(`fleet: ${line}`);

/** Makes the parts that are missing, the load generator and three hosts with all images; at the end nothing is left. */
export default async function setup(
  project: Pick<TestProject, "provide"> & Partial<Pick<TestProject, "name">>,
): Promise<() => Promise<void>> {
  const root = resolve(__dirname, "../../..");
  await ensureEngine({ log });
  const parts = await findParts(log);
  const { images, metricsLayout, title } = await describeImages(parts.imagesFile);
  const refs = await refsHere(images);
  const loadgen = await buildLoadgen(root);
  const rig = new Rig(rigSpec());
  const folder = await mkdtemp(join(tmpdir(), "mirador-fleet-"));
  const tearDown = async (): Promise<void> => {
    await rig.down();
    await printTable(folder, title);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    log(`${rig.hosts.length} hosts up in ${(await timed(() => rig.up())).seconds.toFixed(1)} s`);
    await giveAllImages(rig, refs);
  } catch (error) {
    await tearDown();
    throw error;
  }
  log(`${title}; work folder ${folder}`);
  const statsPassword = randomBytes(18).toString("base64url");
  const context: FleetContext = {
    ...{ root, folder, loadgen, ...parts, statsPassword, metricsLayout, title },
    rig: rig.spec,
    full: project.name === "chaos",
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

/** Those that this machine's engine has; a host of the rig reaches no registry. */
async function refsHere(images: ResolvedImages): Promise<readonly string[]> {
  const present = await Promise.all(Object.values(images).map(async ({ ref }) => ({ ref, here: await hasImage(ref) })));
  for (const { ref } of present.filter(({ here }) => !here)) log(`no ${ref} here: what needs it cannot be deployed`);
  return present.filter(({ here }) => here).map(({ ref }) => ref);
}
