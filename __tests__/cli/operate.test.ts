import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { exportLines } from "../../cli/access-table";
import { EXIT } from "../../cli/failure";
import { accessText } from "../../cli/operate/access";
import { cellsText } from "../../cli/operate/canary-round";
import { clean } from "../../cli/operate/clean";
import { healthOf, healthText } from "../../cli/operate/health";
import { LineCutter, LineMerger, parseLogLine } from "../../cli/operate/log-lines";
import type { NodeLook, ServiceLook } from "../../cli/operate/look";
import { chosenServices } from "../../cli/operate/nodes";
import { durationText, statusText, withDisks } from "../../cli/operate/status";
import { Progress } from "../../cli/progress";
import { defineFleet } from "../../lib";
import { JOB_NAMES } from "../../lib/plan/jobs";
import { nodes, planOf } from "../support/fleets";

const MIB = 1024 ** 2;
const NOW = Date.parse("2026-01-31T12:00:00Z");

describe("status", () => {
  const running: ServiceLook = {
    ...{ service: "gateway", state: "running", healthy: true, version: "0.158.0", restarts: 0 },
    ...{ startedAt: "2026-01-31T09:00:00Z", memory: 61.4 * MIB, memoryLimit: 512 * MIB, queue: 3 * MIB },
    disk: { free: 2_048 * MIB },
  };
  const look: NodeLook = {
    ...{ node: "node1", group: "a", engine: "ssh://root@h:22", version: "28.0.1", ready: true },
    services: [running],
  };

  test("is a line for each node and a table of services", () => {
    const others: readonly ServiceLook[] = [
      { service: "vlselect", state: "exited", exitCode: 137, version: "1.26.0", restarts: 4 },
      { service: "vlagent", state: "missing", version: "", restarts: 0 },
      { ...running, service: "haproxy", healthy: false, restarts: 1, queue: 0, disk: { free: 512 * MIB, daysLeft: 9 } },
    ];
    const waits = { ...look, node: "node2", group: "b", ready: false, missing: "vlselect", services: others };
    expect(statusText([look, waits], NOW)).toEqual([
      "node   group  state               engine",
      "node1  a      ready               ssh://root@h:22, Docker 28.0.1",
      "node2  b      waits for vlselect  ssh://root@h:22, Docker 28.0.1",
      "",
      "node   service   state                            health  version  memory         waiting  disk",
      "node1  gateway   up 3 h                           up      0.158.0  61 of 512 MiB  3.0 MiB  2.0 GiB free",
      "node2  vlselect  exited (137), started again 4 ×  -       1.26.0   -              -        -",
      "node2  vlagent   missing                          -       -        -              -        -",
      "node2  haproxy   up 3 h, started again 1 ×        down    0.158.0  61 of 512 MiB  0        512.0 MiB free, full in 9 d",
    ]);
  });

  test("knows the disk of a service by what it writes to", () => {
    const [plan] = planOf(defineFleet({ name: "shop", nodes: nodes(1) })).nodes;
    if (plan === undefined) throw new Error("there is no node");
    const { disk: _, ...unmeasured } = running;
    const services = (["vlstorage", "vlselect", "gateway"] as const).map((service) => ({ ...unmeasured, service }));
    const measured = { bytes: MIB, total: 9 * MIB };
    const volumes = [
      { ...measured, holds: "logs", source: "shop_node1-logs-data", disk: "/dev/sda1", free: 3 * MIB },
      { ...measured, holds: "queue", source: "shop_node1-queue-data", disk: "/dev/sdb1", free: 4 * MIB },
    ];
    const found = withDisks({ ...look, services }, { plan }, { volumes, daysLeft: { "/dev/sda1": 5 } });
    expect(found.services.map(({ service, disk }) => [service, disk])).toEqual([
      ["vlstorage", { free: 3 * MIB, daysLeft: 5 }],
      ["vlselect", undefined],
      ["gateway", { free: 4 * MIB }],
    ]);
  });

  test("tells in full why nothing is known of a node", () => {
    const trouble = { code: "machine/engine-unreachable", what: "no engine", fix: "start it" };
    expect(statusText([{ ...look, engine: "", ready: false, services: [], trouble }], NOW)).toEqual([
      "node   group  state    engine",
      "node1  a      unknown  does not answer",
      "",
      "error machine/engine-unreachable",
      "  what   no engine",
      "  fix    start it",
    ]);
  });

  test.each([
    [-3, "0 s"],
    [59.9, "59 s"],
    [60, "1 min"],
    [3_599, "59 min"],
    [86_399, "23 h"],
    [86_400 * 9.9, "9 d"],
  ])("%s seconds are %s", (seconds, text) => {
    expect(durationText(seconds)).toBe(text);
  });
});

