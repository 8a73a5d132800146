import { type CollectorConfig, defineCollectorConfig } from "./config";
import { RESOURCE_ATTRIBUTES, SPAN_METRICS_DIMENSIONS } from "./derived";
import type { DerivedRequest } from "./servicegraph";
import {
  derivedExporters,
  HEALTH_CHECK,
  innerGrpcReceiver,
  LATENCY_BUCKETS,
  MEMORY_LIMITER,
  markWithNode,
  telemetry,
} from "./shared";

/** Rate, errors and duration per service and span name. It exports metrics only; no span leaves it. */
export function spanMetricsConfig({ node, adapter, groups, logLevel }: DerivedRequest): CollectorConfig {
  const stores = derivedExporters(adapter, groups);
  return defineCollectorConfig({
    extensions: { health_check: HEALTH_CHECK },
    receivers: { otlp: innerGrpcReceiver },
    processors: {
      memory_limiter: MEMORY_LIMITER,
      "transform/resource": {
        metric_statements: [
          `keep_keys(resource.attributes, [${RESOURCE_ATTRIBUTES.map((key) => JSON.stringify(key)).join(", ")}])`,
        ],
      },
      "resource/node": markWithNode(node),
    },
    connectors: {
      span_metrics: {
        namespace: "traces.span.metrics",
        histogram: { unit: "s", explicit: { buckets: LATENCY_BUCKETS } },
        dimensions: SPAN_METRICS_DIMENSIONS.map((name) => ({ name })),
        // A new random id at every start would make every series new.
        exclude_dimensions: ["collector.instance.id"],
        resource_metrics_key_attributes: RESOURCE_ATTRIBUTES,
        aggregation_temporality: "AGGREGATION_TEMPORALITY_CUMULATIVE",
        aggregation_cardinality_limit: 20_000,
        metrics_flush_interval: "15s",
        metrics_expiration: "10m",
      },
    },
    exporters: stores,
    service: {
      extensions: ["health_check"],
      pipelines: {
        traces: { receivers: ["otlp"], processors: ["memory_limiter"], exporters: ["span_metrics"] },
        metrics: {
          receivers: ["span_metrics"],
          processors: ["memory_limiter", "transform/resource", "resource/node"],
          exporters: Object.keys(stores),
        },
      },
      telemetry: telemetry(logLevel),
    },
  });
}
