import { describe, expect, test } from "vitest";
import { type CompareOptions, compareDay, type RowStore } from "../../../cli/repair/compare";
import { type Digest, STEPS } from "../../../cli/repair/digest";
import { DAY, floor, MINUTE, type Range, SECOND } from "../../../cli/repair/range";
import type { Row } from "../../../cli/repair/row";

const DAY_RANGE = { day: "1970-01-02", from: DAY, to: 2n * DAY };
/** What is put in arrives encoded; only its time and number are looked at. */
const numberIn = (encoded: Buffer): number => Number(/n(\d+);/.exec(encoded.toString("latin1"))?.[1]);

const rowAt = (number: number, time: bigint): Row => ({
  ...{ time, stream: "{}", streamId: "0" },
  fields: new Map([["_msg", `n${number};`]]),
});

/** A group in memory: rows by number, and how often what was asked. */
class Memory implements RowStore {
  public readonly asked = { digests: 0, rows: 0, largest: 0 };
  /** Called before each answer: something that happens meanwhile. */
  public meanwhile: () => void = () => undefined;

  constructor(public stored: Row[]) {}

  public async digests(range: Range, step: string): Promise<Map<bigint, Digest>> {
    this.asked.digests += 1;
    const size = STEPS.find(({ name }) => name === step)?.nanoseconds ?? expect.fail(step);
    const found = new Map<bigint, Digest>();
    for (const row of this.inside(range)) {
      const { rows, sum } = found.get(floor(row.time, size)) ?? { rows: 0, sum: "0" };
      const number = Number(row.fields.get("_msg")?.slice(1, -1));
      found.set(floor(row.time, size), { rows: rows + 1, sum: String(Number(sum) + number * 7919 + 1) });
    }
    this.meanwhile();
    return found;
  }

  public async *rows(range: Range): AsyncGenerator<Row> {
    this.asked.rows += 1;
    const inside = this.inside(range);
    this.asked.largest = Math.max(this.asked.largest, inside.length);
    yield* inside;
  }

  public async insert(_: Range, encoded: readonly Buffer[]): Promise<void> {
    for (const row of encoded) this.stored.push(rowAt(numberIn(row), row.readBigInt64BE(10)));
  }

  public numbers(): readonly number[] {
    return this.stored.map(({ fields }) => Number(fields.get("_msg")?.slice(1, -1))).sort((a, b) => a - b);
  }

  private inside({ from, to }: Range): readonly Row[] {
    return this.stored.filter(({ time }) => time >= from && time < to);
  }
}

/** A clock that only sleeping moves. */
function options(more: Partial<CompareOptions> = {}): CompareOptions & { slept: () => number } {
  let clock = 0;
  return {
    ...{ fill: true, settleMilliseconds: 5_000, maxRows: 10, now: () => clock, hour: () => undefined },
    sleep: async (milliseconds) => {
      clock += milliseconds;
    },
    slept: () => clock,
    ...more,
  };
}

/** 300 rows: a spread of them, and 100 within 200 nanoseconds. */
const ROWS = Array.from({ length: 300 }, (_, number) =>
  rowAt(number, DAY + (number < 200 ? BigInt(number) * 1_700_000_123n : 13n * 60n * MINUTE + BigInt(number))),
);
const NUMBERS = ROWS.map((_, number) => number);

