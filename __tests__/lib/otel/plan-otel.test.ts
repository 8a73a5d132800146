import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type CollectorName, type FleetDefinition, servicesOf, storeEndpoints } from "../../../lib";
import { perSignal } from "../../../lib/fleet/definition";
import type { CollectorConfig, ComponentSettings } from "../../../lib/otel/config";
import {
  DATABASE_NAME_ATTRIBUTES,
  SERVICE_GRAPH_DIMENSIONS,
  SPAN_METRICS_DIMENSIONS,
  VIRTUAL_NODE_ATTRIBUTES,
} from "../../../lib/otel/derived";
import { gatewayConfig } from "../../../lib/otel/gateway";
import { type OtelRequest, planOtel } from "../../../lib/otel/plan-otel";
import { COLLECTOR_NAMES } from "../../../lib/plan/services";
import { nodePlan } from "../../support/fleets";
import { codesOf, problemsOf } from "../../support/problems";

const NAMES: readonly CollectorName[] = COLLECTOR_NAMES;

function textOf(name: CollectorName, definition: FleetDefinition = {}): string {
  const text = nodePlan(definition).otel.configs[name];
  if (text === undefined) throw new Error(`no ${name}`);
  return text;
}
const configOf = (name: CollectorName, definition: FleetDefinition = {}) =>
  parse(textOf(name, definition)) as CollectorConfig;

/** A setting deep inside a component. */
function at(settings: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as ComponentSettings | undefined)?.[key], settings);
}

const REQUEST: OtelRequest = {
  node: "node1",
  group: "a",
  stores: perSignal((signal) => storeEndpoints(signal, "cluster")),
  queueSource: "queue",
  image: { version: "0.165.1" },
  batch: { minMiB: 1, maxMiB: 2, flushMilliseconds: 500 },
  queue: { sizeMiB: 1024, fsync: true },
  logLevel: "info",
  anomalyMetrics: ["system.cpu.utilization"],
};

test.each(NAMES)("%s is configured as an operator will read it", async (name) => {
  await expect(textOf(name)).toMatchFileSnapshot(`../../__fixtures__/otel/${name}.yaml`);
});

test("the adapter of metrics in the single layout differs by its store only", () => {
  const single = textOf("vmadapter", { layouts: { metrics: "single" } });
  expect(single).toBe(
    textOf("vmadapter").replace(
      "http://vminsert:8480/insert/0/opentelemetry/v1/metrics",
      "http://vmsingle:8428/opentelemetry/v1/metrics",
    ),
  );
});

describe.each(NAMES)("%s", (name) => {
  const config = configOf(name);
  const pipelines = Object.entries(config.service.pipelines);

  test("begins every pipeline with memory_limiter", () => {
    expect(pipelines).not.toHaveLength(0);
    for (const [, { processors }] of pipelines) expect(processors?.[0]).toBe("memory_limiter");
  });

  test("has no batch processor", () => {
    for (const id of Object.keys(config.processors)) expect(id).not.toMatch(/^batch(\/|$)/);
  });

  test("tells its health and its own metrics", () => {
    expect(config.service.extensions).toContain("health_check");
    expect(config.extensions.health_check).toEqual({ endpoint: "0.0.0.0:13133" });
    expect(config.service.telemetry).toMatchObject({
      metrics: { readers: [{ pull: { exporter: { prometheus: { host: "0.0.0.0", port: 8888 } } } }] },
    });
  });

  test("uses every component that it defines, and defines every one that it uses", () => {
    const used = (key: "receivers" | "processors" | "exporters") =>
      new Set(pipelines.flatMap(([, pipeline]) => pipeline[key] ?? []));
    const connectors = Object.keys(config.connectors ?? {});
    expect(used("receivers")).toEqual(new Set([...Object.keys(config.receivers), ...connectors]));
    expect(used("processors")).toEqual(new Set(Object.keys(config.processors)));
    expect(used("exporters")).toEqual(new Set([...Object.keys(config.exporters), ...connectors]));
    expect(new Set(config.service.extensions)).toEqual(new Set(Object.keys(config.extensions)));
  });

  test("logs at the fleet's level", () => {
    expect(configOf(name, { logLevel: "debug" }).service.telemetry).toMatchObject({ logs: { level: "debug" } });
  });

  test("has a heap goal below its memory limiter", () => {
    const service = servicesOf(nodePlan()).find((candidate) => candidate.service === name);
    const heap = Number(/^(\d+)MiB$/.exec(service?.environment.GOMEMLIMIT ?? "")?.[1]);
    expect(heap).toBeGreaterThan(0);
    // The limiter's soft limit: 80 % less 20 %.
    expect(heap).toBeLessThan((service?.memoryMiB ?? 0) * 0.6);
  });
});