describe("health", () => {
  const [plan] = planOf(defineFleet({ name: "shop", nodes: nodes(3) })).nodes;
  if (plan === undefined) throw new Error("there is no node");
  // gRPC is asked without fetch.
  const http = { ...plan, accessPoints: plan.accessPoints.filter(({ name }) => name !== "otlpGrpc") };

  test("is an answer of every access point and of all services", async () => {
    const asked: string[] = [];
    const found = await healthOf(http, async (url) => {
      asked.push(url);
      return new Response('{"status":"success","data":[],"values":[]}');
    });
    expect(found.rows.map(({ state }) => state)).toEqual(http.accessPoints.map(() => "up").concat("up"));
    expect(asked).toContain(`http://${plan.address}:8404/readyz`);
    expect(healthText([found]).at(-1)).toBe("all up");
  });

  test("tells what is missing, and who does not answer", async () => {
    const found = await healthOf(http, async (url) => {
      if (url.endsWith("/readyz")) return new Response("vlselect: not ready\n", { status: 503 });
      if (url.includes(":9471"))
        throw Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNREFUSED" } });
      return new Response('{"status":"success"}');
    });
    const states = new Map(found.rows.map(({ what, state }) => [what, state]));
    expect(states.get("every service")).toBe("vlselect: not ready");
    expect([...states.values()]).toContain("ECONNREFUSED");
    expect(healthText([found]).at(-1)).toMatch(/^\d of \d+ not up$/);
  });
});

describe("logs", () => {
  test("times of one length, so that their order is the order of time", () => {
    expect(parseLogLine("2026-01-31T12:00:00.5Z hello  there\r")).toEqual({
      time: "2026-01-31T12:00:00.500000000Z",
      text: "hello  there",
    });
    expect(parseLogLine("2026-01-31T12:00:00Z")).toEqual({ time: "2026-01-31T12:00:00.000000000Z", text: "" });
    expect(parseLogLine("no time")).toBeUndefined();
  });

  test("a line that comes in pieces is one line", () => {
    const cutter = new LineCutter();
    expect([cutter.cut("one\ntw"), cutter.cut("o"), cutter.cut("\n\nthree")]).toEqual([["one"], [], ["two", ""]]);
  });

  test("a line that Docker hands on in pieces has its first time alone", () => {
    const cutter = new LineCutter();
    cutter.cut("2026-01-31T12:00:00.1Z aaa");
    expect(cutter.cut("2026-01-31T12:00:00.2Z bbb\n")).toEqual(["2026-01-31T12:00:00.1Z aaabbb"]);
  });

  test("a line is held back for a moment, and goes with everything that is older", () => {
    const merger = new LineMerger<{ readonly time: string }>(400);
    merger.add({ time: "3" }, 1_000);
    merger.add({ time: "1" }, 1_100);
    merger.add({ time: "4" }, 1_200);
    expect(merger.due(1_399)).toEqual([]);
    expect(merger.due(1_400)).toEqual([{ time: "1" }, { time: "3" }]);
    merger.add({ time: "2" }, 1_450);
    expect(merger.due(1_600)).toEqual([{ time: "2" }, { time: "4" }]);
    expect(merger.due(9_999)).toEqual([]);
  });

  test("of all services, or of services and jobs by name; anything else is refused with what there is", () => {
    const { nodes: plans } = planOf(defineFleet({ name: "shop", nodes: nodes(3) }));
    expect(chosenServices(plans, [], JOB_NAMES)).toEqual(
      expect.arrayContaining(["haproxy", "gateway", "vmstorage", "vlagent"]),
    );
    expect(chosenServices(plans, [], JOB_NAMES)).not.toContain("prepare");
    expect(chosenServices(plans, ["ready", "gateway", "ready"], JOB_NAMES)).toEqual(["ready", "gateway"]);
    expect(() => chosenServices(plans, ["gatewy"], JOB_NAMES)).toThrow(
      /fleet\/unknown-service[\s\S]*gatewy[\s\S]*did you mean gateway\?/,
    );
  });
});

