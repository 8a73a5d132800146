import { type CollectorConfig, defineCollectorConfig } from "./config";
import { adapterExporter, HEALTH_CHECK, innerHttpReceiver, MEMORY_LIMITER, telemetry } from "./shared";
import type { AdapterRequest } from "./vlogadapter";

/** Hands metrics to VictoriaMetrics, in the layout's own path. */
export function vmAdapterConfig({ storeUrl, logLevel }: AdapterRequest): CollectorConfig {
  return defineCollectorConfig({
    extensions: { health_check: HEALTH_CHECK },
    receivers: { otlp: innerHttpReceiver },
    processors: { memory_limiter: MEMORY_LIMITER },
    exporters: { "otlp_http/store": adapterExporter("metrics", storeUrl) },
    service: {
      extensions: ["health_check"],
      pipelines: { metrics: { receivers: ["otlp"], processors: ["memory_limiter"], exporters: ["otlp_http/store"] } },
      telemetry: telemetry(logLevel),
    },
  });
}
