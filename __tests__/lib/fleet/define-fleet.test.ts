import { describe, expect, test } from "vitest";
import { defineFleet, type FleetDefinition, refineFleet } from "../../../lib";
import { EXAMPLE_FLEETS, ONE_NODE } from "../../support/fleets";
import { codesOf, problemsOf } from "../../support/problems";

describe("completes", () => {
  test("one node with every default that the documentation promises", () => {
    const { definition, images, limits, ...fleet } = defineFleet(ONE_NODE);
    expect(fleet).toEqual({
      name: "mirador",
      nodes: [{ name: "node1", address: "10.0.0.11", docker: { kind: "unix" }, pulls: true }],
      listenOnAllAddresses: false,
      retentionDays: { metrics: 30, logs: 14, traces: 7 },
      storagePaths: {},
      layouts: { metrics: "cluster", logs: "cluster", traces: "cluster" },
      ports: {
        otlpGrpc: 4317,
        otlpHttp: 4318,
        stats: 8404,
        gatewayMetrics: 8888,
        metricsSelect: 8481,
        metricsInsert: 8480,
        logsSelect: 9471,
        logsInsert: 8429,
        tracesSelect: 8483,
        tracesInsert: 4327,
      },
      haproxy: { algorithm: "random", checkIntervalSeconds: 2, drainSeconds: 30, statsUser: "admin" },
      batch: { minMiB: 1, maxMiB: 2, flushMilliseconds: 500 },
      queue: { sizeMiB: 512, fsync: true },
      minFreeDiskMiB: 3 * 3 * 512 + 1024,
      logLevel: "info",
      anomalyMetrics: ["process.memory.usage", "system.cpu.utilization", "system.memory.utilization"],
      mesh: { port: 7443 },
    });
    expect(definition).toEqual(ONE_NODE);
    expect(limits.vmstorage).toEqual({ memoryMiB: 640 });
    expect(images.haproxy.version).toMatch(/^3\./);
  });

  test("a misspelt required key is one problem, and a wrong type is answered with an example", () => {
    const misspelt = { nodes: [{ name: "node1", adress: "10.0.0.11" }] } as unknown as FleetDefinition;
    expect(codesOf(problemsOf(() => defineFleet(misspelt)))).toEqual([["fleet/unknown-key", "fleet.nodes[0].adress"]]);
    const missing = { nodes: [{ name: "node1" }] } as unknown as FleetDefinition;
    expect(problemsOf(() => defineFleet(missing))).toEqual([
      expect.objectContaining({ code: "fleet/address-invalid", fix: 'write it as "10.0.0.11"' }),
    ]);
  });

  test("a setting beside its default's neighbours, which keep theirs", () => {
    const fleet = defineFleet({
      ...ONE_NODE,
      retention: { logs: "4w" },
      ports: { stats: 9000 },
      limits: { gateway: { memory: "1GiB", cpus: 0.5 }, vmselect: { cpus: 2 } },
      haproxy: { stats: { user: "operator" } },
    });
    expect(fleet.retentionDays).toEqual({ metrics: 30, logs: 28, traces: 7 });
    expect(fleet.ports).toMatchObject({ stats: 9000, otlpGrpc: 4317 });
    expect(fleet.limits).toMatchObject({
      gateway: { memoryMiB: 1024, cpus: 0.5 },
      vmselect: { memoryMiB: 256, cpus: 2 },
      vmadapter: { memoryMiB: 128 },
    });
    expect(fleet.haproxy).toMatchObject({ statsUser: "operator", algorithm: "random" });
  });

  test.each([
    [{ minSize: "2MiB" }, { minMiB: 2, maxMiB: 2 }],
    [{ minSize: "7MiB" }, { minMiB: 7, maxMiB: 7 }],
    [{ maxSize: "5MiB" }, { minMiB: 1, maxMiB: 5 }],
  ])("batch %j as %j: the largest batch is never below the smallest", (batch, expected) => {
    expect(defineFleet({ ...ONE_NODE, batch }).batch).toMatchObject(expected);
  });

  test("the anomaly list as a sorted set, so that its order replaces no container", () => {
    const metrics = ["system.memory.utilization", "a.b", "system.memory.utilization"];
    expect(defineFleet({ ...ONE_NODE, anomaly: { metrics } }).anomalyMetrics).toEqual([
      "a.b",
      "system.memory.utilization",
    ]);
  });

  test("an empty anomaly list as no scoring", () => {
    expect(defineFleet({ ...ONE_NODE, anomaly: { metrics: [] } }).anomalyMetrics).toEqual([]);
  });
});

test("gives frozen data that shares nothing with what was passed in", () => {
  const node = { name: "node1", address: "10.0.0.11" };
  const fleet = defineFleet({ nodes: [node] });
  node.name = "changed";
  expect(fleet.nodes[0]?.name).toBe("node1");
  expect(() => Object.assign(fleet.ports, { stats: 1 })).toThrow(TypeError);
});

test.each(Object.entries(EXAMPLE_FLEETS))("refining %s with nothing changes nothing", (_, fleet) => {
  const { definition, ...refined } = refineFleet(fleet, {});
  expect(refined).toEqual({ ...fleet, definition: undefined });
  expect(definition).toMatchObject(fleet.definition);
});

test("refining replaces single images and keeps the fleet's others", () => {
  const haproxy = { ref: "registry.example/haproxy:3.2.26", version: "3.2.26" };
  const otelcol = { ref: "registry.example/otelcol:0.160.0", version: "0.160.0" };
  const fleet = refineFleet(defineFleet({ ...ONE_NODE, images: { haproxy } }), {}, { otelcol });
  expect(fleet.images).toMatchObject({ haproxy, otelcol, vminsert: defineFleet(ONE_NODE).images.vminsert });
});
