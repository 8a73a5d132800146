import { isAtLeast } from "../images/version";
import { type CollectorConfig, type ComponentSettings, defineCollectorConfig } from "./config";
import type { DerivedRequest } from "./servicegraph";
import { derivedExporters, HEALTH_CHECK, innerGrpcReceiver, MEMORY_LIMITER, markWithNode, telemetry } from "./shared";

export interface IsolationForestRequest extends DerivedRequest {
  /** Metrics to score, by OTLP name; each has a forest of its own. */
  readonly metrics: readonly string[];
  /** Version of the processor, which decides whether its trees can be tuned; it is the collector's, unless the image says otherwise. */
  readonly version: string;
}

export const ANOMALY_METRIC = "iforest_anomaly_score";

/** Until this version trees never split and all scores are alike (upstream pull request 47115). */
export const WORKING_FOREST_SINCE = "0.160.0";

/**
 * Scores each listed metric with an isolation forest and sends the score as a metric of its own, labelled with the
 * scored metric's name and the service. The processor itself makes no metric: it adds the score as an attribute, and
 * stored unchanged that would be a new series per sample.
 */
export function isolationForestConfig(request: IsolationForestRequest): CollectorConfig {
  const perMetric = <T>(prefix: string, value: (metric: string) => T): Record<string, T> =>
    Object.fromEntries(request.metrics.map((metric) => [`${prefix}/${metric}`, value(metric)]));
  const stores = derivedExporters(request.adapter, request.groups);
  const config = defineCollectorConfig({
    extensions: { health_check: HEALTH_CHECK },
    receivers: { otlp: innerGrpcReceiver },
    processors: {
      memory_limiter: MEMORY_LIMITER,
      "transform/prepare": PREPARE,
      "filter/unscored": {
        error_mode: "ignore",
        metric_conditions: ['datapoint.attributes["anomaly.isolation_score"] == nil'],
      },
      "transform/score": SCORE,
      "resource/node": markWithNode(request.node),
      ...perMetric("filter/only", only),
      ...perMetric("isolationforest", () => forest(request.version)),
    },
    exporters: stores,
    service: { extensions: ["health_check"], pipelines: {}, telemetry: telemetry(request.logLevel) },
  });
  const pipelines = perMetric("metrics", (metric) => ({
    receivers: ["otlp"],
    processors: [
      "memory_limiter",
      `filter/only/${metric}`,
      "transform/prepare",
      `isolationforest/${metric}`,
      "filter/unscored",
      "transform/score",
      "resource/node",
    ],
    exporters: Object.keys(stores),
  }));
  return { ...config, service: { ...config.service, pipelines } };
}

function only(metric: string): ComponentSettings {
  return { error_mode: "ignore", metric_conditions: [`metric.name != ${JSON.stringify(metric)}`] };
}

/** The forest reads the first data point of a metric, as a double; so integers are converted and points averaged. */
const PREPARE: ComponentSettings = {
  error_mode: "ignore",
  metric_statements: [
    {
      statements: [
        "set(datapoint.value_double, Double(datapoint.value_int)) where (metric.type == METRIC_DATA_TYPE_GAUGE or metric.type == METRIC_DATA_TYPE_SUM) and datapoint.value_int != 0",
      ],
    },
    {
      context: "metric",
      statements: [
        "convert_sum_to_gauge() where metric.type == METRIC_DATA_TYPE_SUM",
        'aggregate_on_attributes("mean", []) where metric.type == METRIC_DATA_TYPE_GAUGE',
      ],
    },
  ],
};

const SCORE: ComponentSettings = {
  error_mode: "ignore",
  metric_statements: [
    {
      statements: [
        'set(datapoint.attributes["metric"], metric.name)',
        'set(datapoint.value_double, datapoint.attributes["anomaly.isolation_score"])',
        'delete_key(datapoint.attributes, "anomaly.isolation_score")',
        'delete_key(datapoint.attributes, "anomaly.is_anomaly")',
      ],
    },
    {
      context: "metric",
      // Unit "1" would be stored as a suffix `_ratio`.
      statements: [
        `set(metric.name, "${ANOMALY_METRIC}")`,
        'set(metric.unit, "")',
        'set(metric.description, "Isolation forest score, 0 to 1")',
      ],
    },
  ],
};

function forest(version: string): ComponentSettings {
  return {
    forest_size: 100,
    contamination_rate: 0.01,
    mode: "enrich",
    // Only satisfies the processor's validation; nothing reads it for scoring.
    min_samples: 256,
    // 50 separates mixed and continuous series best in trials; an older processor refuses to start with the key.
    ...(isAtLeast(version, WORKING_FOREST_SINCE) ? { min_node_samples: 50 } : {}),
    score_attribute: "anomaly.isolation_score",
    classification_attribute: "anomaly.is_anomaly",
    features: { metrics: ["value"] },
    performance: { max_memory_mb: 512, batch_size: 512, parallel_workers: 4 },
  };
}
