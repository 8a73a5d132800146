import { setTimeout as sleep } from "node:timers/promises";
import type { FleetContext } from "./context";
import type { FleetStack } from "./fleet-stack";
import { countAt, FleetLoad, type LoadReport, type NodeCounts, type Rates } from "./load";
import { FleetProbes, type ProbeReport } from "./probe";
import { sayCounts } from "./summary";
import { GiveUp, waitFor } from "./wait";

/** Longer than any trial; a load is ended by hand. */
const LOAD_SECONDS = 800;
/** Of load before a fault and after it, so that queues and connections are those of every day. */
const CALM_SECONDS = 8;
const READY_SECONDS = 150;

export interface Fault {
  readonly name: string;
  /** Nodes whose clients cannot be served while it lasts. @default - none */
  readonly struck?: readonly string[];
  readonly begin: () => Promise<void>;
  /** @default - it is over when it has begun */
  readonly end?: () => Promise<void>;
  /** How long it lasts under load. @default 0 */
  readonly holdSeconds?: number;
  /** How long everything may take to be found after it. @default 180 */
  readonly drainSeconds?: number;
}

export interface Trial {
  /** What the nodes that were not struck answered before the end of the fault, of what they had acknowledged. */
  readonly during: readonly NodeCounts[];
  /** What every node answered after it, of what every node had acknowledged. */
  readonly after: readonly NodeCounts[];
  /** By the node that was sent to. */
  readonly reports: ReadonlyMap<string, readonly LoadReport[]>;
  readonly probes: readonly ProbeReport[];
}

/** Runs a fault under load that is spread over all nodes, and counts at each of them what is there. */
export async function tryFault(
  context: FleetContext,
  stack: FleetStack,
  rates: Rates,
  { name, struck = [], begin, end, holdSeconds = 0, drainSeconds = 180 }: Fault,
): Promise<Trial> {
  const spared = stack.nodes.filter((node) => !struck.includes(node));
  const load = (nodes: readonly string[]) =>
    FleetLoad.begin(context, stack, name.replaceAll(/\W+/g, "-"), { ...rates, nodes, seconds: LOAD_SECONDS });
  const probes = new FleetProbes(stack);
  const loads = [load(stack.nodes)] as [FleetLoad, ...FleetLoad[]];
  try {
    await sleep(CALM_SECONDS * 1000);
    await begin();
    await sleep(holdSeconds * 1000);
    const reports = await loads[0].stop(spared);
    const during = end === undefined ? [] : await countAt(context, stack, [...reports.values()], { nodes: spared });
    sayCounts(`${name}, during`, during);
    const second = load(spared);
    loads.push(second);
    await end?.();
    await Promise.all(stack.nodes.map((node) => untilReady(stack, node)));
    await sleep(CALM_SECONDS * 1000);
    // Clients of a node that was away have been trying again all the time.
    const all = [reports, await loads[0].stop(struck), await second.stop()];
    const byNode = new Map(stack.nodes.map((node) => [node, all.flatMap((some) => some.get(node) ?? [])]));
    const after = await countAt(context, stack, [...byNode.values()].flat(), { seconds: drainSeconds });
    sayCounts(`${name}, after`, after);
    return { during, after, reports: byNode, probes: await probes.stop() };
  } finally {
    for (const each of loads) each.abandon();
    await probes.stop();
  }
}

/** Until a node says of itself that all of it works. */
export async function untilReady(stack: FleetStack, node: string, seconds = READY_SECONDS): Promise<void> {
  await waitFor(`${node} ready`, { seconds, everyMilliseconds: 250 }, async () => {
    const { status, text } = await readiness(stack, node);
    if (status === 404) throw new GiveUp(`${node} has no /readyz`);
    if (status !== 200) throw new Error(`${status} ${text}`);
    return true;
  });
}

export interface Readiness {
  readonly status: number;
  readonly text: string;
}

export async function readiness(stack: FleetStack, node: string): Promise<Readiness> {
  const response = await fetch(stack.url(node, "stats", "/readyz"), { signal: AbortSignal.timeout(3_000) });
  return { status: response.status, text: (await response.text()).trim() };
}
