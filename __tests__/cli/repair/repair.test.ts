import { CommanderError } from "commander";
import { describe, expect, test } from "vitest";
import type { MeshNode, MeshRequest } from "../../../cli/mesh-client";
import { commandLine } from "../../../cli/mirador";
import { Progress } from "../../../cli/progress";
import type { Difference } from "../../../cli/repair/compare";
import type { Transport } from "../../../cli/repair/group";
import { preflight } from "../../../cli/repair/preflight";
import { type DayReport, describeDay, exitOf, reportJson } from "../../../cli/repair/report";
import { repair } from "../../../cli/repair/run";
import { outcomeOf, type Session } from "../../../cli/session";
import type { MeshService } from "../../../lib/mesh/services";
import { planMembers } from "../../../lib/plan/groups";
import { temporaryFolder } from "../../support/folders";

const MEMBERS = planMembers([1, 2, 3].map((number) => ({ name: `node${number}`, address: `10.0.0.1${number}` })));
const [ONE, TWO, THREE] = MEMBERS as unknown as readonly [MeshNode, MeshNode, MeshNode];
const CANDIDATES = [
  { group: "a" as const, storages: [ONE, THREE] },
  { group: "b" as const, storages: [TWO] },
].map(({ group, storages }) => ({
  ...{ signal: "logs" as const, group, storages, storage: "vlstorage" as const },
  readers: storages.map((node) => ({ node, service: "vlselect" as const })),
}));

type Answer = (node: string, service: MeshService, request: MeshRequest) => string | Error;
const QUIET = "age logs 12.5\nwaiting logs a 0\nwaiting logs b 0\nwaiting traces a 99999999\nsilent traces gateway\n";
const healthy: Answer = (_, service) => (service === "node" ? QUIET : service === "vlselect" ? '{"rows":"0"}\n' : "");

async function look(
  answer: Answer,
  fill = true,
): Promise<{ codes: readonly string[]; text: string; readers: unknown; slept: number }> {
  let slept = 0;
  const transport: Transport = {
    open: () => expect.fail("only texts are asked for"),
    text: async ({ name }, service, request) => {
      const said = answer(name, service, request);
      if (said instanceof Error) throw said;
      return said;
    },
  };
  const sleep = async (milliseconds: number): Promise<void> => {
    slept += milliseconds;
  };
  const { troubles, stores } = await preflight({
    ...{ transport, members: MEMBERS, stores: CANDIDATES, batchBytes: 2 * 1024 ** 2, fill, sleep },
  });
  return {
    codes: troubles.map(({ code }) => code),
    text: troubles.map(({ what, where, fix }) => `${what} | ${where} | ${fix}`).join("\n"),
    readers: stores.map(({ group, reader }) => `${group}: ${reader.node.name}`),
    slept,
  };
}

const coded = (code: string): Error => Object.assign(new Error(`said ${code}`), { code });

describe("before anything is touched", () => {
  test("a fleet that is well is repaired after two looks", async () => {
    expect(await look(healthy)).toMatchObject({ codes: [], readers: ["a: node1", "b: node2"], slept: 4_500 });
  });

  test("everything that stands in the way is told at once", async () => {
    const { codes, text } = await look((node, service, request) => {
      if (node === "node3" && service === "node") return coded("ECONNREFUSED");
      if (node === "node1" && service === "node") return coded("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED");
      if (node === "node2" && service === "node") return "waiting logs a 5242880\n";
      if (service === "vlselect") return new Error("vlselect of node2 answers 400: connection refused");
      if (request.path.startsWith("/internal/insert"))
        return new Error(
          'answers 429: remoteAddr: "10.0.0.9:1"; requestURI: /internal/insert?version=v1; read-only mode',
        );
      return healthy(node, service, request);
    });
    expect(codes.toSorted()).toEqual([
      "repair/backlog",
      "repair/backlog",
      "repair/certificate-refused",
      "repair/group-unanswered",
      "repair/node-unreachable",
      "repair/store-refuses",
    ]);
    expect(text).toContain("5.0 MiB of logs wait in the queues of node2 for group a");
    expect(text).toContain("node2 does not tell what it has still to send to group b: logs");
    expect(text).toContain("logs of group b: answers 429: read-only mode");
    expect(text).toContain("| 10.0.0.13 | start the node");
  });

  test("a queue that gets empty is waited for", async () => {
    let asked = 0;
    const { codes, slept } = await look((node, service, request) =>
      node === "node1" && service === "node" && ++asked < 3
        ? QUIET.replace("logs a 0", "logs a 2000000")
        : healthy(node, service, request),
    );
    expect([codes, asked]).toEqual([[], 3]);
    expect(slept).toBe(2 * 4_500);
  });

  test("little that never gets less is not passed by: its rows may be of any age", async () => {
    const stuck: Answer = (node, service, request) =>
      node === "node1" && service === "node"
        ? QUIET.replace("logs a 0", "logs a 700")
        : healthy(node, service, request);
    const { codes, text } = await look(stuck);
    expect(codes).toEqual(["repair/backlog"]);
    expect(text).toContain("1 KiB of logs wait in the queues of node1 for group a");
  });

  test("who has not told its queues for long may have more in them", async () => {
    for (const silent of ["gateway", "vlagent"]) {
      const { codes, text } = await look((node, service, request) =>
        node === "node2" && service === "node" ? `${QUIET}silent logs ${silent}\n` : healthy(node, service, request),
      );
      expect(codes).toEqual(["repair/backlog", "repair/backlog"]);
      expect(text).toContain(`${silent} of node2 does not tell what it has still to send to group b: logs`);
    }
  });

  test("another select role of the group is asked when the first one does not answer", async () => {
    const { codes, readers } = await look((node, service, request) =>
      node === "node1" && service === "vlselect" ? "<html>" : healthy(node, service, request),
    );
    expect([codes, readers]).toEqual([[], ["a: node3", "b: node2"]]);
  });

  test("a store that takes no rows does not matter when it is only looked", async () => {
    const full: Answer = (node, service, request) =>
      service === "vlstorage" ? new Error("read-only") : healthy(node, service, request);
    expect((await look(full, false)).codes).toEqual([]);
    expect((await look(full)).codes).toEqual(Array(3).fill("repair/store-refuses"));
  });

  test("a fleet of one node has nothing to repair from", async () => {
    const fleet = {
      ...{
        name: "alone",
        nodes: [{ name: "node1", address: "10.0.0.11" }],
        retentionDays: { logs: 7, traces: 7, metrics: 7 },
      },
      layouts: { logs: "single", traces: "single", metrics: "single" },
    };
    const transport = { open: () => expect.fail(), text: () => expect.fail() };
    const rest = { signals: ["logs"], asked: { kind: "all" }, fill: true, now: 0 } as const;
    const progress = new Progress({ out: { write: () => true }, environment: {} });
    const failure = await repair({ fleet: fleet as never, transport, ...rest, progress }).catch(outcomeOf);
    expect(failure).toMatchObject({ exitCode: 65, text: expect.stringContaining("error repair/one-group") });
  });
});

