import type { PerSignal } from "../fleet/definition";
import { MAX_REQUEST_MIB } from "../otel/shared";
import { type AccessPointName, PORTS } from "../plan/ports";
import type { AgentSignal } from "../victoria/agents";
import type { Endpoint, StoreEndpoints } from "../victoria/endpoints";
import type { AccessPoint } from "./access";
import { nativeInsert } from "./native";
import type { StickyRead } from "./reads";
import type { MeshPeer } from "./server";

/** What the access points of a node of a fleet of several need to know of the other nodes. */
export interface FleetAccess {
  readonly peers: readonly MeshPeer[];
  /** Signals that are answered by one group at a time. */
  readonly sticky: { readonly [signal in keyof PerSignal<unknown>]?: StickyRead };
}

/**
 * The access points of a node among several. Whatever is written reaches both groups: OTLP at the native ports goes through
 * the gateway, other protocols through an agent. What entered one group by its own insert role would be missing whenever
 * the other one answers.
 */
export function fleetAccessPoints(
  gateway: Endpoint,
  stores: PerSignal<StoreEndpoints>,
  { peers, sticky }: FleetAccess,
): readonly AccessPoint[] {
  // The receiver itself is asked: OTLP takes no GET. The collector's health port says 200 to whatever it is sent, so a
  // request that came there by mistake would count as stored.
  const gatewayCheck = { service: "otlp-http", port: PORTS.otlpHttp, path: "/v1/traces", status: 405 } as const;
  const otlp = { patience: "check", serverTimeoutSeconds: 60, maxBodyMiB: MAX_REQUEST_MIB } as const;
  const overHttp = {
    ...otlp,
    target: { ...gateway, port: PORTS.otlpHttp },
    others: { peers, service: "otlp-http", check: gatewayCheck },
  } as const;
  const insert = (name: AccessPointName, signal: keyof PerSignal<unknown>): AccessPoint => ({
    ...overHttp,
    others: { ...overHttp.others, tracks: "otlpHttp" },
    name,
    rewrites: OTLP_PATHS[signal].map((from) => ({ from, to: `/v1/${signal}` })),
    onlyPath: `/v1/${signal}`,
  });
  const insertOrAgent = (name: AccessPointName, signal: AgentSignal): AccessPoint => ({
    ...insert(name, signal),
    guarded: true,
    native: nativeInsert(signal, peers),
  });
  const select = (name: AccessPointName, signal: keyof PerSignal<unknown>): AccessPoint => {
    const { select: target, selectPaths, readCheck } = stores[signal];
    const one = sticky[signal];
    return {
      name,
      target,
      patience: "check",
      rewrites: selectPaths,
      serverTimeoutSeconds: 28,
      guarded: true,
      readOnly: true,
      ...(one === undefined
        ? { others: { peers, service: "vmselect", check: { service: "vmselect", port: target.port, ...readCheck } } }
        : { sticky: one }),
    };
  };
  return [
    {
      ...otlp,
      name: "otlpGrpc",
      target: { ...gateway, port: PORTS.otlpGrpc },
      http2: true,
      others: { peers, service: "otlp-grpc", tracks: "otlpHttp", check: gatewayCheck },
    },
    { ...overHttp, name: "otlpHttp" },
    {
      name: "gatewayMetrics",
      target: { ...gateway, port: PORTS.collectorMetrics },
      patience: "retry",
      serverTimeoutSeconds: 10,
    },
    select("metricsSelect", "metrics"),
    insertOrAgent("metricsInsert", "metrics"),
    select("logsSelect", "logs"),
    insertOrAgent("logsInsert", "logs"),
    select("tracesSelect", "traces"),
    insert("tracesInsert", "traces"),
  ];
}

/** OTLP paths of the stores' own insert ports. */
const OTLP_PATHS: PerSignal<readonly string[]> = {
  metrics: [
    "/insert/0/opentelemetry/v1/metrics",
    "/insert/0/opentelemetry/api/v1/push",
    "/opentelemetry/v1/metrics",
    "/opentelemetry/api/v1/push",
  ],
  logs: ["/insert/opentelemetry/v1/logs"],
  traces: ["/insert/opentelemetry/v1/traces"],
};
