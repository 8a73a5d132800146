import { resolve } from "node:path";
import { buildParts, partsEnvironment } from "../images/build";
import { readEnvironment } from "../inputs/environment";
import { loadFleet } from "../inputs/load-fleet";
import type { Fleet, FleetNode } from "../lib/fleet/fleet";
import type { Choice } from "./engine-images";
import { ENV_FILE, type RememberedChoice, readEnvFile } from "./env-file";
import { CliError, EXIT } from "./failure";
import { checkNode, checkTerraform, type NodeEngine, nodeEngine } from "./machine";
import type { Step } from "./progress";
import { ensureStatsPassword, type StatsPassword } from "./secrets";
import type { Session } from "./session";
import { init, isRegistryOutOfReach, ownConfigFile, synth, terraformEnvironment } from "./terraform";

/** The fleet for hosts that have built parts only: the metrics cluster is not among them. */
export const PARTS_FLEET = "examples/metrics-single.ts";

/** What the person asked for: the environment, else what the last run was asked for. */
export function askedChoice({ folder, environment }: Session): Choice & RememberedChoice {
  const { MIRADOR_FLEET, MIRADOR_IMAGES } = readEnvironment(folder, environment);
  const named = Object.entries({ MIRADOR_FLEET, MIRADOR_IMAGES }).filter(([, value]) => value);
  return { ...readEnvFile(folder), ...Object.fromEntries(named) };
}

/**
 * Says which fleet it is where that is not `fleet.ts`, and why: somebody who edits `fleet.ts` and sees no change must not
 * have to guess.
 */
export function tellFleet({ folder, environment, progress }: Session, { MIRADOR_FLEET: module }: Choice): void {
  if (module === undefined || resolve(folder, module) === resolve(folder, "fleet.ts")) return;
  const remembered = !readEnvironment(folder, environment).MIRADOR_FLEET;
  const place = environment.MIRADOR_FLEET ? "the environment" : ".env";
  progress.note(
    "fleet",
    `${module}, ${remembered ? `which the last demo had (${ENV_FILE})` : `by MIRADOR_FLEET of ${place}`}`,
  );
  const forget = remembered ? `; to forget: rm ${ENV_FILE}` : "";
  progress.note("", `fleet.ts is not looked at; for that one: MIRADOR_FLEET=fleet.ts before the same command${forget}`);
}

export interface DemoFleet {
  readonly fleet: Fleet;
  readonly node: FleetNode;
}

/** @throws ProblemError for a fleet that cannot be used, CliError for one of several nodes */
export async function demoFleet({ folder, environment }: Session, choice: Choice): Promise<DemoFleet> {
  const fleet = await loadFleet(folder, { ...readEnvironment(folder, environment), ...choice });
  const [node, ...others] = fleet.nodes;
  if (node !== undefined && others.length === 0) return { fleet, node };
  const names = fleet.nodes.map(({ name }) => name).join(" ");
  throw new CliError(
    {
      code: "demo/one-node-only",
      what: `the demo runs one node; the fleet has ${fleet.nodes.length}`,
      where: choice.MIRADOR_FLEET ?? "fleet.ts",
      fix: names === "" ? "add a node to it" : `deploy them with: npx cdktf deploy ${names}`,
    },
    EXIT.wrongFleet,
  );
}

export async function machineStep(context: Session, node: Pick<FleetNode, "name" | "docker">): Promise<NodeEngine> {
  const { engine } = await context.progress.step(
    "machine",
    `asking terraform and the Docker engine of ${node.name}`,
    async (step) => {
      const nodeVersion = checkNode(process.versions.node);
      const terraform = await checkTerraform(context.environment);
      return { nodeVersion, terraform, engine: await nodeEngine(node, step.line) };
    },
    (found) =>
      `terraform ${found.terraform}, node ${found.nodeVersion}, docker ${found.engine.version} at ${found.engine.address.replace("unix://", "")}`,
  );
  return engine;
}

export async function secretStep({ folder, environment, progress }: Session, fleet: Fleet): Promise<StatsPassword> {
  return progress.step(
    "secrets",
    "looking for the password of the stats page",
    async () => ensureStatsPassword(folder, readEnvironment(folder, environment), fleet.haproxy),
    ({ made, where }) => `password of the stats page ${made ? "generated, kept in" : "found in"} ${where}`,
  );
}

/**
 * Has Terraform find its provider, which is built from source where no registry can be reached.
 * @param written the stack is there already, and the fleet may not be
 * @returns the configuration file of Terraform that brings the provider; nothing when its registry does
 */
export async function providerStep(
  { folder, environment, progress, interrupt }: Session,
  node: string,
  choice: Choice,
  { terraformConfigFile, written = false }: { readonly terraformConfigFile?: string; readonly written?: boolean },
): Promise<string | undefined> {
  const initWith = (configFile: string | undefined): Promise<void> =>
    init({ folder, node, interrupt, env: terraformEnvironment({ ...environment, ...choice }, configFile) });
  return progress.step(
    "provider",
    "terraform looks for the Docker provider",
    async (step) => {
      if (!written) await synth({ folder, env: { ...environment, ...choice } });
      const configFile = ownConfigFile(environment) ?? terraformConfigFile;
      try {
        await initWith(configFile);
        return configFile;
      } catch (error) {
        if (configFile !== undefined || !isRegistryOutOfReach(error)) throw error;
        step.line("Terraform's registry is out of reach: the Docker provider is built from source");
        const built = await buildParts({ log: partsLog(step), only: ["provider"] });
        await initWith(built.terraformConfigFile);
        return built.terraformConfigFile;
      }
    },
    (file) => `found ${file === undefined ? "in Terraform's registry" : foundBy(file)}`,
  );
}

const foundBy = (file: string): string =>
  file === partsEnvironment().TF_CLI_CONFIG_FILE ? "among the parts built here" : `where ${file} says`;

/** What was built stays on the screen; what was only found again does not. */
export function partsLog(step: Step): (line: string) => void {
  return (line) => {
    const text = line.trim().replaceAll(/ {2,}/g, "  ");
    step.waiting(text);
    if (!/\bfound\b/.test(text)) step.line(text);
  };
}
