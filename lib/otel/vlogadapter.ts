import { type AdapterRequest, adapterConfig } from "./adapter";
import type { CollectorConfig } from "./config";

/** Resource attributes that make a log stream; without the header every resource attribute would be part of it. */
const STREAM_FIELDS = ["service.name", "service.namespace", "deployment.environment.name", "host.name"] as const;

/** Hands logs to VictoriaLogs and says which attributes make a stream. */
export function vlogAdapterConfig(request: AdapterRequest): CollectorConfig {
  return adapterConfig("logs", request, { "VL-Stream-Fields": STREAM_FIELDS.join(",") });
}