describe("what the gateway stores", () => {
  const { exporters, service } = configOf("gateway");
  const stores = Object.entries(exporters).filter(([id]) => id.startsWith("otlp_http/store_"));

  test("goes to one exporter per signal, whose name is that of its queue file", () => {
    expect(stores.map(([id]) => id)).toEqual(["otlp_http/store_vt_a", "otlp_http/store_vm_a", "otlp_http/store_vl_a"]);
  });

  test.each(stores)("%s never gives up", (_, exporter) => {
    expect(exporter.retry_on_failure).toMatchObject({ enabled: true, max_elapsed_time: "0s" });
  });

  test.each(stores)("%s waits on disk, measured in bytes, and so is every batch", (_, exporter) => {
    expect(exporter.sending_queue).toMatchObject({
      enabled: true,
      storage: "file_storage/queue",
      sizer: "bytes",
      queue_size: 512 * 1024 ** 2,
      // A batch of items would have no bound, and what is larger than the next hop takes is refused for good.
      batch: { sizer: "bytes", min_size: 1024 ** 2, max_size: 2 * 1024 ** 2, flush_timeout: "500ms" },
    });
    // A full queue refuses, so that the client keeps what it has.
    expect(at(exporter, "sending_queue", "block_on_overflow")).toBeUndefined();
  });

  test("passes through no processor that may drop", () => {
    for (const id of ["traces/store", "metrics/store", "logs/store"]) {
      expect(service.pipelines[id]).toMatchObject({ receivers: ["otlp"], processors: ["memory_limiter"] });
    }
  });

  test("shares no pipeline with anything derived", () => {
    const derived = Object.keys(exporters).filter((id) => !id.startsWith("otlp_http/store_"));
    for (const [id, pipeline] of Object.entries(service.pipelines)) {
      const kinds = new Set(pipeline.exporters.map((exporter) => derived.includes(exporter)));
      expect(kinds, id).toHaveProperty("size", 1);
    }
  });

  test("is written once to each storage group", () => {
    const adapter = { service: "vmadapter", port: 4318 } as const;
    const target = { metrics: adapter, logs: adapter, tracesUrl: "http://t/v1/traces" };
    const { service: both } = gatewayConfig({
      ...REQUEST,
      targets: [
        { ...target, group: "a" },
        { ...target, group: "b" },
      ],
      serviceGraphHosts: ["one:4317", "two:4317"],
      spanMetrics: adapter,
    });
    expect(both.pipelines["traces/store"]?.exporters).toEqual(["otlp_http/store_vt_a", "otlp_http/store_vt_b"]);
    expect(both.pipelines["metrics/store"]?.exporters).toEqual(["otlp_http/store_vm_a", "otlp_http/store_vm_b"]);
    expect(both.pipelines["logs/store"]?.exporters).toEqual(["otlp_http/store_vl_a", "otlp_http/store_vl_b"]);
  });

  test("follows the fleet's batch and queue", () => {
    const changed = configOf("gateway", {
      batch: { minSize: "3MiB", maxSize: "4MiB", flushMilliseconds: 30 },
      queue: { size: "64MiB", fsync: false },
    });
    expect(changed.exporters["otlp_http/store_vl_a"]?.sending_queue).toMatchObject({
      queue_size: 64 * 1024 * 1024,
      batch: { min_size: 3 * 1024 ** 2, max_size: 4 * 1024 ** 2, flush_timeout: "30ms" },
    });
    expect(changed.extensions["file_storage/queue"]).toMatchObject({ fsync: false });
  });

  test("needs three times the sum of its queues on the disk", () => {
    expect(nodePlan({ queue: { size: "100MiB" } }).otel.data.requiredFreeMiB).toBe(900);
  });
});

