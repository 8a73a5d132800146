import { describe, expect, test } from "vitest";
import { defineFleet, type FleetDefinition, planFleet } from "../../../lib";
import { nodes, ONE_NODE, PASSWORD } from "../../support/fleets";
import { codesOf, problemsOf } from "../../support/problems";

/** What a JavaScript author or a hand-edited file may give; the types would refuse most of it. */
const problemsIn = (definition: unknown) => problemsOf(() => defineFleet(definition as FleetDefinition));
const withOneNode = (settings: Record<string, unknown>) => problemsIn({ ...ONE_NODE, ...settings });
const withNode = (settings: Record<string, unknown>) =>
  problemsIn({ nodes: [{ name: "node1", address: "10.0.0.11", ...settings }] });

describe("an empty or missing fleet", () => {
  test.each([[undefined], [null], ["nodes"], [42], [[]], [() => ({})]])(
    "fails for %s in place of a definition",
    (value) => {
      expect(codesOf(problemsIn(value))).toEqual([["fleet/module-unusable", "fleet"]]);
    },
  );

  test("fails for an empty list of nodes", () => {
    expect(codesOf(problemsIn({ nodes: [] }))).toEqual([["fleet/no-nodes", "fleet.nodes"]]);
  });

  test("fails at the plan, when neither the definition nor the environment brought nodes", () => {
    const plan = () => planFleet(defineFleet({}), { statsPassword: PASSWORD });
    expect(codesOf(problemsOf(plan))).toEqual([["fleet/no-nodes", "fleet.nodes"]]);
  });

  test("fails for more than 100 nodes", () => {
    expect(codesOf(problemsIn({ nodes: nodes(101) }))).toEqual([["fleet/value-invalid", "fleet.nodes"]]);
  });
});

describe("an unknown key", () => {
  test.each<[string, Record<string, unknown>, string, string]>([
    ["at the top", { retenton: {} }, "fleet.retenton", "retention"],
    ["in a group", { haproxy: { drainSecond: 5 } }, "fleet.haproxy.drainSecond", "drainSeconds"],
    ["two groups deep", { haproxy: { stats: { username: "x" } } }, "fleet.haproxy.stats.username", "user"],
    ["among signals", { retention: { metric: "30d" } }, "fleet.retention.metric", "metrics"],
    ["among ports", { ports: { otlpGRPC: 4317 } }, "fleet.ports.otlpGRPC", "otlpGrpc"],
    ["among services", { limits: { vmstorag: {} } }, "fleet.limits.vmstorag", "vmstorage"],
    ["of a service", { limits: { vmstorage: { mem: "1GiB" } } }, "fleet.limits.vmstorage.mem", "memory"],
    ["among batch settings", { batch: { maxSiz: "5MiB" } }, "fleet.batch.maxSiz", "maxSize"],
    ["of the backend", { backend: { type: "s3", config: {}, confg: {} } }, "fleet.backend.confg", "config"],
    ["of a node", { nodes: [{ name: "a", address: "10.0.0.1", adress: "x" }] }, "fleet.nodes[0].adress", "address"],
    [
      "of an ssh engine",
      { nodes: [{ name: "a", address: "10.0.0.1", docker: { kind: "ssh", host: "h", usr: "x" } }] },
      "fleet.nodes[0].docker.usr",
      "user",
    ],
    [
      "of a tcp engine, where ssh's keys are unknown",
      {
        nodes: [
          {
            name: "a",
            address: "10.0.0.1",
            docker: { kind: "tcp", host: "h", certificatePath: "/c", certificatePat: "x" },
          },
        ],
      },
      "fleet.nodes[0].docker.certificatePat",
      "certificatePath",
    ],
  ])("fails %s and names the nearest one", (_, settings, where, meant) => {
    const [problem, ...others] = withOneNode(settings);
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ code: "fleet/unknown-key", where });
    expect(problem?.fix).toContain(`did you mean "${meant}"?`);
  });

  test("fails for an unknown image key and names the nearest one", () => {
    const [problem] = withOneNode({ images: { "victoria-log": { ref: "a:1", version: "1.0.0" } } });
    expect(problem).toMatchObject({ code: "image/override-invalid", where: "fleet.images.victoria-log" });
    expect(problem?.fix).toContain('did you mean "victoria-logs"?');
  });

  test.each([["podman"], [undefined], [7]])("fails for docker kind %s and lists the four", (kind) => {
    const [problem] = withNode({ docker: { kind } });
    expect(problem).toMatchObject({ code: "fleet/value-invalid", where: "fleet.nodes[0].docker.kind" });
    for (const known of ["unix", "ssh", "tcp", "context"]) expect(problem?.fix).toContain(`"${known}"`);
  });
});

