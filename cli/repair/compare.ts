import type { Group } from "../../lib/plan/groups";
import { type Digests, differing, rowsIn, STEPS } from "./digest";
import { RowEncoder } from "./encode";
import { type DayRange, floor, HOUR, MINUTE, type Range, split } from "./range";
import { identityOf, type Row } from "./row";

/** A number for each group. */
export type Both<T> = Readonly<Record<Group, T>>;

/** The rows of one signal in a group; {@link StoredRows} is one. */
export interface RowStore {
  digests(range: Range, step: string): Promise<Digests>;
  rows(range: Range): AsyncIterable<Row>;
  insert(day: Range, encoded: readonly Buffer[]): Promise<void>;
}

export interface CompareOptions {
  /** Puts what a group lacks there. Without it nothing is written. */
  readonly fill: boolean;
  /**
   * A difference counts when it was there this long ago already, in milliseconds: what the gateways sent a moment ago need
   * not be visible in both groups yet.
   */
  readonly settleMilliseconds: number;
  /** A range with more rows is looked at more finely before its rows are read. */
  readonly maxRows: number;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
  /** Milliseconds. */
  readonly now: () => number;
  /** Told after each hour. */
  readonly hour: (done: number, of: number, found: Difference) => void;
  /** Compares these minutes only. @default - all */
  readonly minutes?: ReadonlySet<bigint>;
}

/** What was found, and done. */
export interface Difference {
  /** As stored, so that a row stored twice counts twice. */
  readonly rows: Both<number>;
  /** Rows that the other group has. */
  readonly missing: Both<number>;
  /** Of those, the ones that were put there. */
  readonly put: Both<number>;
  /** Of those, the ones whose stream cannot be told exactly, so that they were not put there. */
  readonly odd: Both<number>;
  /** In which rows were to be put. */
  readonly minutes: ReadonlySet<bigint>;
  /** Minutes in which rows kept arriving, which nothing can be said of. */
  readonly restless: number;
}

/** A range did not hold what it had held a moment ago. */
class Restless extends Error {}

const TRIES = 3;
const GROUPS = ["a", "b"] as const;
/** Bytes of rows handed over at once; what insert roles send. */
const BATCH_BYTES = 2 * 1024 * 1024;

/** Compares a day, or what can be compared of it. Queries are for an hour at most: none takes long, whatever a day holds. */
export async function compareDay(stores: Both<RowStore>, day: DayRange, options: CompareOptions): Promise<Difference> {
  const comparison = new Comparison(stores, day, options);
  await comparison.run();
  return comparison.found();
}

/** Digests of both groups, and when they were taken. */
interface Seen {
  readonly digests: Both<Digests>;
  /** Milliseconds. */
  readonly at: number;
}

class Comparison {
  private readonly encoder = new RowEncoder();
  private readonly rows = { a: 0, b: 0 };
  private readonly missing = { a: 0, b: 0 };
  private readonly put = { a: 0, b: 0 };
  private readonly odd = { a: 0, b: 0 };
  private readonly minutes = new Set<bigint>();
  private restless = 0;

  constructor(
    private readonly stores: Both<RowStore>,
    private readonly day: DayRange,
    private readonly options: CompareOptions,
  ) {}

  public found(): Difference {
    const { rows, missing, put, odd, minutes, restless } = this;
    return { rows: { ...rows }, missing: { ...missing }, put: { ...put }, odd: { ...odd }, minutes, restless };
  }

  public async run(): Promise<void> {
    const { minutes } = this.options;
    const hours = split(this.day, HOUR).filter(
      ({ from, to }) => minutes === undefined || [...minutes].some((minute) => minute >= from && minute < to),
    );
    // All of them first: by the time that rows are read, most digests are old enough to be believed.
    const seen: Seen[] = [];
    for (const hour of hours) {
      const at = this.options.now();
      seen.push({ digests: await this.digests(hour, 0), at });
    }
    for (const { digests } of seen) for (const group of GROUPS) this.rows[group] += rowsIn(digests[group]);
    for (const [at, hour] of seen.entries()) {
      await this.descend(0, hour, 0);
      this.options.hour(at + 1, hours.length, this.found());
    }
  }

