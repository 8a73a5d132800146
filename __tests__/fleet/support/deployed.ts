import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll } from "vitest";
import { FleetStack } from "./fleet-stack";
import { fleetOn, type RigFleet } from "./fleets";
import { context, faults, rig } from "./shared-rig";
import { say } from "./summary";
import { type Readiness, readiness, untilReady } from "./trial";
import { timed } from "./wait";

/** How a fleet came to be. */
export interface Deployment {
  /** In which the nodes were deployed; any is right, so each run draws one. */
  readonly order: readonly string[];
  /** What the first node said of itself when it was the only one. */
  readonly alone: Readiness;
}

export interface FleetOfFile {
  readonly stack: FleetStack;
  /** Known when the tests run. */
  readonly deployment: () => Deployment;
}

/** What the hosts hold; a file, because every test file has a process of its own. */
interface Record {
  readonly definition: RigFleet;
  readonly deployment: Deployment;
}

const recordFile = join(context.folder, "deployed.json");

/** The fleet that most files share: one node on each host. */
export const threeNodes: RigFleet = fleetOn(rig.hosts, "fleet", context.metricsLayout);

/**
 * The fleet of a test file or a part of it: deployed and ready before the tests, healed and ready again after each. One
 * that an earlier file has left is taken over: a deploy of three nodes takes a minute of two cores.
 * @param prepare makes what must be on the empty hosts before the first deploy
 */
export function useFleet(definition: RigFleet = threeNodes, prepare?: () => Promise<void>): FleetOfFile {
  const stack = new FleetStack(context, rig, definition);
  let deployment: Deployment | undefined;

  beforeAll(async () => {
    await faults.healAll();
    deployment = (await takeOver(stack)) ?? (await makeAnew(stack, prepare));
  });

  afterEach(async () => {
    await faults.healAll();
    await allReady(stack);
  });

  return {
    stack,
    deployment: () => {
      if (deployment === undefined) throw new Error(`the fleet ${definition.name} is not deployed`);
      return deployment;
    },
  };
}

async function takeOver(stack: FleetStack): Promise<Deployment | undefined> {
  const earlier = await readRecord();
  if (earlier === undefined || JSON.stringify(earlier.definition) !== JSON.stringify(stack.fleet)) return undefined;
  await allReady(stack);
  return earlier.deployment;
}

async function makeAnew(stack: FleetStack, prepare?: () => Promise<void>): Promise<Deployment> {
  await emptyHosts();
  await stack.forget();
  await prepare?.();
  const deployment = await deployInAnyOrder(stack);
  await writeFile(recordFile, JSON.stringify({ definition: stack.fleet, deployment } satisfies Record));
  return deployment;
}

/** Nothing is left on the hosts but images; the next file deploys its fleet anew. */
export async function emptyHosts(): Promise<void> {
  await rm(recordFile, { force: true });
  await Promise.all(rig.hosts.map((host) => host.empty()));
}

export async function allReady(stack: FleetStack): Promise<void> {
  await Promise.all(stack.nodes.map((node) => untilReady(stack, node)));
}

async function readRecord(): Promise<Record | undefined> {
  const text = await readFile(recordFile, "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Record);
}

async function deployInAnyOrder(stack: FleetStack): Promise<Deployment> {
  const order = shuffled(stack.nodes);
  const [first = "", ...others] = order;
  const one = await timed(() => stack.deploy(first));
  const alone = await readiness(stack, first);
  const rest = await timed(() => stack.deployAll(others));
  const seconds = `${first} in ${one.seconds.toFixed(1)} s, then ${others.join(", ")} in ${rest.seconds.toFixed(1)} s`;
  say("deployed", seconds);
  await allReady(stack);
  return { order, alone };
}

function shuffled<T>(values: readonly T[]): readonly T[] {
  return values
    .map((value) => ({ value, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ value }) => value);
}