describe("nodes", () => {
  test("fails for names and addresses that are there twice, at the second one", () => {
    const twice = [...nodes(2), { name: "node2", address: "10.0.0.11" }];
    expect(codesOf(problemsIn({ nodes: twice }))).toEqual([
      ["fleet/name-duplicate", "fleet.nodes[2].name"],
      ["fleet/address-duplicate", "fleet.nodes[2].address"],
    ]);
  });

  test.each(["", "Node1", "node_1", "node.1", "-node", "node-", "nöde", "node 1", "a".repeat(41), "a\n", "${a}"])(
    "fails for the name %j, which is no DNS label",
    (name) => {
      expect(codesOf(withNode({ name }))).toEqual([["fleet/name-invalid", "fleet.nodes[0].name"]]);
      expect(codesOf(withOneNode({ name }))).toEqual([["fleet/name-invalid", "fleet.name"]]);
    },
  );

  test.each(["a", "1", "node-1", "a".repeat(40)])("takes the name %s", (name) => {
    expect(defineFleet({ nodes: [{ name, address: "10.0.0.11" }] }).nodes[0]?.name).toBe(name);
  });

  test.each([
    "",
    "0.0.0.0",
    "255.255.255.255",
    "10.0.0",
    "10.0.0.256",
    "010.0.0.1",
    "::1",
    "localhost",
    "10.0.0.1:80",
    "10.0.0.1\n",
  ])("fails for the address %j", (address) => {
    expect(codesOf(withNode({ address }))).toEqual([["fleet/address-invalid", "fleet.nodes[0].address"]]);
  });

  test.each(["", "host name", "host/path", "user@host", "host:22", "-oProxyCommand=x", "höst"])(
    "fails for the engine's host %j",
    (host) => {
      expect(codesOf(withNode({ docker: { kind: "ssh", host } }))).toEqual([
        ["fleet/address-invalid", "fleet.nodes[0].docker.host"],
      ]);
    },
  );
});

describe("ports", () => {
  test.each([0, -1, 65_536, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "4317", null, true])(
    "fails for the port %s",
    (port) => {
      expect(codesOf(withOneNode({ ports: { stats: port } }))).toEqual([["fleet/port-invalid", "fleet.ports.stats"]]);
    },
  );

  test.each([
    ["another setting", { stats: 9000, logsSelect: 9000 }, "fleet.ports.logsSelect"],
    ["a default of another access point", { stats: 4317 }, "fleet.ports.stats"],
    ["a default that comes later in the table", { otlpGrpc: 4327 }, "fleet.ports.tracesInsert"],
  ])("fails when a port is also that of %s", (_, ports, where) => {
    expect(codesOf(withOneNode({ ports }))).toEqual([["fleet/port-duplicate", where]]);
  });

  test("takes two defaults that changed places", () => {
    expect(defineFleet({ ...ONE_NODE, ports: { otlpGrpc: 4318, otlpHttp: 4317 } }).ports).toMatchObject({
      otlpGrpc: 4318,
      otlpHttp: 4317,
    });
  });
});

