import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";
import { ensureEngine } from "../../../images/engine";
import type { E2eContext } from "./context";
import { removeFleet } from "./engine";
import { FLEET_NAMES } from "./fleets";
import { buildLoadgen, describeImages, findParts } from "./parts";

const log = (line: string): void => console.error(`e2e: ${line}`);

/** Makes the parts that are missing, the load generator and an empty engine; at the end nothing of it is left. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const root = resolve(__dirname, "../../..");
  await ensureEngine({ log });
  const parts = await findParts(log);
  const folder = await mkdtemp(join(tmpdir(), "mirador-e2e-"));
  const loadgen = await buildLoadgen(root);
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

async function clean(): Promise<void> {
  for (const name of FLEET_NAMES) await removeFleet(name);
}