describe("test", () => {
  test("has a row for each pair of nodes", () => {
    const about = { sentAt: "node1", foundAt: "node2" } as const;
    expect(
      cellsText([
        { ...about, word: "trace", seconds: 1.25 },
        { ...about, word: "log", seconds: 12 },
        { ...about, word: "metric", trouble: "the metric was not found" },
        { ...about, foundAt: "node10", word: "trace", seconds: 1 },
      ]),
    ).toEqual([
      "sent to  found at  trace  log      metric",
      "node1    node2     1.3 s  12.0 s   missing",
      "node1    node10    1.0 s  missing  missing",
    ]);
  });
});

test("access has a table, and for each node the lines that a service needs", () => {
  const row = {
    name: "otlpHttp",
    what: "OTLP HTTP",
    url: "http://10.0.0.11:4318",
    port: 4318,
    service: "gateway",
  } as const;
  const stats = {
    name: "stats",
    what: "stats",
    url: "http://10.0.0.11:8404/",
    port: 8404,
    service: "haproxy",
  } as const;
  const access = {
    node: "node1",
    rows: [
      { ...row, state: "up" },
      { ...stats, login: "admin", state: "HTTP 503" },
    ],
    exports: exportLines({ accessPoints: [row, stats] }),
  };
  expect(accessText([access], ".mirador/secrets/stats-password")).toEqual([
    "node   what       url                     login  state",
    "node1  OTLP HTTP  http://10.0.0.11:4318   -      up",
    "node1  stats      http://10.0.0.11:8404/  admin  HTTP 503",
    "",
    "the password of the stats page is in .mirador/secrets/stats-password;",
    "npm run -s mirador -- access --reveal prints it",
    "",
    "# services that send to node1",
    "export OTEL_EXPORTER_OTLP_ENDPOINT=http://10.0.0.11:4318",
    "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
  ]);
});

describe("clean", () => {
  test.each([
    ["nobody can be asked", undefined, /nobody can be asked/],
    ["another name is typed", "mirador2", /"mirador2" is not the fleet's name/],
    ["nothing is typed", "", /is not the fleet's name/],
  ])("touches nothing when %s", async (_, typed, said) => {
    const folder = mkdtempSync(join(tmpdir(), "clean-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const library = JSON.stringify(join(__dirname, "..", "..", "lib", "index.ts"));
    writeFileSync(
      join(folder, "fleet.ts"),
      `import { defineFleet } from ${library};\nexport default defineFleet({ nodes: [{ name: "node1", address: "127.0.0.1", docker: { kind: "unix", socket: "/nowhere" } }] });\n`,
    );
    let told = "";
    const environment = { HAPROXY_STATS_PASS: "correct horse battery" };
    const out = { write: () => undefined };
    const session = {
      ...{ folder, environment, interrupt: new AbortController().signal },
      progress: new Progress({ out, environment }),
    };
    const done = clean(session, { nodes: [], yes: false }, async (question) => {
      told = question;
      return typed;
    });
    await expect(done).rejects.toMatchObject({ message: expect.stringMatching(said), exitCode: EXIT.usage });
    expect(told).toBe(
      "This removes node1 of the fleet mirador with all metrics, logs and traces stored there.\nType the fleet's name to go on: ",
    );
  });
});
