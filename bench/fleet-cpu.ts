import { setTimeout as sleep } from "node:timers/promises";
import type { FleetContext } from "../__tests__/fleet/support/context";
import type { FleetStack } from "../__tests__/fleet/support/fleet-stack";
import { FLEET_LOADS } from "./fleet-table";
import { withFleet, withHosts } from "./hosts";
import { flagsOf, type Load, send, type Target, targetAt, verify } from "./load";
import type { Session } from "./session";
import { sum } from "./statistics";
import { cpuBetween, type PerService, readUsage } from "./usage";

/** A fleet of so many nodes under one load, from fresh stores. CPU seconds are for the load's number of items. */
export interface FleetRun {
  readonly load: string;
  readonly round: number;
  readonly nodes: number;
  /** All services of all nodes. */
  readonly all: number;
  readonly haproxy: number;
  /** What of `all` the same containers use when nothing is sent. */
  readonly atRest: number;
  /** By service, of all nodes together. */
  readonly services: PerService;
  readonly lost: number;
}

const REST_SECONDS = 15;
const WARM_UP_SECONDS = 3;
const DRAIN_SECONDS = 5;

/** One node, then three, and again: the machine's speed drifts, so what is compared runs side by side. */
export async function measureFleet(session: Session): Promise<readonly FleetRun[]> {
  return withHosts(async (context) => {
    const runs: FleetRun[] = [];
    for (let round = 1; round <= session.settings.rounds; round++) {
      for (const nodes of [1, 3]) runs.push(...(await measureNodes(session, context, nodes, round)));
    }
    return runs;
  });
}

async function measureNodes(session: Session, context: FleetContext, count: number, round: number) {
  return withFleet(session, context, count, async (stack) => {
    const resting = await usageOf(stack);
    await sleep(REST_SECONDS * 1000, undefined, session);
    const rest = sum(Object.values(cpuBetween(resting, await usageOf(stack)))) / REST_SECONDS;
    const runs: FleetRun[] = [];
    for (const load of FLEET_LOADS) {
      const run = await measure(session, context, stack, { load, round, rest });
      runs.push(run);
      const shown = `${run.all.toFixed(2)} CPU s (HAProxy ${run.haproxy.toFixed(2)}, at rest ${run.atRest.toFixed(2)}), lost ${run.lost}`;
      session.log(`fleet of ${count}, ${load.title}, round ${round}: ${shown}`);
    }
    return runs;
  });
}

interface Case {
  readonly load: Load;
  readonly round: number;
  /** Cores that all containers use together when nothing is sent. */
  readonly rest: number;
}

async function measure(
  session: Session,
  { loadgen }: FleetContext,
  stack: FleetStack,
  { load, round, rest }: Case,
): Promise<FleetRun> {
  const targets = stack.nodes.map((node): readonly [string, Target] => [
    node,
    targetAt(stack.authority(node, "otlpGrpc"), (point, path) => stack.url(node, point, path)),
  ]);
  const name = `${load.key}-${round}-${stack.fleet.name}`;
  const flags = flagsOf(load, 1 / targets.length);
  const sendAll = (what: string, seconds: number) =>
    Promise.all(
      targets.map(([node, target]) => send(session, loadgen, `${what}-${name}-${node}`, flags, seconds, target)),
    );
  await sendAll("warm", WARM_UP_SECONDS);
  await sleep(DRAIN_SECONDS * 1000, undefined, session);

  const before = await usageOf(stack);
  const started = performance.now();
  const reports = await sendAll("load", session.settings.seconds);
  await sleep(DRAIN_SECONDS * 1000, undefined, session);
  const after = await usageOf(stack);
  const window = (performance.now() - started) / 1000;

  const acked = sum(reports.map(({ signals }) => signals[load.signal]?.ackedItems ?? 0));
  if (acked === 0) throw new Error(`${name}: nothing was acknowledged`);
  const used = cpuBetween(before, after);
  const factor = load.per / acked;
  const services: Record<string, number> = {};
  for (const [key, seconds] of Object.entries(used)) {
    const service = key.slice(key.indexOf("/") + 1);
    services[service] = (services[service] ?? 0) + seconds * factor;
  }
  const stored = await Promise.all(
    reports.map(({ run }, index) => verify(session, loadgen, run, load.signal, targets[index]?.[1])),
  );
  return {
    load: load.key,
    round,
    nodes: targets.length,
    all: sum(Object.values(services)),
    haproxy: services.haproxy ?? 0,
    atRest: rest * window * factor,
    services,
    lost: sum(stored.map(({ lost }) => lost)),
  };
}

/** By `node/service`. */
async function usageOf(stack: FleetStack) {
  const nodes = await Promise.all(
    stack.nodes.map(async (node) => {
      const usage = await readUsage(stack.host(node).docker, stack.fleet.name);
      return Object.entries(usage).map(([service, value]) => [`${node}/${service}`, value] as const);
    }),
  );
  return Object.fromEntries(nodes.flat());
}
