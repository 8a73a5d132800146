import type { Signal } from "../fleet/definition";
import type { Fleet } from "../fleet/fleet";
import type { Group } from "../plan/groups";
import { PORTS } from "../plan/ports";
import type { Endpoint } from "../victoria/endpoints";
import { endpointUrl } from "../victoria/endpoints";
import { type CollectorConfig, type ComponentSettings, defineCollectorConfig } from "./config";
import { DERIVED_SPAN_ATTRIBUTES } from "./derived";
import { HEALTH_CHECK, MAX_REQUEST_MIB, MEMORY_LIMITER, telemetry } from "./shared";

/** A storage group as a gateway sees it: one target per signal, and a letter that names its queue files for good. */
export interface StoreTarget {
  readonly group: Group;
  /** Full URL that takes OTLP traces. */
  readonly tracesUrl: string;
  /** Adapters take OTLP on their own paths. */
  readonly metrics: Endpoint;
  readonly logs: Endpoint;
}

export interface GatewayRequest {
  readonly targets: readonly StoreTarget[];
  /** `host:port` of every node's service graph collector: the same strings in the same order on every node. */
  readonly serviceGraphHosts: readonly string[];
  readonly spanMetrics: Endpoint;
  /** @default - no metric is scored */
  readonly isolationForest?: Endpoint;
  readonly anomalyMetrics: readonly string[];
  readonly batch: Fleet["batch"];
  readonly queue: Fleet["queue"];
  readonly logLevel: Fleet["logLevel"];
}

const MEBIBYTE = 1024 * 1024;

export const QUEUE_DIRECTORY = "/var/lib/otelcol/queue";

const STORE_NAMES = { metrics: "vm", logs: "vl", traces: "vt" } as const satisfies Record<Signal, string>;

/** The exporter that fills a group. Its name is that of its queue file: renaming one orphans the file. */
export function storeExporter(signal: Signal, group: Group): string {
  return `otlp_http/store_${STORE_NAMES[signal]}_${group}`;
}

/**
 * The gateway: takes what clients send, acknowledges when it is in the queues on disk, writes each item once to each
 * storage group, and hands copies to the derived pipelines, which can neither refuse nor delay anything.
 */
export function gatewayConfig(request: GatewayRequest): CollectorConfig {
  const stores = Object.fromEntries(
    request.targets.flatMap((target) => Object.entries(storeExporters(target, request))),
  );
  const storesOf = (signal: Signal) => request.targets.map(({ group }) => storeExporter(signal, group));
  const scored = request.isolationForest !== undefined && request.anomalyMetrics.length > 0;
  const config = defineCollectorConfig({
    extensions: {
      health_check: HEALTH_CHECK,
      "file_storage/queue": {
        directory: QUEUE_DIRECTORY,
        fsync: request.queue.fsync,
        timeout: "10s",
        compaction: { on_start: true, on_rebound: true, cleanup_on_start: true, directory: QUEUE_DIRECTORY },
      },
    },
    receivers: {
      otlp: {
        protocols: {
          grpc: { endpoint: `0.0.0.0:${PORTS.otlpGrpc}`, max_recv_msg_size_mib: MAX_REQUEST_MIB },
          http: { endpoint: `0.0.0.0:${PORTS.otlpHttp}`, max_request_body_size: MAX_REQUEST_MIB * MEBIBYTE },
        },
      },
    },
    processors: {
      memory_limiter: MEMORY_LIMITER,
      "transform/slim": {
        error_mode: "ignore",
        trace_statements: [`keep_keys(span.attributes, [${DERIVED_SPAN_ATTRIBUTES.map(quoted).join(", ")}])`],
      },
    },
    exporters: {
      "load_balancing/servicegraph": serviceGraphExporter(request.serviceGraphHosts),
      "otlp_grpc/spanmetrics": derivedGrpcExporter(request.spanMetrics, 400_000, {
        enabled: true,
        initial_interval: "500ms",
        max_interval: "2s",
        max_elapsed_time: "3s",
      }),
    },
    service: {
      extensions: ["health_check", "file_storage/queue"],
      pipelines: {
        "traces/derived": {
          receivers: ["otlp"],
          processors: ["memory_limiter", "transform/slim"],
          exporters: ["load_balancing/servicegraph", "otlp_grpc/spanmetrics"],
        },
      },
      telemetry: telemetry(request.logLevel),
    },
  });
  return {
    ...config,
    processors: {
      ...config.processors,
      ...(scored ? { "filter/anomaly_allow": allowOnly(request.anomalyMetrics) } : {}),
    },
    exporters: {
      ...stores,
      ...config.exporters,
      ...(scored && request.isolationForest
        ? { "otlp_grpc/isolationforest": derivedGrpcExporter(request.isolationForest, 200_000, { enabled: false }) }
        : {}),
    },
    service: {
      ...config.service,
      pipelines: {
        "traces/store": { receivers: ["otlp"], processors: ["memory_limiter"], exporters: storesOf("traces") },
        ...config.service.pipelines,
        "metrics/store": { receivers: ["otlp"], processors: ["memory_limiter"], exporters: storesOf("metrics") },
        ...(scored
          ? {
              "metrics/anomaly": {
                receivers: ["otlp"],
                processors: ["memory_limiter", "filter/anomaly_allow"],
                exporters: ["otlp_grpc/isolationforest"],
              },
            }
          : {}),
        "logs/store": { receivers: ["otlp"], processors: ["memory_limiter"], exporters: storesOf("logs") },
      },
    },
  };
}

