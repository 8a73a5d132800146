import { setTimeout as sleep } from "node:timers/promises";
import type { FleetContext } from "../__tests__/fleet/support/context";
import { FleetStack } from "../__tests__/fleet/support/fleet-stack";
import { fleetOn } from "../__tests__/fleet/support/fleets";
import setUpHosts from "../__tests__/fleet/support/global-setup";
import { Rig } from "../__tests__/fleet/support/rig";
import { untilReady } from "../__tests__/fleet/support/trial";
import { FLEET_LOADS } from "./fleet-table";
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
  const made: { context?: FleetContext } = {};
  const tearDown = await setUpHosts({
    provide: (_, value) => {
      made.context = value as FleetContext;
    },
  });
  try {
    const { context } = made;
    if (context === undefined) throw new Error("the hosts were made without a word");
    const runs: FleetRun[] = [];
    for (let round = 1; round <= session.settings.rounds; round++) {
      for (const nodes of [1, 3]) runs.push(...(await measureNodes(session, context, nodes, round)));
    }
    return runs;
  } finally {
    await tearDown();
  }
}

async function measureNodes(session: Session, context: FleetContext, count: number, round: number) {
  const rig = new Rig(context.rig);
  const fleet = fleetOn(rig.hosts.slice(0, count), `bench${count}`, context.metricsLayout);
  const stack = new FleetStack(context, rig, fleet);
  await stack.forget();
  try {
    await stack.deployAll();
    for (const node of stack.nodes) await untilReady(stack, node);
    await untilJobsEnded(session, stack);
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
  } finally {
    await stack.forget();
  }
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

/** Jobs stay a minute and a half, so that Terraform sees them healthy; what Docker asks them meanwhile takes from the others. */
async function untilJobsEnded(session: Session, stack: FleetStack): Promise<void> {
  const label = [`mirador.fleet=${stack.fleet.name}`, "mirador.job"];
  const filters = JSON.stringify({ label, status: ["running"] });
  const running = () => stack.nodes.map((node) => stack.host(node).docker.listContainers({ filters }));
  while ((await Promise.all(running())).flat().length > 0) await sleep(1_000, undefined, session);
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
