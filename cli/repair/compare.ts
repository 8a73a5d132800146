import type { Group } from "../../lib/plan/groups";
import { type Digest, type Digests, differing, isEqual, NOTHING, rowsIn, STEPS } from "./digest";
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
  /** Where rows were missing. */
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

/** Compares a day, or what can be compared of it, hour by hour: no query takes long, whatever a day holds. */
export async function compareDay(stores: Both<RowStore>, day: DayRange, options: CompareOptions): Promise<Difference> {
  const comparison = new Comparison(stores, day, options);
  const hours = split(day, HOUR);
  for (const [at, hour] of hours.entries()) {
    await comparison.hour(hour);
    options.hour(at + 1, hours.length, comparison.found());
  }
  return comparison.found();
}

interface Seen {
  readonly digests: Both<Digest>;
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

  public async hour(range: Range): Promise<void> {
    const wanted = this.options.minutes;
    if (wanted !== undefined && ![...wanted].some((minute) => minute >= range.from && minute < range.to)) return;
    const at = this.options.now();
    const digests = await this.digests(range, 0);
    for (const group of GROUPS) this.rows[group] += rowsIn(digests[group]);
    for (const from of differing(digests.a, digests.b)) {
      if (wanted?.has(from) ?? true)
        await this.minute({ from, to: from + MINUTE }, { digests: pick(digests, from), at });
    }
  }

  private async minute(range: Range, first: Seen): Promise<void> {
    let seen = first;
    for (let tries = 0; tries < TRIES; tries++) {
      try {
        return await this.descend(range, 0, seen);
      } catch (error) {
        if (!(error instanceof Restless)) throw error;
      }
      // What this very run has put there has to be seen, or it would be put there again.
      await this.options.sleep(this.options.settleMilliseconds);
      const at = this.options.now();
      const digests = pick(await this.digests(range, 0), range.from);
      if (isEqual(digests.a, digests.b)) return;
      seen = { digests, at };
    }
    this.restless += 1;
  }

  /** @param level how finely the range was looked at, as an index of {@link STEPS} */
  private async descend(range: Range, level: number, seen: Seen): Promise<void> {
    const { a, b } = seen.digests;
    if (level + 1 === STEPS.length || Math.max(a.rows, b.rows) <= this.options.maxRows) return this.leaf(range, seen);
    const digests = await this.digests(range, level + 1);
    for (const group of GROUPS) if (rowsIn(digests[group]) !== seen.digests[group].rows) throw new Restless();
    const step = STEPS[level + 1]?.nanoseconds ?? 1n;
    for (const from of differing(digests.a, digests.b))
      await this.descend({ from, to: from + step }, level + 1, { digests: pick(digests, from), at: seen.at });
  }

  private async leaf(range: Range, { digests, at }: Seen): Promise<void> {
    await this.options.sleep(Math.max(0, at + this.options.settleMilliseconds - this.options.now()));
    const [a, b] = await Promise.all([this.identities("a", range), this.identities("b", range)]);
    if (a.rows !== digests.a.rows || b.rows !== digests.b.rows) throw new Restless();
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
    this.minutes.add(floor(range.from, MINUTE));
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

const pick = ({ a, b }: Both<Digests>, from: bigint): Both<Digest> => ({
  a: a.get(from) ?? NOTHING,
  b: b.get(from) ?? NOTHING,
});

const without = (all: ReadonlySet<string>, known: ReadonlySet<string>): Set<string> =>
  new Set([...all].filter((identity) => !known.has(identity)));
