import { describe, expect, test } from "vitest";
import { defineFleet } from "../../../lib";
import { ONE_NODE } from "../../support/fleets";
import { codesOf, problemsOf } from "../../support/problems";

describe("the variables of the compose .env", () => {
  test("fill what the definition leaves out", () => {
    const fleet = defineFleet(
      {},
      {
        NODE_NAME: "edge",
        NODE_IP: "10.0.0.21",
        VM_RETENTION: "90d",
        VT_RETENTION: "3d",
        VL_RETENTION: "4w",
        VM_STORAGE_PATH: "/srv/vm",
        VT_STORAGE_PATH: "/srv/vt",
        VL_STORAGE_PATH: "/srv/vl",
        HAPROXY_STATS_PORT: "9404",
        HAPROXY_STATS_USER: "operator",
        OTLP_GRPC_PORT: "5317",
        OTLP_HTTP_PORT: "5318",
        PROMETHEUS_PORT: "9888",
      },
    );
    expect(fleet).toMatchObject({
      nodes: [{ name: "edge", address: "10.0.0.21", docker: { kind: "unix" } }],
      retentionDays: { metrics: 90, logs: 28, traces: 3 },
      storagePaths: { metrics: "/srv/vm", logs: "/srv/vl", traces: "/srv/vt" },
      ports: { otlpGrpc: 5317, otlpHttp: 5318, stats: 9404, gatewayMetrics: 9888 },
      haproxy: { statsUser: "operator" },
    });
  });

  test("give way to the typed field, one by one", () => {
    const fleet = defineFleet(
      {
        ...ONE_NODE,
        retention: { metrics: "1y" },
        storagePaths: { metrics: "/data" },
        ports: { stats: 8404 },
        haproxy: { stats: { user: "typed" } },
      },
      {
        NODE_NAME: "other",
        NODE_IP: "10.9.9.9",
        VM_RETENTION: "90d",
        VT_RETENTION: "3d",
        VM_STORAGE_PATH: "/srv/vm",
        VL_STORAGE_PATH: "/srv/vl",
        HAPROXY_STATS_PORT: "9404",
        HAPROXY_STATS_USER: "operator",
        OTLP_GRPC_PORT: "5317",
      },
    );
    expect(fleet).toMatchObject({
      nodes: [{ name: "node1", address: "10.0.0.11" }],
      retentionDays: { metrics: 365, traces: 3 },
      storagePaths: { metrics: "/data", logs: "/srv/vl" },
      ports: { stats: 8404, otlpGrpc: 5317 },
      haproxy: { statsUser: "typed" },
    });
  });

  test("number the nodes of a fleet, each with its engine by ssh", () => {
    const fleet = defineFleet({}, { NODE1_IP: "10.0.0.1", NODE2_IP: "10.0.0.2", NODE4_IP: "10.0.0.4" });
    expect(fleet.nodes).toEqual([
      { name: "node1", address: "10.0.0.1", docker: { kind: "ssh", host: "10.0.0.1" }, pulls: true },
      { name: "node2", address: "10.0.0.2", docker: { kind: "ssh", host: "10.0.0.2" }, pulls: true },
    ]);
  });

  test("name the only node node1 when it has an address and no name", () => {
    expect(defineFleet({}, { NODE_IP: "10.0.0.1" }).nodes[0]?.name).toBe("node1");
  });

  test.each(["", "   "])("count as not set when they are %j", (blank) => {
    const environment = { VM_RETENTION: blank, HAPROXY_STATS_PORT: blank, NODE_IP: blank, HAPROXY_STATS_USER: blank };
    expect(defineFleet(ONE_NODE, environment)).toEqual(defineFleet(ONE_NODE));
  });
});

test.each([
  [{ OTLP_GRPC_PORT: "http" }, "fleet/port-invalid", "environment OTLP_GRPC_PORT"],
  [{ OTLP_GRPC_PORT: "-1" }, "fleet/port-invalid", "environment OTLP_GRPC_PORT"],
  [{ OTLP_GRPC_PORT: "70000" }, "fleet/port-invalid", "environment OTLP_GRPC_PORT"],
  [{ PROMETHEUS_PORT: "8404" }, "fleet/port-duplicate", "environment PROMETHEUS_PORT"],
  [{ VM_RETENTION: "1m" }, "fleet/retention-invalid", "environment VM_RETENTION"],
  [{ VL_STORAGE_PATH: "relative" }, "fleet/path-invalid", "environment VL_STORAGE_PATH"],
  [{ HAPROXY_STATS_USER: "a b" }, "fleet/text-unsafe", "environment HAPROXY_STATS_USER"],
])("fails for %j", (environment, code, where) => {
  expect(codesOf(problemsOf(() => defineFleet(ONE_NODE, environment)))).toEqual([[code, where]]);
});

test("fails once for an address that is also where the engine is", () => {
  const attempt = () => defineFleet({}, { NODE1_IP: "10.0.0.1", NODE2_IP: "not a host!" });
  expect(codesOf(problemsOf(attempt))).toEqual([["fleet/address-invalid", "environment NODE2_IP"]]);
});

test("a typed field is told by its own place, whatever the variable says", () => {
  const attempt = () => defineFleet({ ...ONE_NODE, retention: { metrics: "1m" } }, { VM_RETENTION: "30d" });
  expect(codesOf(problemsOf(attempt))).toEqual([["fleet/retention-invalid", "fleet.retention.metrics"]]);
});

test("fails for NODE_NAME and NODE_IP like for typed nodes", () => {
  const attempt = () => defineFleet({}, { NODE_NAME: "Node 1", NODE_IP: "10.0.0" });
  expect(codesOf(problemsOf(attempt))).toEqual([
    ["fleet/name-invalid", "environment NODE_NAME"],
    ["fleet/address-invalid", "environment NODE_IP"],
  ]);
});
