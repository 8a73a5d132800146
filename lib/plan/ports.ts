/** Access points of a node: name, port as everyone knows it, and what answers there. Design: "Network". */
export const ACCESS_POINTS = {
  otlpGrpc: { port: 4317, what: "OTLP gRPC" },
  otlpHttp: { port: 4318, what: "OTLP HTTP" },
  stats: { port: 8404, what: "landing page, /stats (login), /metrics" },
  gatewayMetrics: { port: 8888, what: "gateway metrics" },
  metricsSelect: { port: 8481, what: "VictoriaMetrics queries, vmui" },
  metricsInsert: { port: 8480, what: "VictoriaMetrics native insert" },
  logsSelect: { port: 9471, what: "VictoriaLogs queries, vmui" },
  logsInsert: { port: 8429, what: "VictoriaLogs native insert" },
  tracesSelect: { port: 8483, what: "VictoriaTraces queries (Jaeger API), vmui" },
  tracesInsert: { port: 4327, what: "VictoriaTraces native insert (OTLP HTTP)" },
} as const;
export type AccessPointName = keyof typeof ACCESS_POINTS;
export const ACCESS_POINT_NAMES = Object.keys(ACCESS_POINTS) as readonly AccessPointName[];

/** What HAProxy itself answers at the access point `stats`. */
export const STATS_PATHS = {
  landing: "/",
  stats: "/stats",
  health: "/healthz",
  readiness: "/readyz",
  metrics: "/metrics",
} as const;

/** Ports inside the node's private network. Nobody else writes such a number. */
export const PORTS = {
  otlpGrpc: 4317,
  otlpHttp: 4318,
  /** Adapters take what is meant for storage group b here. */
  otlpHttpGroupB: 4319,
  collectorHealth: 13133,
  collectorMetrics: 8888,
  /** HAProxy's health, readiness and configuration hash in plain text; never published. */
  haproxyInternal: 8405,
  /** Within HAProxy's container: its program asks for the state of other nodes here. */
  haproxyPeers: 8406,
  vminsert: 8480,
  vmselect: 8481,
  vmstorage: 8482,
  vmstorageInsert: 8400,
  vmstorageSelect: 8401,
  vmsingle: 8428,
  vlinsert: 9481,
  vlselect: 9471,
  vlstorage: 9491,
  vtinsert: 10481,
  vtselect: 10471,
  vtstorage: 10491,
  vmagent: 8429,
  vlagent: 9429,
} as const;
