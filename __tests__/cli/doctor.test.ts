import { describe, expect, test } from "vitest";
import { checked, checksText } from "../../cli/doctor/check";
import type { EngineHost, ReachedEngine } from "../../cli/up/engines";
import { diskTroubles, engineTroubles, fileWarnings, memoryWarnings, queueDiskNeededMiB } from "../../cli/up/host-fit";
import { parseLook } from "../../cli/up/host-look";
import { defineFleet } from "../../lib";
import { nodes, planOf } from "../support/fleets";

const GIB = 1024 ** 3;
const HOST: EngineHost = { memory: 64 * GIB, cpus: 8, architecture: "x86_64", limitsMemory: true };
const about = { name: "node1", where: "fleet.nodes[0]" };
const [plan] = planOf(defineFleet({ nodes: nodes(1) })).nodes;
if (plan === undefined) throw new Error("no plan");

function engine(version: string, host: Partial<EngineHost> = {}): ReachedEngine {
  return {
    node: "node1",
    where: about.where,
    address: "ssh://h",
    version,
    host: { ...HOST, ...host },
  } as ReachedEngine;
}
const codes = (troubles: readonly { readonly code: string }[]): readonly string[] => troubles.map(({ code }) => code);

describe("a host fits", () => {
  test.each([
    ["20.10.24+dfsg1", {}, []],
    ["29.0.0-rc.1", { architecture: "aarch64" }, []],
    ["19.03.15", {}, ["machine/engine-too-old"]],
    ["28.0.1", { architecture: "riscv64" }, ["machine/architecture"]],
  ])("Docker %s, %j: %j", (version, host, expected) => {
    expect(codes(engineTroubles(engine(version, host)))).toEqual(expected);
  });

  test("when all limits leave some of its memory", () => {
    const limits = memoryWarnings(plan, engine("28.0.1", { memory: GIB }));
    expect(codes(limits)).toEqual(["machine/memory-short"]);
    expect(limits[0]?.what).toMatch(/^services of node1 may take \d+\.\d GiB together, and its host has 1\.0 GiB/);
    expect(memoryWarnings(plan, engine("28.0.1"))).toEqual([]);
    expect(codes(memoryWarnings(plan, engine("28.0.1", { limitsMemory: false })))).toEqual([
      "machine/no-memory-limits",
    ]);
  });

  test("when its disk has what the queues need", () => {
    const needed = queueDiskNeededMiB(plan);
    expect(needed).toBeGreaterThan(1000);
    expect(diskTroubles(about, plan, { queueDiskMiB: needed })).toEqual([]);
    expect(codes(diskTroubles(about, plan, { queueDiskMiB: needed - 1 }))).toEqual(["machine/disk-short"]);
    // Not told: the deploy's own job looks again.
    expect(diskTroubles(about, plan, {})).toEqual([]);
  });

  test("when files can be opened", () => {
    expect(fileWarnings(about, plan, { openFiles: { used: 1_000, most: 100_000 } })).toEqual([]);
    expect(codes(fileWarnings(about, plan, { openFiles: { used: 99_000, most: 100_000 } }))).toEqual([
      "machine/files-short",
    ]);
  });
});

test("what a host says of its disk and its files", () => {
  expect(parseLook("@free 2048000\n@held 1024\n@held 2048\n@files 1312\t0\t9007199254740991\n", [])).toMatchObject({
    queueDiskMiB: 2003,
    openFiles: { used: 1312, most: Number.MAX_SAFE_INTEGER },
  });
  expect(parseLook("", [])).toEqual({ addresses: [], listening: [], marks: {} });
});

test("is a line for each check, and what is wrong in full, once", () => {
  const trouble = { code: "machine/disk-short", what: "too small", where: "fleet.nodes[0]", fix: "free some space" };
  const warning = { code: "clock/skew", what: "61 s apart", fix: "NTP" };
  const checks = [
    checked("this machine", "Node.js", {}, "22.1.0"),
    checked("node1", "disk", { errors: [trouble] }, "-"),
    checked("node2", "disk", { errors: [trouble], warnings: [warning] }, "-"),
    checked("fleet", "clocks", { warnings: [warning] }, "-"),
  ];
  expect(checksText(checks)).toEqual([
    "state    of            what     found",
    "ok       this machine  Node.js  22.1.0",
    "error    node1         disk     machine/disk-short",
    "error    node2         disk     machine/disk-short, clock/skew",
    "warning  fleet         clocks   clock/skew",
    "",
    "error machine/disk-short",
    "  what   too small",
    "  where  fleet.nodes[0]",
    "  fix    free some space",
    "",
    "warning clock/skew",
    "  what   61 s apart",
    "  fix    NTP",
    "",
    "2 wrong, 1 to know of, of 4",
  ]);
  expect(checksText(checks.slice(0, 1)).at(-1)).toBe("all 1 well");
});
