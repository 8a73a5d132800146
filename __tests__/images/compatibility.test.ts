import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { BUILT_VERSIONS } from "../../images/built-versions";
import {
  COMPATIBILITY_PAGE,
  compatibilityRows,
  type RecordedRun,
  readRuns,
  renderCompatibility,
  unprovenPins,
} from "../../images/compatibility";
import { IMAGE_CATALOG } from "../../lib";

const RUN: RecordedRun = { date: "2026-01-01", suite: "all", parts: {}, passed: 1, failed: 0, skipped: 0 };
const rowOf = (part: string, runs: readonly RecordedRun[]) => compatibilityRows(runs).find((row) => row.part === part);

describe("docs/compatibility.md", () => {
  test("is what `npm run compatibility` writes", async () => {
    expect(readFileSync(COMPATIBILITY_PAGE, "utf8")).toBe(await renderCompatibility());
  });

  test("proves every pin of the catalogue, by a run or by what was checked of that very version", () => {
    expect(unprovenPins(compatibilityRows(readRuns()))).toEqual([]);
  });

  test("has a run of every part that is built here, in the version that is built", () => {
    const { "victoria-traces-double": _, ...built } = BUILT_VERSIONS;
    const ran = compatibilityRows(readRuns()).flatMap(({ part, ran }) =>
      ran === undefined ? [] : [[part, ran.version]],
    );
    expect(Object.fromEntries(ran)).toMatchObject(built);
  });
});

describe("what was run", () => {
  test("is the newest version, by its last run without a failure where there is one", () => {
    const runs = [
      { ...RUN, parts: { haproxy: "3.4.7" } },
      { ...RUN, parts: { haproxy: "3.10.0" }, date: "2025-12-01" },
      { ...RUN, parts: { haproxy: "3.10.0" }, date: "2025-12-02", failed: 1 },
    ];
    expect(rowOf("haproxy", runs)?.ran).toMatchObject({ version: "3.10.0", run: { date: "2025-12-01" } });
  });

  test("fails to prove a pin whose only run had failures", () => {
    const { version } = IMAGE_CATALOG.haproxy;
    const unproven = (failed: number) =>
      unprovenPins(compatibilityRows([{ ...RUN, parts: { haproxy: version }, failed }])).some((line) =>
        line.startsWith("haproxy"),
      );
    expect([unproven(0), unproven(1)]).toEqual([false, true]);
  });

  test("proves a pin that is a range from its beginning on", () => {
    const unproven = (version: string) =>
      unprovenPins(compatibilityRows([{ ...RUN, parts: { provider: version } }])).some((line) =>
        line.startsWith("provider"),
      );
    expect(unproven("4.6.0")).toBe(false);
    expect([unproven("4.4.0"), unproven("5.0.0")]).toEqual([true, true]);
  });

  test("fails to prove a pin that was raised beyond it", () => {
    expect(unprovenPins([{ part: "haproxy", pin: "9.9.9", ran: { version: "3.4.7", run: RUN } }])).toHaveLength(1);
  });
});