describe("quantities", () => {
  test.each(["10 days", "0", "-1d", "1m", "30", "", "30d ", 30, null, {}])("fails for the retention %j", (metrics) => {
    expect(codesOf(withOneNode({ retention: { metrics } }))).toEqual([
      ["fleet/retention-invalid", "fleet.retention.metrics"],
    ]);
  });

  test("tells that 1m is a minute and what a month is", () => {
    const [problem] = withOneNode({ retention: { traces: "1m" } });
    expect(problem?.fix).toContain("minutes");
    expect(problem?.fix).toContain('"30d"');
  });

  test.each(["512mb", "0", "0MiB", "512", "1.5GiB", "", "-1GiB", 512, null])("fails for the memory %j", (memory) => {
    expect(codesOf(withOneNode({ limits: { vmstorage: { memory } } }))).toEqual([
      ["fleet/memory-invalid", "fleet.limits.vmstorage.memory"],
    ]);
  });

  test.each([
    ["gateway", 96],
    ["haproxy", 64],
    ["vlselect", 32],
  ])("fails for less memory than %s starts with: %d MiB", (service, floor) => {
    const limits = (memoryMiB: number) => ({ limits: { [service]: { memory: `${memoryMiB}MiB` } } });
    const [problem, ...others] = withOneNode(limits(floor - 1));
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ code: "fleet/memory-invalid", where: `fleet.limits.${service}.memory` });
    expect(problem?.fix).toContain(`"${floor}MiB"`);
    expect(() => defineFleet({ ...ONE_NODE, ...limits(floor) } as FleetDefinition)).not.toThrow();
  });

  test.each<[string, Record<string, unknown>]>([
    ["fleet.limits.gateway.cpus", { limits: { gateway: { cpus: 0 } } }],
    ["fleet.limits.gateway.cpus", { limits: { gateway: { cpus: 0.01 } } }],
    ["fleet.limits.gateway.cpus", { limits: { gateway: { cpus: "1" } } }],
    ["fleet.batch", { batch: { minSize: "3MiB", maxSize: "2MiB" } }],
    ["fleet.batch.flushMilliseconds", { batch: { flushMilliseconds: 9 } }],
    ["fleet.haproxy.checkIntervalSeconds", { haproxy: { checkIntervalSeconds: 0 } }],
    ["fleet.haproxy.drainSeconds", { haproxy: { drainSeconds: 601 } }],
    ["fleet.haproxy.algorithm", { haproxy: { algorithm: "uri" } }],
    ["fleet.layouts.metrics", { layouts: { metrics: "double" } }],
    ["fleet.logLevel", { logLevel: "INFO" }],
    ["fleet.listenOnAllAddresses", { listenOnAllAddresses: "yes" }],
    ["fleet.queue.fsync", { queue: { fsync: 1 } }],
    ["fleet.anomaly.metrics", { anomaly: { metrics: Array.from({ length: 33 }, (_, i) => `m${i}`) } }],
  ])("fails at %s for %j", (where, settings) => {
    expect(codesOf(withOneNode(settings))).toEqual([["fleet/value-invalid", where]]);
  });
});

describe("storage paths", () => {
  test.each([
    ["one folder for two signals", { metrics: "/srv/data", logs: "/srv/data" }, "fleet.storagePaths.logs"],
    ["one folder written differently", { metrics: "/srv/data", traces: "/srv//data/" }, "fleet.storagePaths.traces"],
    ["a folder within another one", { logs: "/srv/data", traces: "/srv/data/traces" }, "fleet.storagePaths.traces"],
    ["a folder around another one", { metrics: "/srv/data/metrics", logs: "/srv/data" }, "fleet.storagePaths.logs"],
  ])("fail for %s: two stores would take each other's data for theirs", (_, storagePaths, where) => {
    expect(codesOf(withOneNode({ storagePaths }))).toEqual([["fleet/path-invalid", where]]);
  });

  test("may have equal beginnings", () => {
    const storagePaths = { metrics: "/srv/data", logs: "/srv/data-logs", traces: "/srv/data2" };
    expect(defineFleet({ ...ONE_NODE, storagePaths }).storagePaths).toEqual(storagePaths);
  });
});

test("the password of the stats page fails to come from two places", () => {
  const stats = { passwordFile: "password", passwordEnvFile: ".env.node1" };
  expect(codesOf(withOneNode({ haproxy: { stats } }))).toEqual([["fleet/value-invalid", "fleet.haproxy.stats"]]);
});

