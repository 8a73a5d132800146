import type { LogLevel } from "../fleet/definition";
import type { Group } from "../plan/groups";
import { type CollectorConfig, defineCollectorConfig } from "./config";
import { adapterExporter, adapterPort, HEALTH_CHECK, innerHttpReceiver, MEMORY_LIMITER, telemetry } from "./shared";

export interface AdapterTarget {
  readonly group: Group;
  /** Full URL that takes OTLP for the group. */
  readonly storeUrl: string;
}

export interface AdapterRequest {
  readonly targets: readonly AdapterTarget[];
  readonly logLevel: LogLevel;
}

/**
 * An adapter: for each storage group a receiver, a pipeline and an exporter of their own, so that a group that is away
 * refuses its own data alone.
 */
export function adapterConfig(
  signal: "metrics" | "logs",
  { targets, logLevel }: AdapterRequest,
  headers?: Readonly<Record<string, string>>,
): CollectorConfig {
  const perTarget = <T>(prefix: string, value: (target: AdapterTarget) => T): Record<string, T> =>
    Object.fromEntries(targets.map((target) => [`${prefix}${target.group}`, value(target)]));
  return defineCollectorConfig({
    extensions: { health_check: HEALTH_CHECK },
    receivers: perTarget("otlp/", ({ group }) => innerHttpReceiver(adapterPort(group))),
    processors: { memory_limiter: MEMORY_LIMITER },
    exporters: perTarget("otlp_http/store_", ({ storeUrl }) => adapterExporter(signal, storeUrl, headers)),
    service: {
      extensions: ["health_check"],
      pipelines: perTarget(`${signal}/`, ({ group }) => ({
        receivers: [`otlp/${group}`],
        processors: ["memory_limiter"] as const,
        exporters: [`otlp_http/store_${group}`],
      })),
      telemetry: telemetry(logLevel),
    },
  });
}
