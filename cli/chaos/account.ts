import { SIGNALS, type Signal } from "../../lib/fleet/definition";
import type { SentItem } from "./rounds";
import { acknowledgedOf, type Found, type Watched } from "./watch";

/** From then on an item that becomes visible counts as late. */
export const LATE_SECONDS = 10;

/** What a node did for a signal: with what it was sent, and with what all nodes acknowledged. */
export interface Account {
  readonly node: string;
  readonly signal: Signal;
  /** Of what was sent to this node. Absent when nothing was: it was struck. */
  readonly taken?: {
    readonly sent: number;
    readonly acknowledged: number;
    /** The longest time without an acknowledgement. */
    readonly gapSeconds: number;
  };
  /** Of what was asked at this node meanwhile. Absent when nothing was. */
  readonly answered?: {
    readonly late: number;
    /** From an acknowledgement to the first answer that held the item, of the slowest one. */
    readonly slowestSeconds: number;
    /** The longest time without an answer. */
    readonly gapSeconds: number;
  };
  /** Numbers that some node acknowledged and this one does not have. */
  readonly lost: readonly number[];
  /** How many times too often items are there. Absent for metrics, of which nobody sees copies. */
  readonly doubles?: number;
  /** Why the node did not answer in the end: what is lost is not known then. */
  readonly trouble?: string;
}

/** What was seen of a run. Times are in milliseconds since 1970. */
export interface Seen {
  readonly items: readonly SentItem[];
  readonly watched: readonly Watched[];
  /** Of every node, in the order in which they are told. */
  readonly found: readonly Found[];
  readonly from: number;
  readonly to: number;
}

/** The account of each signal and node. */
export function accountsOf(seen: Seen): readonly Account[] {
  return SIGNALS.flatMap((signal) =>
    seen.found.filter((found) => found.signal === signal).map((found) => accountOf(seen, found)),
  );
}

function accountOf({ items, watched, from, to }: Seen, { node, signal, numbers, trouble }: Found): Account {
  const acknowledged = acknowledgedOf(items, signal);
  const own = items.filter((item) => item.signal === signal && item.sentTo === node);
  const watch = watched.find((one) => one.node === node && one.signal === signal);
  const present = acknowledged.filter(({ number }) => numbers.has(number));
  const doubles = [...numbers.values()].reduce((all, count) => all + count - 1, 0);
  return {
    ...{ node, signal },
    ...(own.length === 0 ? {} : { taken: takenOf(own, from, to) }),
    ...(watch === undefined ? {} : { answered: answeredOf(present, watch, from, to) }),
    lost: acknowledged.filter(({ number }) => !numbers.has(number)).map(({ number }) => number),
    ...(signal === "metrics" ? {} : { doubles }),
    ...(trouble === undefined ? {} : { trouble }),
  };
}

function takenOf(own: readonly SentItem[], from: number, to: number): NonNullable<Account["taken"]> {
  const times = own.flatMap(({ acknowledgedAt }) => acknowledgedAt ?? []);
  return { sent: own.length, acknowledged: times.length, gapSeconds: longestGap(times, from, to) };
}

function answeredOf(
  present: readonly SentItem[],
  { answeredAt, seenAt, endedAt }: Watched,
  from: number,
  to: number,
): NonNullable<Account["answered"]> {
  const waits = present.map(({ number, acknowledgedAt = 0 }) => {
    // Seen before the acknowledgement came: no time at all.
    return Math.max(0, (seenAt.get(number) ?? endedAt) - acknowledgedAt) / 1000;
  });
  return {
    late: waits.filter((seconds) => seconds > LATE_SECONDS).length,
    slowestSeconds: tenths(waits.reduce((most, seconds) => Math.max(most, seconds), 0)),
    gapSeconds: longestGap(answeredAt, from, to),
  };
}

/** @param times of successes, in any order @returns seconds */
export function longestGap(times: readonly number[], from: number, to: number): number {
  let gap = 0;
  let before = from;
  for (const time of [...times.filter((one) => one >= from && one <= to).toSorted((a, b) => a - b), to]) {
    gap = Math.max(gap, time - before);
    before = time;
  }
  return tenths(gap / 1000);
}

const tenths = (seconds: number): number => Math.round(seconds * 10) / 10;