describe("two groups", () => {
  test("that are equal are asked for their digests alone", async () => {
    const [a, b] = [new Memory([...ROWS]), new Memory([...ROWS].reverse())];
    const found = await compareDay({ a, b }, DAY_RANGE, options());
    expect([a.asked, b.asked].map(({ digests, rows }) => [digests, rows])).toEqual([
      [24, 0],
      [24, 0],
    ]);
    expect([found.rows, found.missing]).toEqual([
      { a: 300, b: 300 },
      { a: 0, b: 0 },
    ]);
  });

  test("with holes of both get what they lack; a minute with many rows is read in parts", async () => {
    const a = new Memory(ROWS.filter((_, number) => number % 3 !== 0));
    const b = new Memory(ROWS.filter((_, number) => number % 3 !== 1));
    const found = await compareDay({ a, b }, DAY_RANGE, options());
    expect([a.numbers(), b.numbers()]).toEqual([NUMBERS, NUMBERS]);
    expect([found.missing, found.put]).toEqual([
      { a: 100, b: 100 },
      { a: 100, b: 100 },
    ]);
    // The finest step has more rows than fit, and they are read nonetheless.
    expect(a.asked.largest).toBeLessThanOrEqual(100);
  });

  test("are left as they are when it is only looked", async () => {
    const [a, b] = [new Memory(ROWS.slice(1)), new Memory(ROWS.slice(0, 290))];
    const found = await compareDay({ a, b }, DAY_RANGE, options({ fill: false }));
    expect([found.missing, found.put]).toEqual([
      { a: 1, b: 10 },
      { a: 0, b: 0 },
    ]);
    expect([a.stored.length, b.stored.length]).toEqual([299, 290]);
  });

  test("of which one has a row twice are equal", async () => {
    const twice = ROWS[5] ?? expect.fail();
    const [a, b] = [new Memory([...ROWS, twice]), new Memory([...ROWS])];
    const found = await compareDay({ a, b }, DAY_RANGE, options());
    expect([found.missing, found.restless, a.stored.length, b.stored.length]).toEqual([{ a: 0, b: 0 }, 0, 301, 300]);
  });

  test("get a row once that the other one has twice", async () => {
    const twice = ROWS[5] ?? expect.fail();
    const [a, b] = [new Memory([...ROWS, twice]), new Memory(ROWS.filter((row) => row !== twice))];
    await compareDay({ a, b }, DAY_RANGE, options());
    expect(b.numbers()).toEqual(NUMBERS);
  });

  test("of which one gets a row a moment later are not given it a second time", async () => {
    const late = ROWS[5] ?? expect.fail();
    const [a, b] = [new Memory([...ROWS]), new Memory(ROWS.filter((row) => row !== late && row !== ROWS[90]))];
    let digests = 0;
    b.meanwhile = () => {
      // After all hours were looked at; its batch was on the way.
      if (++digests === 24) b.stored.push(late);
    };
    const own = options();
    const found = await compareDay({ a, b }, DAY_RANGE, own);
    expect(b.numbers()).toEqual(NUMBERS);
    expect([found.put.b, found.restless]).toEqual([1, 0]);
    expect(own.slept()).toBeGreaterThanOrEqual(5_000);
  });

  test("that never come to rest are told of, and not touched", async () => {
    const [a, b] = [new Memory([...ROWS]), new Memory(ROWS.slice(1))];
    let number = 1_000;
    a.meanwhile = () => void a.stored.push(rowAt(number++, DAY + SECOND));
    const found = await compareDay({ a, b }, DAY_RANGE, options());
    expect([found.restless, found.put]).toEqual([1, { a: 0, b: 0 }]);
  });

  test("are looked at again only where something was put", async () => {
    const [a, b] = [new Memory([...ROWS]), new Memory(ROWS.slice(1))];
    const found = await compareDay({ a, b }, DAY_RANGE, options());
    expect([...found.minutes]).toEqual([DAY]);
    const before = a.asked.digests;
    const again = await compareDay({ a, b }, DAY_RANGE, options({ fill: false, minutes: found.minutes }));
    expect([a.asked.digests - before, again.missing]).toEqual([1, { a: 0, b: 0 }]);
  });

  test("keep what cannot be copied exactly where it is", async () => {
    const odd: Row = {
      ...{ time: DAY, stream: '{a="x"}', streamId: "1" },
      fields: new Map([
        ["_msg", "n7;"],
        ["a", "y"],
      ]),
    };
    const [a, b] = [new Memory([odd]), new Memory([])];
    const { missing, put, odd: left } = await compareDay({ a, b }, DAY_RANGE, options());
    expect([missing.b, put.b, left.b, b.stored.length]).toEqual([1, 0, 1, 0]);
  });
});
