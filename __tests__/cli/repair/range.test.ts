import { describe, expect, test } from "vitest";
import { runsOf } from "../../../cli/repair/compare";
import { type Digests, differing, digestQuery, parseDigest } from "../../../cli/repair/digest";
import { type Asked, daysOf, HOUR, isDay, MINUTE, split } from "../../../cli/repair/range";
import { formatTime, parseTime } from "../../../cli/repair/row";

const NOW = parseTime("2026-03-02T01:30:59Z");
const shown = (asked: Asked, now = NOW, retention = 30): readonly string[] =>
  daysOf(asked, now, retention).map(({ day, from, to }) => [day, formatTime(from), formatTime(to)].join(" "));

describe("the days", () => {
  test("end two minutes ago, since newer rows may still be on their way", () => {
    expect(shown({ kind: "since", days: 1 })).toEqual([
      "2026-03-01 2026-03-01T00:00:00.000000000Z 2026-03-02T00:00:00.000000000Z",
      "2026-03-02 2026-03-02T00:00:00.000000000Z 2026-03-02T01:28:00.000000000Z",
    ]);
  });

  test("a minute after midnight today has nothing to compare", () => {
    expect(shown({ kind: "since", days: 1 }, parseTime("2026-03-02T00:01:30Z"))).toEqual([
      "2026-03-01 2026-03-01T00:00:00.000000000Z 2026-03-01T23:59:00.000000000Z",
    ]);
  });

  test("begin where a store still takes rows", () => {
    expect(shown({ kind: "all" }, NOW, 2)).toEqual([
      "2026-02-28 2026-02-28T02:31:00.000000000Z 2026-03-01T00:00:00.000000000Z",
      "2026-03-01 2026-03-01T00:00:00.000000000Z 2026-03-02T00:00:00.000000000Z",
      "2026-03-02 2026-03-02T00:00:00.000000000Z 2026-03-02T01:28:00.000000000Z",
    ]);
  });

  test("are the ones that were named, once each and in order, as far as they are kept", () => {
    const days = ["2026-03-01", "2026-02-27", "2026-03-01", "2025-01-01", "2026-03-05"];
    expect(shown({ kind: "days", days }).map((text) => text.slice(0, 10))).toEqual(["2026-02-27", "2026-03-01"]);
  });

  test.each([
    ["2026-02-28", true],
    ["2026-02-29", false],
    ["2026-2-1", false],
    ["2026-13-01", false],
    ["yesterday", false],
    ["", false],
  ])("%j is one: %s", (text, expected) => {
    expect(isDay(text)).toBe(expected);
  });

  test("are cut at whole hours, and nothing is left out or taken twice", () => {
    const from = parseTime("2026-03-01T00:31:00Z");
    const parts = split({ from, to: from + 2n * HOUR }, HOUR);
    expect(parts.map((part) => (part.to - part.from) / MINUTE)).toEqual([29n, 60n, 31n]);
    expect(parts.slice(1).map((part) => part.from)).toEqual(parts.slice(0, -1).map((part) => part.to));
  });
});

describe("digests", () => {
  const digests = (of: Readonly<Record<number, readonly [number, string]>>): Digests =>
    new Map(Object.entries(of).map(([at, [rows, sum]]) => [BigInt(at) * MINUTE, { rows, sum }]));

  test("are asked for by the text that tells rows of the signal apart", () => {
    const range = { from: 0n, to: MINUTE };
    expect(digestQuery("traces", range, "1s")).toBe(
      "_time:[1970-01-01T00:00:00.000000000Z, 1970-01-01T00:01:00.000000000Z) | hash(span_id) as text_hash" +
        " | math (text_hash % 1000003 + _time % 1000003) as row_hash | stats by (_time:1s) count() rows, sum(row_hash) sum",
    );
    expect(digestQuery("logs", range, "1s")).toContain("hash(_msg)");
  });

  test("are read from a line, or there is none", () => {
    expect(parseDigest('{"_time":"1970-01-01T00:01:00Z","rows":"7","sum":"99"}')).toEqual([
      MINUTE,
      { rows: 7, sum: "99" },
    ]);
    expect(() => parseDigest('{"_time":"1970-01-01T00:01:00Z","rows":"7"}')).toThrow("no digest");
  });

  test("differ by their number of rows, by their content, and where one group has nothing", () => {
    const one = digests({ 1: [5, "9"], 2: [5, "9"], 3: [5, "9"], 4: [5, "9"] });
    const other = digests({ 1: [5, "9"], 2: [6, "9"], 3: [5, "8"], 5: [1, "1"] });
    expect(differing(one, other).map((at) => at / MINUTE)).toEqual([2n, 3n, 4n, 5n]);
  });

  test("that lie side by side are read at once, up to a number of rows", () => {
    const a = digests({ 1: [40, "1"], 2: [50, "1"], 3: [20, "1"], 5: [1, "1"], 6: [500, "1"], 7: [1, "1"] });
    const b = digests({ 2: [70, "2"] });
    const runs = runsOf(differing(a, b), { a, b }, MINUTE, 100);
    expect(runs.map(({ from, to, rows }) => [from / MINUTE, to / MINUTE, rows.a, rows.b])).toEqual([
      [1n, 3n, 90, 70],
      [3n, 4n, 20, 0],
      [5n, 6n, 1, 0],
      [6n, 7n, 500, 0],
      [7n, 8n, 1, 0],
    ]);
  });
});
