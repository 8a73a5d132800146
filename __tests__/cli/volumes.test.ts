import { describe, expect, test } from "vitest";
import { daysLeft, parseVolumes } from "../../cli/operate/volume-look";
import { volumesText } from "../../cli/operate/volumes";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const DAY = 86_400;
/** 10:00 UTC. */
const NOW = Date.parse("2026-03-10T10:00:00Z") / 1000;
const HOLDERS = new Map([
  ["f_n-logs-data", "logs"],
  ["f_n-metrics-data", "metrics"],
]);

describe("what a host says of its volumes", () => {
  const logs = (...parts: readonly string[]): string =>
    ["@volume 0 2048 /dev/sda1 104857600 52428800", ...parts.map((part) => `@part 0 ${part}`)].join("\n");
  const grown = (text: string, source = "f_n-logs-data") => parseVolumes(text, [source], HOLDERS, NOW)[0]?.growth;

  test("is sizes in bytes, and the disk", () => {
    expect(parseVolumes(logs(), ["f_n-logs-data"], HOLDERS, NOW)).toEqual([
      {
        ...{ holds: "logs", source: "f_n-logs-data", disk: "/dev/sda1" },
        ...{ bytes: 2 * MIB, total: 100 * GIB, free: 50 * GIB },
      },
    ]);
  });

  test("logs and traces grow by the mean of whole days, days without data among them", () => {
    expect(grown(logs("20260307 1", "20260308 4096", "20260309 8192", "20260310 999999"))).toBe(6 * MIB);
    expect(grown(logs("20260301 1", "20260307 3072", "20260310 1"))).toBe(MIB);
    // Longer ago than a week says nothing about now.
    expect(grown(logs("20260101 99999", "20260309 1024"))).toBe(MIB);
  });

  test("nothing is told before a whole day is over", () => {
    expect(grown(logs("20260310 4096"))).toBeUndefined();
    // A store that was made in the evening has a first day of some hours.
    expect(grown(logs("20260309 4096", "20260310 4096"))).toBeUndefined();
    expect(grown(logs())).toBeUndefined();
  });

  test("metrics grow by their months since the store was made", () => {
    const metrics = (begin: number, ...parts: readonly string[]): string =>
      ["@volume 0 2048 /dev/sda1 104857600 52428800", `@begin 0 ${begin}`, ...parts].join("\n");
    const [small, big] = ["@part 0 2026_03 3072", "@part 0 2026_03 2048"];
    expect(grown(metrics(NOW - 5 * DAY, small, big), "f_n-metrics-data")).toBe(MIB);
    // An old store: since the first of the month before, 28 days of February and 9 days and 10 hours of March.
    const days = 28 + 9 + 10 / 24;
    const old = metrics(NOW - 400 * DAY, "@part 0 2025_12 99999", "@part 0 2026_02 10240", small);
    expect(grown(old, "f_n-metrics-data")).toBeCloseTo((13 * MIB) / days);
    expect(grown(metrics(NOW - DAY / 2, small), "f_n-metrics-data")).toBeUndefined();
  });

  test("a volume that is not there is not told", () => {
    expect(parseVolumes("", ["f_n-logs-data"], HOLDERS, NOW)).toEqual([]);
  });
});

describe("days until a disk is full", () => {
  const retentionDays = { metrics: 30, logs: 14, traces: 7 };
  const volume = (holds: string, bytes: number, growth?: number) => ({
    ...{ holds, bytes, free: 10 * GIB },
    ...(growth === undefined ? {} : { growth }),
  });

  test.each([
    ["logs that fit with all that is kept", [volume("logs", 2 * GIB, 0.5 * GIB)], undefined],
    ["logs that do not fit", [volume("logs", 0, GIB)], 9],
    ["two signals on one disk", [volume("logs", 0, 0.5 * GIB), volume("metrics", 0, 0.5 * GIB)], 9],
    ["a store that has all that it keeps", [volume("logs", 14 * GIB, GIB)], undefined],
    ["nothing known", [volume("logs", GIB)], undefined],
    ["a queue, which has a limit of its own", [volume("queue", GIB, GIB)], undefined],
  ])("%s", (_, volumes, days) => {
    expect(daysLeft({ volumes, retentionDays, reserve: GIB })).toBe(days);
  });

  test("none are left when what stays free is used already", () => {
    expect(daysLeft({ volumes: [volume("logs", 0, GIB)], retentionDays, reserve: 11 * GIB })).toBe(0);
  });
});

test("the table has growth and retention of signals alone, and what could not be asked", () => {
  const place = { disk: "/dev/sda1", free: 50 * GIB, total: 100 * GIB };
  const volumes = [
    { ...place, holds: "logs", source: "f_n-logs-data", bytes: 300 * MIB, growth: 100 * MIB },
    { ...place, holds: "traces", source: "/srv/traces", bytes: 3 * MIB },
    { ...place, holds: "queue", source: "f_n-queue-data", bytes: 4096 },
  ];
  const trouble = { code: "machine/engine-unreachable", what: "no engine", fix: "start it" };
  const nodes = [
    { node: "node1", volumes, daysLeft: { "/dev/sda1": 12 } },
    { node: "node2", volumes: [], daysLeft: {}, trouble },
  ];
  expect(volumesText(nodes, { logs: 14, traces: 7 })).toEqual([
    "node   holds   size       a day          kept  free on its disk       full in  where",
    "node1  logs    300.0 MiB  100.0 MiB      14 d  50.0 GiB of 100.0 GiB  12 d     f_n-logs-data",
    "node1  traces  3.0 MiB    not known yet  7 d   50.0 GiB of 100.0 GiB  12 d     /srv/traces",
    "node1  queue   4 KiB      -              -     50.0 GiB of 100.0 GiB  12 d     f_n-queue-data",
    "",
    "error machine/engine-unreachable",
    "  what   no engine",
    "  fix    start it",
  ]);
});
