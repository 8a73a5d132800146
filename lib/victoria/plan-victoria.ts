import type { Layout, Signal } from "../fleet/definition";
import type { ServiceLimit } from "../fleet/fleet";
import type { ResolvedImages } from "../images/overrides";
import type { Group } from "../plan/groups";
import { DEFAULT_LIMITS } from "../plan/limits";
import { PORTS } from "../plan/ports";
import type { DataVolume, Healthcheck, ServicePlan, VolumeMount } from "../plan/service-plan";
import { TMPFS_TMP } from "../plan/service-plan";
import type { ServiceName } from "../plan/services";
import { endpointUrl, type StoreEndpoints, storageFormat, storeEndpoints } from "./endpoints";
import { type FlagUse, knowsFlag, renderFlags, type VictoriaProgram } from "./flags";

/** What one store of one node needs to know. */
export interface VictoriaRequest {
  readonly signal: Signal;
  /** @default "cluster" */
  readonly layout?: Layout;
  /** How long data is kept, in days. */
  readonly retentionDays: number;
  /** Docker volume or absolute folder on the host that holds the data. */
  readonly dataSource: string;
  /** Space that the store leaves free before it turns read-only, in MiB. @default 1024 */
  readonly minFreeDiskMiB?: number;
  readonly images: ResolvedImages;
  /** Storage group whose data this is; a volume that holds another group's is refused. @default - not looked at */
  readonly group?: Group;
  /** Nodes among which the group's data is spread. @default - not looked at */
  readonly members?: readonly string[];
  /** The storages of other nodes. @default - the own one alone */
  readonly fleet?: StoreFleet;
  /** @default - see `lib/plan/limits.ts` */
  readonly limits?: { readonly [service in ServiceName]?: ServiceLimit };
}

/** What a store of a node among several needs to know of the others. Addresses are the same texts on every node. */
export interface StoreFleet {
  /** In the single layout only the first node of a group holds data. */
  readonly holdsData: boolean;
  /** All that hold the own group's data. */
  readonly members: readonly string[];
  /** `host:port` where the storages of the own group take rows, and where they answer queries. */
  readonly inserts: readonly string[];
  readonly selects: readonly string[];
  /** Metrics: `group/host:port` of the storages of all groups; one query merges them. */
  readonly allSelects: readonly string[];
  readonly groups: number;
}

/** One store of one node: its services, its data and its endpoints. */
export interface VictoriaPlan {
  readonly signal: Signal;
  readonly layout: Layout;
  readonly services: readonly ServicePlan[];
  /** Absent on a node that holds no data of the signal. */
  readonly data?: DataVolume;
  readonly endpoints: StoreEndpoints;
}

const USER = "1000:1000";
/** The balancer's check turns a stopping insert role away after one interval; the rest is margin. */
const SHUTDOWN_DELAY: FlagUse = { flag: "http.shutdownDelay", value: "5s" };

/**
 * vminsert acknowledges from memory, and vmstorage closes the first of its connections as soon as it is told to stop. When
 * all of a host stops at once, nobody can connect again, so what vminsert still holds needs the open ones.
 */
const STORAGE_SHUTDOWN_DELAY: FlagUse = { flag: "http.shutdownDelay", value: "3s" };

/**
 * A gateway's request of 2 MiB takes about 40 MiB while vminsert unpacks it, and by default it takes two for each core of the
 * host at once. When storages came back after an outage, that and Go's reserve exceeded the container's limit: vminsert was
 * killed, and the samples that it had acknowledged from memory were lost. With both settings its peak was 182 MiB instead
 * of 308 MiB.
 */
const VMINSERT_CONCURRENCY: FlagUse = { flag: "maxConcurrentInserts", value: 2 };
const VMINSERT_HEAP_SHARE = 0.7;

