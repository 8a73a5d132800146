import { expect } from "vitest";
import type { FleetStack } from "./fleet-stack";
import { countInGroups } from "./groups";
import { COUNTED, type LoadReport, type NodeCounts } from "./load";
import { WRONG_ANSWER } from "./probe";
import { context, faults } from "./shared-rig";
import { record, say, sayCounts } from "./summary";
import { type Fault, tryFault } from "./trial";

/** Items a second, spread over the nodes. */
export const RATES = { spans: 300, logs: 300, samples: 1_000 } as const;
/** How long a fault lasts under load. */
export const HOLD_SECONDS = context.full ? 30 : 15;
/**
 * Every gateway gets a share of every node's clients, and what one has acknowledged just before its host goes waits on
 * that host's disk. Seconds of one node's load that may so be missing while the host is away, and not after.
 */
const WAITING_SECONDS = 1;

export interface Survival extends Fault {
  /** Afterwards each group is asked alone: what a node answers otherwise comes from one of them. @default false */
  readonly eachGroup?: boolean;
  /**
   * Share of what was acknowledged that may be stored twice. Who was cut off in the middle of an answer sends again, clients
   * as well as gateways.
   * @default 0.1
   */
  readonly doubleShare?: number;
}

/** Tries a fault; nothing that was acknowledged may be missing, wherever one asks. */
export async function survive(stack: FleetStack, fault: Survival): Promise<void> {
  const trial = await tryFault(context, stack, RATES, fault);
  await record(context.folder, fault, trial);
  for (const probe of trial.probes) {
    expect(probe.errors.filter(({ reason }) => reason.startsWith(WRONG_ANSWER)).slice(0, 3)).toEqual([]);
    const [first] = probe.errors;
    if (first === undefined) continue;
    const when = `the first ${(first.atMs / 1000).toFixed(1)} s after the start of ${probe.kind}s: ${first.reason}`;
    say(fault.name, `${probe.kind} ${probe.name} at ${probe.node}: ${probe.errors.length} errors, ${when}`);
  }
  for (const [node, reports] of trial.reports) {
    for (const report of reports) expectServed(node, report);
  }
  const nodeRate = (signal: keyof typeof RATES): number => RATES[signal] / stack.nodes.length;
  const mayWait = (signal: keyof typeof RATES): number => nodeRate(signal) * WAITING_SECONDS;
  // Soft: what is missing for a while says nothing of what is lost for good, so all of it is counted.
  expect.soft(lossesIn(trial.during, fault.struck === undefined ? undefined : mayWait), "during").toEqual([]);
  expect.soft(lossesIn(trial.after), "after").toEqual([]);
  expect.soft(doublesIn(trial.after, fault.doubleShare ?? 0.1), "stored twice").toEqual([]);
  if (fault.eachGroup === true) await expectInEachGroup(stack, fault.name, [...trial.reports.values()].flat());
}

/** Every request was taken in the end, and there were enough of them to mean something. */
export function expectServed(node: string, { signals }: LoadReport): void {
  for (const [signal, { failedRequests, ackedItems }] of Object.entries(signals)) {
    expect({ node, signal, failedRequests }).toEqual({ node, signal, failedRequests: 0 });
    expect(ackedItems, `${signal} acknowledged by ${node}`).toBeGreaterThan(100);
  }
}

/** Both groups hold everything: no node misses anything, whichever of them it must ask. */
export async function expectInEachGroup(
  stack: FleetStack,
  name: string,
  reports: readonly LoadReport[],
): Promise<void> {
  for (const { group, counts } of await countInGroups(context, stack, faults, reports)) {
    sayCounts(`${name}, group ${group} alone`, counts);
    expect.soft(lossesIn(counts), `group ${group} alone`).toEqual([]);
  }
}

function doublesIn(counts: readonly NodeCounts[], share: number): readonly string[] {
  return counts.flatMap(({ node, signals }) =>
    COUNTED.flatMap((signal) => {
      const { acked, double } = signals[signal];
      return double <= acked * share ? [] : [`${node}: ${double} of ${acked} ${signal}`];
    }),
  );
}

/** @param allowed items of a signal that are not missed */
export function lossesIn(
  counts: readonly NodeCounts[],
  allowed: (signal: keyof typeof RATES) => number = () => 0,
): readonly string[] {
  return counts.flatMap(({ node, signals }) =>
    COUNTED.flatMap((signal) => {
      const { acked, lost, errors } = signals[signal];
      if (lost <= allowed(signal) && errors.length === 0) return [];
      return [`${node}: ${lost} of ${acked} ${signal}${errors.length > 0 ? `; ${errors.join("; ")}` : ""}`];
    }),
  );
}