function storeExporters(
  { group, tracesUrl, metrics, logs }: StoreTarget,
  { batch, queue }: GatewayRequest,
): Record<string, ComponentSettings> {
  const durable = {
    compression: "none",
    // Never gives up: what was acknowledged waits on disk for as long as the store is away.
    retry_on_failure: { enabled: true, initial_interval: "1s", max_interval: "10s", max_elapsed_time: "0s" },
    sending_queue: {
      enabled: true,
      storage: "file_storage/queue",
      sizer: "bytes",
      queue_size: queue.sizeMiB * MEBIBYTE,
      // Bounds what a store gets at once when a long queue is drained; 8 times 8192 spans were too much for one of 448 MiB.
      num_consumers: 4,
      // In bytes, at about a tenth of the gateway's CPU more than in items: a batch of items has no bound, and one that
      // is larger than what the next hop takes would be refused for good after it was acknowledged.
      batch: {
        flush_timeout: `${batch.flushMilliseconds}ms`,
        min_size: batch.minMiB * MEBIBYTE,
        max_size: batch.maxMiB * MEBIBYTE,
        sizer: "bytes",
      },
    },
  };
  // Timeouts fall along the chain: gateway 25 s, adapter 20 s. The store behind vtstorage has no adapter.
  return {
    [storeExporter("traces", group)]: { traces_endpoint: tracesUrl, timeout: "30s", ...durable },
    [storeExporter("metrics", group)]: { endpoint: endpointUrl(metrics), timeout: "25s", ...durable },
    [storeExporter("logs", group)]: { endpoint: endpointUrl(logs), timeout: "25s", ...durable },
  };
}

/**
 * Spans of one trace meet in one service graph, whatever node they came in by. The queue is the outer one: the queue
 * of a backend drops spans for a dead one while every metric says success.
 */
function serviceGraphExporter(hostnames: readonly string[]): ComponentSettings {
  return {
    routing_key: "traceID",
    sending_queue: {
      enabled: true,
      num_consumers: 20,
      sizer: "items",
      queue_size: 200_000,
      batch: { flush_timeout: "200ms", min_size: 4096, max_size: 8192, sizer: "items" },
    },
    retry_on_failure: { enabled: false },
    resolver: { static: { hostnames } },
    protocol: {
      otlp: {
        compression: hostnames.length > 1 ? "snappy" : "none",
        timeout: "3s",
        tls: { insecure: true },
        sending_queue: { enabled: false },
        retry_on_failure: { enabled: true, initial_interval: "500ms", max_interval: "2s", max_elapsed_time: "5s" },
      },
    },
  };
}

function derivedGrpcExporter(target: Endpoint, queueItems: number, retry: ComponentSettings): ComponentSettings {
  return {
    endpoint: `${target.service}:${target.port}`,
    compression: "none",
    timeout: "3s",
    tls: { insecure: true },
    retry_on_failure: retry,
    sending_queue: {
      enabled: true,
      num_consumers: 20,
      sizer: "items",
      queue_size: queueItems,
      batch: { flush_timeout: "200ms", min_size: 4096, max_size: 8192, sizer: "items" },
    },
  };
}

function allowOnly(metrics: readonly string[]): ComponentSettings {
  const listed = metrics.map((name) => `metric.name == ${quoted(name)}`).join(" or ");
  return { error_mode: "ignore", metric_conditions: [`not (${listed})`] };
}

/** A text of OTTL. The schema lets no quote or backslash through; this keeps it so for other callers. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