  /** @param level how finely was looked, as an index of {@link STEPS} */
  private async descend(level: number, { digests, at }: Seen, tries: number): Promise<void> {
    const { minutes, maxRows } = this.options;
    const differ = differing(digests.a, digests.b).filter((from) => level > 0 || (minutes?.has(from) ?? true));
    for (const part of runsOf(differ, digests, STEPS[level]?.nanoseconds ?? 1n, maxRows)) {
      try {
        if (Math.max(part.rows.a, part.rows.b) > maxRows && level + 1 < STEPS.length) {
          const finer = await this.digests(part, level + 1);
          for (const group of GROUPS) if (rowsIn(finer[group]) !== part.rows[group]) throw new Restless();
          await this.descend(level + 1, { digests: finer, at }, tries);
        } else await this.leaf(part, at);
      } catch (error) {
        if (!(error instanceof Restless) || level > 0) throw error;
        await this.again(part, tries + 1);
      }
    }
  }

  private async again(range: Range, tries: number): Promise<void> {
    if (tries === TRIES) {
      this.restless += Number((range.to - range.from) / MINUTE);
      return;
    }
    // What this very run has put there has to be seen, or it would be put there again.
    await this.options.sleep(this.options.settleMilliseconds);
    const at = this.options.now();
    await this.descend(0, { digests: await this.digests(range, 0), at }, tries);
  }

  private async leaf(range: Run, at: number): Promise<void> {
    await this.options.sleep(Math.max(0, at + this.options.settleMilliseconds - this.options.now()));
    const [a, b] = await Promise.all([this.identities("a", range), this.identities("b", range)]);
    if (a.rows !== range.rows.a || b.rows !== range.rows.b) throw new Restless();
    await this.fill("a", range, without(b.known, a.known));
    await this.fill("b", range, without(a.known, b.known));
  }

  private async identities(group: Group, range: Range): Promise<{ rows: number; known: Set<string> }> {
    const known = new Set<string>();
    let rows = 0;
    for await (const row of this.stores[group].rows(range)) {
      rows += 1;
      known.add(identityOf(row));
    }
    return { rows, known };
  }

  /** @param lacking the identities of rows that the other group has; rows are read again, not kept */
  private async fill(group: Group, range: Range, lacking: Set<string>): Promise<void> {
    if (lacking.size === 0) return;
    if (!this.options.fill) {
      this.missing[group] += lacking.size;
      return;
    }
    let batch: Buffer[] = [];
    let bytes = 0;
    const send = async (): Promise<void> => {
      if (batch.length > 0) await this.stores[group].insert(this.day, batch);
      this.put[group] += batch.length;
      batch = [];
      bytes = 0;
    };
    for await (const row of this.stores[group === "a" ? "b" : "a"].rows(range)) {
      // A row that is stored twice there is put here once.
      if (!lacking.delete(identityOf(row))) continue;
      this.missing[group] += 1;
      this.minutes.add(floor(row.time, MINUTE));
      const encoded = this.encoder.encode(row);
      if (encoded === undefined) {
        this.odd[group] += 1;
        continue;
      }
      batch.push(encoded);
      bytes += encoded.length;
      if (bytes >= BATCH_BYTES) await send();
    }
    await send();
  }

  private async digests(range: Range, level: number): Promise<Both<Digests>> {
    const step = STEPS[level]?.name ?? "1m";
    const [a, b] = await Promise.all([this.stores.a.digests(range, step), this.stores.b.digests(range, step)]);
    return { a, b };
  }
}

interface Run extends Range {
  readonly rows: Both<number>;
}

/** Joins what differs and lies side by side, up to a number of rows: requests are few where a whole day is missing. */
export function runsOf(
  differ: readonly bigint[],
  { a, b }: Both<Digests>,
  step: bigint,
  maxRows: number,
): readonly Run[] {
  const runs: Run[] = [];
  for (const from of differ) {
    const rows = { a: a.get(from)?.rows ?? 0, b: b.get(from)?.rows ?? 0 };
    const last = runs.at(-1);
    const joined = { a: rows.a + (last?.rows.a ?? 0), b: rows.b + (last?.rows.b ?? 0) };
    if (last !== undefined && last.to === from && Math.max(joined.a, joined.b) <= maxRows)
      runs[runs.length - 1] = { from: last.from, to: from + step, rows: joined };
    else runs.push({ from, to: from + step, rows });
  }
  return runs;
}

const without = (all: ReadonlySet<string>, known: ReadonlySet<string>): Set<string> =>
  new Set([...all].filter((identity) => !known.has(identity)));
