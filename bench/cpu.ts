import { setTimeout as sleep } from "node:timers/promises";
import { withShape } from "./containers";
import { buildLoadgen, flagsOf, LOADS, type Load, type Stored, send, verify } from "./load";
import type { Session } from "./session";
import { planShapes, SHAPE_KEYS, type Shape, type ShapeKey } from "./shapes";
import { sum } from "./statistics";
import { cpuBetween, mapValues, type PerService, readUsage } from "./usage";

/** One shape under one load, from fresh stores. */
export interface CpuRun {
  readonly load: string;
  readonly round: number;
  readonly shape: ShapeKey;
  /** CPU seconds for the load's number of items, by service. */
  readonly services: PerService;
  /** Sum of all services. */
  readonly node: number;
  readonly haproxy: number;
  /** What of `services` the same containers use when nothing is sent. */
  readonly atRest: PerService;
  /** Rows in the store for each acknowledged item. */
  readonly copies: number;
  readonly stored: Stored;
  readonly failedItems: number;
  /** How far the generator fell behind its rate. */
  readonly slippedMs: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number };
}

const REST_SECONDS = 5;
const WARM_UP_SECONDS = 2;
const SETTLE_SECONDS = 2;
const DRAIN_SECONDS = 3;

/** Rounds of ours, plain, predecessor: the machine's speed drifts, so what is compared runs side by side. */
export async function measureCpu(session: Session): Promise<readonly CpuRun[]> {
  const loadgen = await buildLoadgen(session);
  const shapes = await planShapes(session);
  const runs: CpuRun[] = [];
  for (const load of LOADS) {
    for (let round = 1; round <= session.settings.rounds; round++) {
      for (const key of SHAPE_KEYS) {
        const shape = shapes[key];
        const run = await withShape(session, shape, () => measure(session, loadgen, shape, load, round));
        runs.push(run);
        const { node, haproxy, copies, stored } = run;
        const shown = `${node.toFixed(2)} CPU s (HAProxy ${haproxy.toFixed(2)}), stored ${copies.toFixed(2)}×, lost ${stored.lost}`;
        session.log(`cpu, ${load.title}, round ${round}, ${key}: ${shown}`);
      }
    }
  }
  return runs;
}

async function measure(session: Session, loadgen: string, { key }: Shape, load: Load, round: number): Promise<CpuRun> {
  const { docker, settings } = session;
  const pause = (seconds: number): Promise<void> => sleep(seconds * 1000, undefined, session);
  const name = `${load.key}-${round}-${key}`;

  const resting = await readUsage(docker);
  await pause(REST_SECONDS);
  const rest = cpuBetween(resting, await readUsage(docker));

  await send(session, loadgen, `warm-${name}`, flagsOf(load), WARM_UP_SECONDS);
  await pause(SETTLE_SECONDS);

  const before = await readUsage(docker);
  const started = performance.now();
  const report = await send(session, loadgen, `load-${name}`, flagsOf(load), settings.seconds);
  await pause(DRAIN_SECONDS);
  const after = await readUsage(docker);
  const window = (performance.now() - started) / 1000;

  const sent = report.signals[load.signal];
  if (sent === undefined || sent.ackedItems === 0) throw new Error(`${name}: nothing was acknowledged`);
  const factor = load.per / sent.ackedItems;
  const services = mapValues(cpuBetween(before, after), (seconds) => seconds * factor);
  const stored = await verify(session, loadgen, report.run, load.signal);
  return {
    load: load.key,
    round,
    shape: key,
    services,
    node: sum(Object.values(services)),
    haproxy: services.haproxy ?? 0,
    atRest: mapValues(rest, (seconds) => (seconds / REST_SECONDS) * window * factor),
    copies: stored.stored / stored.acked,
    stored,
    failedItems: sent.failedItems,
    slippedMs: sent.slippedMs,
    latencyMs: { p50: sent.latencyMs.p50, p99: sent.latencyMs.p99 },
  };
}