describe("the report", () => {
  const difference = (a: number, b: number, more: Partial<Difference> = {}): Difference => ({
    ...{ rows: { a: 1_000, b: 998 }, missing: { a, b }, put: { a: 0, b: 0 }, odd: { a: 0, b: 0 } },
    ...{ minutes: new Set<bigint>(), restless: 0, ...more },
  });
  const day = (found: Difference, left?: Difference): DayReport => ({
    ...{ signal: "logs", day: "2026-01-31", found },
    ...(left === undefined ? {} : { left }),
  });
  test.each<[string, DayReport, boolean, number]>([
    ["nothing missing among 1,000 rows", day(difference(0, 0)), false, 0],
    ["1 row missing in group a, 2,000 rows missing in group b", day(difference(1, 2_000)), false, 2],
    [
      "3 rows put into group b, both groups are equal now",
      day(difference(0, 3, { put: { a: 0, b: 3 } }), difference(0, 0)),
      true,
      0,
    ],
    [
      "2 rows put into group b, 1 row still missing in group b, of which 1 row cannot be copied exactly",
      day(difference(0, 3, { put: { a: 0, b: 2 }, odd: { a: 0, b: 1 } }), difference(0, 1)),
      true,
      1,
    ],
    ["rows kept arriving in 1 min: run it again for those", day(difference(0, 0, { restless: 1 })), true, 1],
  ])("%s", (text, report, filled, status) => {
    expect(describeDay(report)).toBe(text);
    expect(exitOf([report], filled)).toBe(status);
    expect(JSON.parse(reportJson([report], filled))).toMatchObject({
      equal: status === 0,
      days: [{ signal: "logs", day: "2026-01-31", missing: report.found.missing, rows: { a: 1_000, b: 998 } }],
    });
  });

  test("of nothing at all is good", () => {
    expect([exitOf([], true), exitOf([], false)]).toEqual([0, 0]);
  });
});

describe("the command line", () => {
  function parse(...argv: string[]): {
    text: string;
    work?: (session: Session) => Promise<unknown>;
    exitCode?: number;
  } {
    let text = "";
    let work: ((session: Session) => Promise<unknown>) | undefined;
    try {
      commandLine(
        (asked) => {
          work = asked;
        },
        (more) => {
          text += more;
        },
      ).parse(["repair", ...argv], { from: "user" });
      return { text, ...(work === undefined ? {} : { work }) };
    } catch (error) {
      expect(error).toBeInstanceOf(CommanderError);
      return { text, exitCode: outcomeOf(error).exitCode };
    }
  }

  test("shows help", async () => {
    const { text, exitCode } = parse("--help");
    expect(exitCode).toBe(0);
    await expect(text).toMatchFileSnapshot("../__fixtures__/repair-help.txt");
  });

  test.each([
    ["--since", "7"],
    ["--since", "0d"],
    ["--since", "7d", "--all"],
    ["--day", "2026-01-31", "--since", "7d"],
    ["--day", "2026-01-31", "--all"],
    ["--signal", "metrics"],
    ["everything"],
  ])("%s %s is wrong usage", (...argv) => {
    expect(parse(...argv)).toMatchObject({ exitCode: 64 });
  });

  test("a day that is none is told before the fleet is read", async () => {
    const { work } = parse("--day", "2026-02-30", "--check");
    const progress = new Progress({ out: { write: () => true }, environment: {} });
    const session = { folder: temporaryFolder(), environment: {}, progress, interrupt: new AbortController().signal };
    const failure = await work?.(session).catch(outcomeOf);
    expect(failure).toMatchObject({
      exitCode: 64,
      text: expect.stringContaining("2026-02-30: no day of the calendar"),
    });
  });
});
