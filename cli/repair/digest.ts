import type { RepairedSignal } from "./group";
import { type Range, SECOND } from "./range";
import { formatTime, parseLine, parseTime } from "./row";

/** What is compared of many rows at once: equal rows give equal digests, whatever their order. */
export interface Digest {
  readonly rows: number;
  /**
   * Over the times and the texts that differ from row to row: where one row is missing and another one is stored twice, the
   * number of rows would show nothing.
   */
  readonly sum: string;
}

export const NOTHING: Digest = { rows: 0, sum: "0" };

/** How finely a range is looked at: minutes at first, then what of them differs and has many rows, ever finer. */
export const STEPS: readonly { readonly name: string; readonly nanoseconds: bigint }[] = [
  { name: "1m", nanoseconds: 60n * SECOND },
  { name: "1s", nanoseconds: SECOND },
  { name: "10ms", nanoseconds: SECOND / 100n },
  { name: "100000ns", nanoseconds: SECOND / 10_000n },
  { name: "1000ns", nanoseconds: SECOND / 1_000_000n },
];

/** In a trace every span has a number of its own; in logs the message is what differs most. */
const TELLING: Readonly<Record<RepairedSignal, string>> = { logs: "_msg", traces: "span_id" };

export const timeFilter = ({ from, to }: Range): string => `_time:[${formatTime(from)}, ${formatTime(to)})`;

/** LogsQL for the digests of a range. Sums of so small numbers are exact up to nine thousand million rows. */
export function digestQuery(signal: RepairedSignal, range: Range, step: string): string {
  const pipes = [
    `hash(${TELLING[signal]}) as text_hash`,
    "math (text_hash % 1000003 + _time % 1000003) as row_hash",
    `stats by (_time:${step}) count() rows, sum(row_hash) sum`,
  ];
  return [timeFilter(range), ...pipes].join(" | ");
}

/** Reads a line of the answer. @returns where the bucket begins, and its digest */
export function parseDigest(line: string): readonly [bigint, Digest] {
  const { _time: time, rows, sum } = parseLine(line);
  if (time === undefined || rows === undefined || sum === undefined)
    throw new Error(`no digest, but ${line.slice(0, 200)}`);
  return [parseTime(time), { rows: Number(rows), sum }];
}

export type Digests = ReadonlyMap<bigint, Digest>;

export const isEqual = (one: Digest, other: Digest): boolean => one.rows === other.rows && one.sum === other.sum;

/** Where the buckets begin that differ, in order. */
export function differing(one: Digests, other: Digests): readonly bigint[] {
  return [...new Set([...one.keys(), ...other.keys()])]
    .filter((at) => !isEqual(one.get(at) ?? NOTHING, other.get(at) ?? NOTHING))
    .sort((a, b) => (a < b ? -1 : 1));
}

export const rowsIn = (digests: Digests): number =>
  [...digests.values()].reduce((rows, digest) => rows + digest.rows, 0);