/** Plans one store. Both layouts of one signal are complete: everything it accepts it also answers. */
export function planVictoria(request: VictoriaRequest): VictoriaPlan {
  const { signal, layout = "cluster" } = request;
  const endpoints = storeEndpoints(signal, layout);
  if (layout === "single" && request.fleet?.holdsData === false) return { signal, layout, services: [], endpoints };
  const format = storageFormat(signal, layout);
  return {
    signal,
    layout,
    services: signal === "metrics" ? metricsServices(request, layout) : logsOrTracesServices(request, layout, signal),
    data: {
      source: request.dataSource,
      owner: USER,
      ...(format === undefined ? {} : { format }),
      ...(request.group === undefined ? {} : { group: request.group }),
      ...(request.members === undefined ? {} : { members: request.members }),
    },
    endpoints,
  };
}

function metricsServices(request: VictoriaRequest, layout: Layout): readonly ServicePlan[] {
  const naming: FlagUse = { flag: "opentelemetry.usePrometheusNaming", value: true };
  // Collapses a sample that was delivered twice; samples are kept to the millisecond.
  const dedup: FlagUse = { flag: "dedup.minScrapeInterval", value: "1ms" };
  if (layout === "single") {
    return [
      storage(request, "vmsingle", "victoria-metrics", "/storage", 120, [
        naming,
        dedup,
        { flag: "search.maxQueryDuration", value: "30s" },
      ]),
    ];
  }
  const { fleet } = request;
  const insert = role(request, "vminsert", "vminsert", 0.25, [
    storageNodes(fleet?.inserts ?? [`vmstorage:${PORTS.vmstorageInsert}`]),
    naming,
    SHUTDOWN_DELAY,
    VMINSERT_CONCURRENCY,
  ]);
  return [
    { ...insert, environment: { GOMEMLIMIT: `${Math.floor(insert.memoryMiB * VMINSERT_HEAP_SHARE)}MiB` } },
    {
      ...role(request, "vmselect", "vmselect", 0.5, [
        storageNodes(fleet?.allSelects ?? [`vmstorage:${PORTS.vmstorageSelect}`]),
        // With one group it would start, and then take every answer for a partial one.
        ...(fleet === undefined || fleet.groups < 2
          ? []
          : [{ flag: "globalReplicationFactor", value: fleet.groups } as const]),
        dedup,
        { flag: "search.denyPartialResponse", value: true },
        { flag: "search.maxQueryDuration", value: "30s" },
        { flag: "rpc.handshakeTimeout", value: "1s", optional: true },
        { flag: "cacheDataPath", value: "/cache" },
      ]),
      tmpfs: { ...TMPFS_TMP, "/cache": "rw,noexec,nosuid,size=64m,uid=1000,gid=1000,mode=0700" },
    },
    storage(request, "vmstorage", "vmstorage", "/storage", 120, [
      { flag: "vminsertAddr", value: `:${PORTS.vmstorageInsert}` },
      { flag: "vmselectAddr", value: `:${PORTS.vmstorageSelect}` },
      dedup,
      STORAGE_SHUTDOWN_DELAY,
    ]),
  ];
}

function logsOrTracesServices(
  request: VictoriaRequest,
  layout: Layout,
  signal: "logs" | "traces",
): readonly ServicePlan[] {
  const [kind, program, path] =
    signal === "logs" ? (["vl", "victoria-logs", "/vlogs"] as const) : (["vt", "victoria-traces", "/vtraces"] as const);
  // HAProxy gives up before this, so that a hung storage is an error and not an empty answer with status 200.
  const queryTime: FlagUse = { flag: "search.maxQueryDuration", value: "30s" };
  const store = storage(request, `${kind}storage`, program, path, 60, [queryTime]);
  if (layout === "single") return [store];
  const own = [`${kind}storage:${PORTS[`${kind}storage`]}`];
  const insert = role(request, `${kind}insert`, program, 0.4, [
    storageNodes(own),
    { flag: "select.disable", value: true },
    SHUTDOWN_DELAY,
    { flag: "insert.drainTimeout", value: "5s", optional: true },
    // A request is held whole in memory, and unpacked: by default 64 MiB each, two for each core of the host.
    {
      flag: signal === "logs" ? "opentelemetry.maxRequestSize" : "opentelemetry.traces.maxRequestSize",
      value: "16MiB",
      optional: true,
    },
  ]);
  return [
    // Among several nodes its access point leads to the gateway, which writes to the storages of both groups itself.
    ...(request.fleet === undefined ? [insert] : []),
    role(request, `${kind}select`, program, 0.5, [
      storageNodes(request.fleet?.selects ?? own),
      { flag: "insert.disable", value: true },
      queryTime,
    ]),
    store,
  ];
}

