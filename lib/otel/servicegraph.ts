import type { LogLevel } from "../fleet/definition";
import type { Endpoint } from "../victoria/endpoints";
import { type CollectorConfig, defineCollectorConfig } from "./config";
import { DATABASE_NAME_ATTRIBUTES, SERVICE_GRAPH_DIMENSIONS, VIRTUAL_NODE_ATTRIBUTES } from "./derived";
import {
  derivedExporter,
  HEALTH_CHECK,
  innerGrpcReceiver,
  LATENCY_BUCKETS,
  MEMORY_LIMITER,
  markWithNode,
  telemetry,
} from "./shared";

export interface DerivedRequest {
  readonly node: string;
  /** Where derived metrics go. */
  readonly adapter: Endpoint;
  readonly logLevel: LogLevel;
}

/** Edges between services, from pairs of client and server spans. It exports metrics only; no span leaves it. */
export function serviceGraphConfig({ node, adapter, logLevel }: DerivedRequest): CollectorConfig {
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
    exporters: { "otlp_http/vmadapter": derivedExporter(adapter) },
    service: {
      extensions: ["health_check"],
      pipelines: {
        traces: { receivers: ["otlp"], processors: ["memory_limiter"], exporters: ["service_graph"] },
        metrics: {
          receivers: ["service_graph"],
          processors: ["memory_limiter", "resource/node"],
          exporters: ["otlp_http/vmadapter"],
        },
      },
      telemetry: telemetry(logLevel),
    },
  });
}
