import type { Layout, Signal } from "../fleet/definition";
import { PORTS } from "../plan/ports";
import type { ServiceName } from "../plan/services";

/** Where something is listening inside a node's network. */
export interface Endpoint {
  readonly service: ServiceName;
  readonly port: number;
}

/** Everything that anybody asks of a store, so that the layout matters nowhere else. */
export interface StoreEndpoints {
  /** Where the gateway's data goes: the storage itself where it can take OTLP, for its honest answer. */
  readonly otlp: Endpoint & { readonly path: string };
  /** Native ingestion of other protocols. */
  readonly insert: Endpoint;
  /** Where an agent leaves what it took, at whoever takes OTLP. @default - there is no agent for the signal */
  readonly remoteWritePath?: string;
  readonly select: Endpoint;
  /**
   * First part of a path at the access point and what it becomes at the service, where they differ. The access points
   * speak the cluster's paths in both layouts, so that a client never needs to know the layout.
   */
  readonly insertPaths: readonly PathRewrite[];
  readonly selectPaths: readonly PathRewrite[];
  /** A query that only succeeds when every storage behind it answers; `/health` does not look at storages. */
  readonly readCheck: { readonly path: string; readonly body?: string };
  readonly uiPath: string;
}

export interface PathRewrite {
  readonly from: string;
  readonly to: string;
}

const at = (service: keyof typeof PORTS & ServiceName): Endpoint => ({ service, port: PORTS[service] });

/** The cluster's paths of its one tenant, as programs take them that know no tenants. */
export const TENANT_PATHS: readonly PathRewrite[] = [
  { from: "/insert/0/prometheus/", to: "/" },
  { from: "/insert/0/", to: "/" },
];

/** VictoriaMetrics: the two layouts share no path, and a wrong one answers 400, which collectors take as final. */
function metrics(layout: Layout): StoreEndpoints {
  const shared = { uiPath: "/select/0/vmui/" };
  if (layout === "cluster") {
    return {
      ...shared,
      otlp: { ...at("vminsert"), path: "/insert/0/opentelemetry/v1/metrics" },
      remoteWritePath: "/insert/0/prometheus/api/v1/write",
      insert: at("vminsert"),
      select: at("vmselect"),
      insertPaths: [{ from: "/v1/metrics", to: "/insert/0/opentelemetry/v1/metrics" }],
      selectPaths: [],
      // `query=1` touches no storage and is answered even when all are dead.
      readCheck: {
        path: "/select/0/prometheus/api/v1/query?nocache=1&query=absent(nosuch)",
        body: '"status":"success"',
      },
    };
  }
  return {
    ...shared,
    otlp: { ...at("vmsingle"), path: "/opentelemetry/v1/metrics" },
    remoteWritePath: "/api/v1/write",
    insert: at("vmsingle"),
    select: at("vmsingle"),
    insertPaths: [{ from: "/v1/metrics", to: "/opentelemetry/v1/metrics" }, ...TENANT_PATHS],
    selectPaths: [
      { from: "/select/0/prometheus/", to: "/prometheus/" },
      { from: "/select/0/", to: "/" },
    ],
    readCheck: { path: "/prometheus/api/v1/query?nocache=1&query=absent(nosuch)", body: '"status":"success"' },
  };
}

/** VictoriaLogs and VictoriaTraces: one program, the same paths in both layouts, other ports. */
function logsOrTraces(layout: Layout, kind: "vl" | "vt"): Omit<StoreEndpoints, "otlp" | "insertPaths"> {
  return {
    insert: layout === "cluster" ? at(`${kind}insert`) : at(`${kind}storage`),
    select: layout === "cluster" ? at(`${kind}select`) : at(`${kind}storage`),
    selectPaths: [],
    // A hung storage still gets status 200 from the select role, so the body is looked at.
    readCheck: {
      path: "/select/logsql/stats_query?query=_time:1s%7Cstats%20count()x&timeout=1s",
      body: '"status":"success"',
    },
    uiPath: "/select/vmui/",
  };
}

/** Where a VictoriaLogs storage takes its own protocol, from vlagent and from insert roles. */
export const AGENT_INSERT = "/internal/insert";

/** Live tailing of logs: an answer that has no end and may be silent for long. */
export const TAIL_PATH = "/select/logsql/tail";

/** The endpoints of a layout. Nobody else writes such a URL. */
export function storeEndpoints(signal: Signal, layout: Layout): StoreEndpoints {
  if (signal === "metrics") return metrics(layout);
  const kind = signal === "logs" ? "vl" : "vt";
  const path = `/insert/opentelemetry/v1/${signal}`;
  return {
    ...logsOrTraces(layout, kind),
    otlp: { ...at(`${kind}storage`), path },
    ...(signal === "logs" ? { remoteWritePath: AGENT_INSERT } : {}),
    // An OTLP client needs no special path at a native port.
    insertPaths: [{ from: `/v1/${signal}`, to: path }],
  };
}

/** Data that one layout wrote and the other cannot open has another format name. */
export function storageFormat(signal: Signal, layout: Layout): string | undefined {
  return signal === "metrics" ? `metrics-${layout}` : undefined;
}

export function endpointUrl({ service, port }: Endpoint, path = ""): string {
  return `http://${service}:${port}${path}`;
}