describe("what is derived cannot hurt what is stored", () => {
  const gateway = configOf("gateway");
  const outward: [string, ComponentSettings][] = [
    ...Object.entries(gateway.exporters)
      .filter(([id]) => !id.startsWith("otlp_http/store_"))
      .map(([id, settings]): [string, ComponentSettings] => [`gateway ${id}`, settings]),
    ...(["servicegraph", "spanmetrics", "isolationforest"] as const).flatMap((name) =>
      Object.entries(configOf(name).exporters).map(([id, settings]): [string, ComponentSettings] => [
        `${name} ${id}`,
        settings,
      ]),
    ),
  ];

  test("these are all the derived exporters", () => {
    expect(outward.map(([id]) => id)).toEqual([
      "gateway load_balancing/servicegraph",
      "gateway otlp_grpc/spanmetrics",
      "gateway otlp_grpc/isolationforest",
      "servicegraph otlp_http/vmadapter_a",
      "spanmetrics otlp_http/vmadapter_a",
      "isolationforest otlp_http/vmadapter_a",
    ]);
  });

  test.each(outward)("%s has a queue in memory that refuses nothing and is never on the disk", (_, exporter) => {
    const queue = exporter.sending_queue as ComponentSettings;
    expect(queue).toMatchObject({ enabled: true, sizer: "items", batch: { sizer: "items" } });
    expect(queue.queue_size).toBeGreaterThan(0);
    expect(JSON.stringify(exporter)).not.toMatch(/"storage"|block_on_overflow/);
  });

  test.each(outward)("%s gives up after a while", (_, exporter) => {
    const retries = [exporter.retry_on_failure, at(exporter, "protocol", "otlp", "retry_on_failure")];
    for (const retry of retries.filter((candidate) => candidate !== undefined)) {
      const { enabled, max_elapsed_time: patience } = retry as ComponentSettings;
      if (enabled) expect(patience).toMatch(/^[1-9]\d*s$/);
      else expect(patience).toBeUndefined();
    }
  });

  test("spans of one trace meet in one service graph, through the outer queue and not the inner one", () => {
    const balancing = gateway.exporters["load_balancing/servicegraph"];
    expect(balancing).toMatchObject({ routing_key: "traceID", sending_queue: { enabled: true } });
    expect(at(balancing, "protocol", "otlp", "sending_queue", "enabled")).toBe(false);
  });

  test("the slim pipeline keeps exactly the attributes that the two connectors look at", () => {
    const [statement] = at(gateway.processors["transform/slim"], "trace_statements") as string[];
    const kept = [...(statement ?? "").matchAll(/"([^"]+)"/g)].map(([, name]) => name);
    const graph = configOf("servicegraph").connectors?.service_graph;
    const metrics = configOf("spanmetrics").connectors?.span_metrics;
    const looked = [
      ...(at(graph, "dimensions") as string[]),
      ...(at(graph, "virtual_node_peer_attributes") as string[]),
      ...(at(graph, "database_name_attributes") as string[]),
      ...(at(metrics, "dimensions") as { name: string }[]).map(({ name }) => name),
    ];
    expect(kept).toEqual([...new Set(looked)].toSorted());
    expect(new Set(looked)).toEqual(
      new Set([
        ...SPAN_METRICS_DIMENSIONS,
        ...VIRTUAL_NODE_ATTRIBUTES,
        ...DATABASE_NAME_ATTRIBUTES,
        ...SERVICE_GRAPH_DIMENSIONS,
      ]),
    );
  });

  test.each(["servicegraph", "spanmetrics"] as const)("no span leaves %s", (name) => {
    const { exporters, connectors, service } = configOf(name);
    for (const [id, pipeline] of Object.entries(service.pipelines)) {
      if (id.startsWith("traces")) expect(pipeline.exporters).toEqual(Object.keys(connectors ?? {}));
      else expect(pipeline.exporters).toEqual(Object.keys(exporters));
    }
    expect(Object.keys(service.pipelines).filter((id) => id.startsWith("traces"))).toHaveLength(1);
  });

  test.each(["servicegraph", "spanmetrics", "isolationforest"] as const)(
    "%s marks its series with the node",
    (name) => {
      const config = configOf(name, { nodes: [{ name: "edge-7", address: "10.0.0.7" }] });
      const marked = { attributes: [{ key: "collector.id", value: "edge-7", action: "upsert" }] };
      expect(config.processors["resource/node"]).toEqual(marked);
      for (const { exporters, processors } of Object.values(config.service.pipelines))
        if (exporters.includes("otlp_http/vmadapter_a")) expect(processors?.at(-1)).toBe("resource/node");
    },
  );

  test.each(["vmadapter", "vlogadapter"] as const)("%s answers only when its store did: no queue, no retry", (name) => {
    const { exporters, service } = configOf(name);
    expect(Object.values(exporters)).toHaveLength(1);
    expect(Object.values(exporters)[0]).toMatchObject({
      retry_on_failure: { enabled: false },
      sending_queue: { enabled: false },
    });
    expect(Object.keys(service.pipelines)).toEqual([name === "vmadapter" ? "metrics/a" : "logs/a"]);
  });
});

