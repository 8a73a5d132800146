import type { LogLevel } from "../fleet/definition";
import type { Group } from "../plan/groups";
import { PORTS } from "../plan/ports";
import { type Endpoint, endpointUrl } from "../victoria/endpoints";

/** Parts that several collectors have alike. Sources: the collector's own documentation of each key. */

export const HEALTH_CHECK = { endpoint: `0.0.0.0:${PORTS.collectorHealth}` } as const;

/** First in every pipeline. The collector reads the container's limit from its cgroup. */
export const MEMORY_LIMITER = { check_interval: "1s", limit_percentage: 80, spike_limit_percentage: 20 } as const;

/** Largest request that the gateway takes; HAProxy refuses a larger one with 413 by its length. */
export const MAX_REQUEST_MIB = 16;
/** Inside a node batches are joined, so what one collector sends may be larger than any client's request. */
const MAX_INNER_MIB = 64;

export const innerGrpcReceiver = {
  protocols: { grpc: { endpoint: `0.0.0.0:${PORTS.otlpGrpc}`, max_recv_msg_size_mib: MAX_INNER_MIB } },
} as const;
export function innerHttpReceiver(port: number) {
  return { protocols: { http: { endpoint: `0.0.0.0:${port}`, max_request_body_size: MAX_INNER_MIB * 1024 * 1024 } } };
}

/** Where an adapter takes the data of a storage group. */
export function adapterPort(group: Group): number {
  return group === "a" ? PORTS.otlpHttp : PORTS.otlpHttpGroupB;
}

export function telemetry(level: LogLevel) {
  return {
    logs: { level, encoding: "json" },
    metrics: {
      level: "normal",
      readers: [
        {
          pull: {
            exporter: {
              prometheus: {
                host: "0.0.0.0",
                port: PORTS.collectorMetrics,
                without_type_suffix: true,
                without_units: true,
                without_scope_info: true,
              },
            },
          },
        },
      ],
    },
  } as const;
}

/**
 * From an adapter to a store. Synchronous on purpose: no queue and no retry, so that an answer to the gateway means
 * that the store answered.
 */
export function adapterExporter(signal: "metrics" | "logs", url: string, headers?: Readonly<Record<string, string>>) {
  return {
    [`${signal}_endpoint`]: url,
    ...(headers === undefined ? {} : { headers }),
    compression: "none",
    timeout: "20s",
    retry_on_failure: { enabled: false },
    sending_queue: { enabled: false },
  };
}

/** One exporter for each storage group, each with a queue of its own: a group that is away delays the other one nothing. */
export function derivedExporters(adapter: Pick<Endpoint, "service">, groups: readonly Group[]) {
  return Object.fromEntries(
    groups.map((group) => [`otlp_http/vmadapter_${group}`, derivedExporter({ ...adapter, port: adapterPort(group) })]),
  );
}

/** From a derived collector to vmadapter: a queue in memory and a bounded retry. It may lose, it may never refuse. */
function derivedExporter(target: Endpoint) {
  return {
    endpoint: endpointUrl(target),
    compression: "none",
    timeout: "25s",
    retry_on_failure: { enabled: true, initial_interval: "1s", max_interval: "30s", max_elapsed_time: "300s" },
    sending_queue: {
      enabled: true,
      sizer: "items",
      queue_size: 200_000,
      batch: { flush_timeout: "1s", min_size: 4096, max_size: 8192, sizer: "items" },
    },
  };
}

/** Marks derived series with the node, so that two nodes never write the same series. */
export function markWithNode(node: string) {
  return { attributes: [{ key: "collector.id", value: node, action: "upsert" }] };
}

/** Latency buckets of both connectors, in the units that they parse. */
export const LATENCY_BUCKETS = [
  "5ms",
  "10ms",
  "25ms",
  "50ms",
  "100ms",
  "250ms",
  "500ms",
  "1s",
  "2500ms",
  "5s",
  "10s",
] as const;
