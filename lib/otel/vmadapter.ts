import { type AdapterRequest, adapterConfig } from "./adapter";
import type { CollectorConfig } from "./config";

/** Hands metrics to VictoriaMetrics, in the layout's own path. */
export function vmAdapterConfig(request: AdapterRequest): CollectorConfig {
  return adapterConfig("metrics", request);
}