describe("anomaly scores", () => {
  test("are computed for each listed metric in a pipeline and a forest of its own", () => {
    const metrics = ["system.cpu.utilization", "a.b"];
    const config = configOf("isolationforest", { anomaly: { metrics } });
    expect(Object.keys(config.service.pipelines)).toEqual(["metrics/a.b", "metrics/system.cpu.utilization"]);
    for (const metric of metrics) {
      expect(config.processors[`filter/only/${metric}`]).toMatchObject({
        metric_conditions: [`metric.name != "${metric}"`],
      });
      expect(config.service.pipelines[`metrics/${metric}`]?.processors).toEqual([
        "memory_limiter",
        `filter/only/${metric}`,
        "transform/prepare",
        `isolationforest/${metric}`,
        "filter/unscored",
        "transform/score",
        "resource/node",
      ]);
    }
    expect(configOf("gateway", { anomaly: { metrics } }).processors["filter/anomaly_allow"]).toMatchObject({
      metric_conditions: ['not (metric.name == "a.b" or metric.name == "system.cpu.utilization")'],
    });
  });

  test("come out as one metric whose label names the family", () => {
    const text = textOf("isolationforest");
    expect(text).toContain('set(metric.name, "iforest_anomaly_score")');
    expect(text).toContain('set(datapoint.attributes["metric"], metric.name)');
  });

  test("of an empty list are computed nowhere: no container, no pipeline, no mention", () => {
    const { otel, haproxy } = nodePlan({ anomaly: { metrics: [] } });
    expect(otel.services.map(({ service }) => service)).toEqual(NAMES.filter((name) => name !== "isolationforest"));
    const everything = JSON.stringify([otel, haproxy]);
    expect(everything).not.toMatch(/isolationforest|anomaly/);
  });

  test.each([
    ["0.158.0", undefined],
    ["0.159.9", undefined],
    ["0.160.0", 50],
    ["0.161.0", 50],
    ["1.0.0", 50],
  ])("collector %s is given min_node_samples %s", (version, expected) => {
    expect(minNodeSamples({ version })).toBe(expected);
  });

  test("are configured for the processor's own release where it is another than the collector's", () => {
    const behind = { version: "0.165.0", components: { isolationforestprocessor: "0.144.0" } };
    expect(minNodeSamples(behind)).toBeUndefined();
    expect(minNodeSamples({ ...behind, components: { servicegraphconnector: "0.158.0" } })).toBe(50);
  });

  function minNodeSamples(image: OtelRequest["image"]): unknown {
    const config = parse(planOtel({ ...REQUEST, image }).configs.isolationforest ?? "") as CollectorConfig;
    return at(config.processors["isolationforest/system.cpu.utilization"], "min_node_samples");
  }
});

describe("the collector's version", () => {
  test.each(["0.157.9", "0.99.0"])("fails for %s, which lacks these components", (version) => {
    expect(codesOf(problemsOf(() => planOtel({ ...REQUEST, image: { version } })))).toEqual([
      ["image/flag-unsupported", "images.otelcol.version"],
    ]);
  });
});
