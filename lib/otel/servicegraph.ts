import type { LogLevel } from "../fleet/definition";
import type { Group } from "../plan/groups";
import type { Endpoint } from "../victoria/endpoints";
import { type CollectorConfig, defineCollectorConfig } from "./config";
import { DATABASE_NAME_ATTRIBUTES, SERVICE_GRAPH_DIMENSIONS, VIRTUAL_NODE_ATTRIBUTES } from "./derived";
import {
  derivedExporters,
  HEALTH_CHECK,
  innerGrpcReceiver,
  LATENCY_BUCKETS,
  MEMORY_LIMITER,
  markWithNode,
  telemetry,
} from "./shared";

export interface DerivedRequest {
  readonly node: string;
  /** Hands derived metrics to the stores. */
  readonly adapter: Pick<Endpoint, "service">;
  /** Storage groups that get them. */
  readonly groups: readonly Group[];
  readonly logLevel: LogLevel;
}

/** Edges between services, from pairs of client and server spans. It exports metrics only; no span leaves it. */
export function serviceGraphConfig({ node, adapter, groups, logLevel }: DerivedRequest): CollectorConfig {
  const stores = derivedExporters(adapter, groups);
  return defineCollectorConfig({
    extensions: { health_check: HEALTH_CHECK },
    receivers: { otlp: innerGrpcReceiver },
    processors: { memory_limiter: MEMORY_LIMITER, "resource/node": markWithNode(node) },
    connectors: {
      service_graph: {
        latency_histogram_buckets: LATENCY_BUCKETS,
        dimensions: SERVICE_GRAPH_DIMENSIONS,
        store: { ttl: "30s", max_items: 100_000 },
        store_expiration_loop: "2s",
        cache_loop: "1m",
        metrics_flush_interval: "15s",
        virtual_node_peer_attributes: VIRTUAL_NODE_ATTRIBUTES,
        virtual_node_extra_label: true,
        database_name_attributes: DATABASE_NAME_ATTRIBUTES,
      },
    },
    exporters: stores,
    service: {
      extensions: ["health_check"],
      pipelines: {
        traces: { receivers: ["otlp"], processors: ["memory_limiter"], exporters: ["service_graph"] },
        metrics: {
          receivers: ["service_graph"],
          processors: ["memory_limiter", "resource/node"],
          exporters: Object.keys(stores),
        },
      },
      telemetry: telemetry(logLevel),
    },
  });
}