describe("the Terraform backend", () => {
  test("fails when several nodes would write one state", () => {
    const backend = { type: "s3", config: { bucket: "states", key: "mirador.tfstate" } };
    expect(codesOf(problemsIn({ nodes: nodes(2), backend }))).toEqual([
      ["fleet/backend-invalid", "fleet.backend.config"],
    ]);
    expect(() => defineFleet({ nodes: nodes(1), backend })).not.toThrow();
    const perNode = { ...backend, config: { ...backend.config, key: "{node}.tfstate" } };
    expect(() => defineFleet({ nodes: nodes(2), backend: perNode })).not.toThrow();
  });
});

describe("a wrong type", () => {
  const KEYS = [
    "name",
    "nodes",
    "listenOnAllAddresses",
    "retention",
    "storagePaths",
    "layouts",
    "ports",
    "haproxy",
    "limits",
    "batch",
    "queue",
    "minFreeDisk",
    "logLevel",
    "anomaly",
    "images",
    "backend",
  ];
  const VALUES = [null, 5, "text", [], [null], true, Symbol.iterator, () => 0];
  const cases = KEYS.flatMap((key) => VALUES.map((value) => [key, value] as const))
    // These are what the key takes.
    .filter(([key, value]) => !(key === "listenOnAllAddresses" && value === true))
    .filter(([key, value]) => !(key === "name" && value === "text"));

  test.each(cases)("fails with a problem and no crash: %s is %o", (key, value) => {
    const problems = withOneNode({ [key]: value });
    expect(problems.length).toBeGreaterThan(0);
    for (const { where } of problems) expect(where).toMatch(new RegExp(`^fleet\\.${key}`));
  });

  test.each([
    ["haproxy.stats", { haproxy: { stats: 5 } }],
    ["haproxy.stats", { haproxy: { stats: [] } }],
    ["haproxy.stats", { haproxy: { stats: "admin" } }],
    ["haproxy.tls", { haproxy: { tls: true } }],
    ["limits.gateway", { limits: { gateway: "1GiB" } }],
    ["nodes[0].docker", { nodes: [{ name: "a", address: "10.0.0.1", docker: "ssh" }] }],
    ["backend.config", { backend: { type: "s3", config: null } }],
  ])("fails with a problem and no crash deeper down: %s", (where, settings) => {
    const problems = withOneNode(settings as Record<string, unknown>);
    for (const problem of problems)
      expect(problem.where).toMatch(new RegExp(`^fleet\\.${where.replace(/[[\]]/g, "\\$&")}`));
  });
});

test("fails with every problem at once", () => {
  const problems = problemsIn({
    name: "Fleet",
    nodes: [
      { name: "node1", address: "10.0.0.11" },
      { name: "node1", address: "nowhere", docker: { kind: "ssh", host: "10.0.0.12", prt: 22 } },
    ],
    retention: { metrics: "1m", logs: "10 days" },
    ports: { stats: 4317, otlpHttp: 70_000 },
    limits: { gateway: { memory: "512mb" }, haproxy: { memory: "1MiB" } },
    typo: 1,
  });
  expect(codesOf(problems).toSorted()).toEqual(
    [
      ["fleet/name-invalid", "fleet.name"],
      ["fleet/address-invalid", "fleet.nodes[1].address"],
      ["fleet/unknown-key", "fleet.nodes[1].docker.prt"],
      ["fleet/retention-invalid", "fleet.retention.metrics"],
      ["fleet/retention-invalid", "fleet.retention.logs"],
      ["fleet/port-invalid", "fleet.ports.otlpHttp"],
      ["fleet/memory-invalid", "fleet.limits.gateway.memory"],
      ["fleet/unknown-key", "fleet.typo"],
      ["fleet/name-duplicate", "fleet.nodes[1].name"],
      ["fleet/port-duplicate", "fleet.ports.stats"],
      ["fleet/memory-invalid", "fleet.limits.haproxy.memory"],
    ].toSorted(),
  );
  for (const { what, fix } of problems) {
    expect(what).not.toBe("");
    expect(fix).not.toBe("");
  }
});