const storageNodes = (addresses: readonly string[]): FlagUse => ({ flag: "storageNode", value: addresses.join(",") });

function storage(
  request: VictoriaRequest,
  service: ServiceName & keyof typeof PORTS,
  program: VictoriaProgram,
  path: string,
  stopSeconds: number,
  flags: readonly FlagUse[],
): ServicePlan {
  const mount: VolumeMount = { source: request.dataSource, path };
  const plan = role(request, service, program, 0.5, [
    { flag: "storageDataPath", value: path },
    { flag: "retentionPeriod", value: `${request.retentionDays}d` },
    // What a kill may lose: 2 to 3 s of logs and traces with 1s, 7 to 10 s with the default of 5s.
    { flag: "inmemoryDataFlushInterval", value: "1s" },
    { flag: "storage.minFreeDiskSpaceBytes", value: `${request.minFreeDiskMiB ?? 1024}MiB` },
    ...flags,
  ]);
  return { ...plan, stopSeconds, volumes: [mount] };
}

/** @param cacheShare part of the container's memory that caches may take; the rest is for requests and merges */
function role(
  request: VictoriaRequest,
  service: ServiceName & keyof typeof PORTS,
  program: VictoriaProgram,
  cacheShare: number,
  flags: readonly FlagUse[],
): ServicePlan {
  const limit = request.limits?.[service] ?? DEFAULT_LIMITS[service];
  const { version } = request.images[program];
  const listens: FlagUse = { flag: "httpListenAddr", value: `:${PORTS[service]}` };
  const healthcheck = ownHealthcheck(program, version, listens);
  return {
    service,
    image: program,
    command: renderFlags(program, version, [
      listens,
      ...flags,
      { flag: "memory.allowedBytes", value: `${Math.floor(limit.memoryMiB * cacheShare)}MiB` },
      { flag: "loggerFormat", value: "json" },
    ]),
    environment: {},
    user: USER,
    memoryMiB: limit.memoryMiB,
    ...(limit.cpus === undefined ? {} : { cpus: limit.cpus }),
    openFiles: 8192,
    stopSeconds: 30,
    volumes: [],
    tmpfs: TMPFS_TMP,
    publish: [],
    ...(healthcheck === undefined ? {} : { healthcheck }),
  };
}

/**
 * By the program itself, whose image holds no other: it asks `/health` of the address it is given, for 3 s at most. Nothing waits
 * for it, because HAProxy asks each service more often. VictoriaTraces 0.13 has such a flag too, `-healthcheck`; it is left out
 * until what it needs beside it has been read or tried.
 */
function ownHealthcheck(program: VictoriaProgram, version: string, listens: FlagUse): Healthcheck | undefined {
  if (!knowsFlag(program, version, "health")) return undefined;
  const flags = renderFlags(program, version, [{ flag: "health", value: true }, listens]);
  // Each probe is a new process of the store's own size on disk.
  const pace = { intervalSeconds: 30, timeoutSeconds: 5, retries: 3, startPeriodSeconds: 60 };
  return { command: [`/${program}-prod`, ...flags], ...pace, awaited: false };
}

/** Where each service of a store tells its health, inside the host's network. */
export function healthUrls({ services }: VictoriaPlan): readonly string[] {
  return services.map(({ service }) => endpointUrl({ service, port: PORTS[service as keyof typeof PORTS] }, "/health"));
}
