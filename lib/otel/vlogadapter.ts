import type { LogLevel } from "../fleet/definition";
import { type CollectorConfig, defineCollectorConfig } from "./config";
import { adapterExporter, HEALTH_CHECK, innerHttpReceiver, MEMORY_LIMITER, telemetry } from "./shared";

export interface AdapterRequest {
  /** Full URL of the store that takes OTLP. */
  readonly storeUrl: string;
  readonly logLevel: LogLevel;
}

/** Resource attributes that make a log stream; without the header every resource attribute would be part of it. */
const STREAM_FIELDS = ["service.name", "service.namespace", "deployment.environment.name", "host.name"] as const;

/** Hands logs to VictoriaLogs and says which attributes make a stream. */
export function vlogAdapterConfig({ storeUrl, logLevel }: AdapterRequest): CollectorConfig {
  return defineCollectorConfig({
    extensions: { health_check: HEALTH_CHECK },
    receivers: { otlp: innerHttpReceiver },
    processors: { memory_limiter: MEMORY_LIMITER },
    exporters: {
      "otlp_http/store": adapterExporter("logs", storeUrl, { "VL-Stream-Fields": STREAM_FIELDS.join(",") }),
    },
    service: {
      extensions: ["health_check"],
      pipelines: { logs: { receivers: ["otlp"], processors: ["memory_limiter"], exporters: ["otlp_http/store"] } },
      telemetry: telemetry(logLevel),
    },
  });
}
