import type { ImageOverrides } from "../images/overrides";
import type { ServiceName } from "../plan/services";

/** The three kinds of telemetry, each kept in a store of its own. */
export const SIGNALS = ["metrics", "logs", "traces"] as const;
export type Signal = (typeof SIGNALS)[number];
export type PerSignal<T> = Readonly<Record<Signal, T>>;

export function perSignal<T>(value: (signal: Signal) => T): PerSignal<T> {
  return { metrics: value("metrics"), logs: value("logs"), traces: value("traces") };
}

/**
 * `cluster`: insert, select and storage roles as separate services. `single`: the storage role alone, for small nodes.
 * The layout of metrics cannot be changed under data: the two on-disk formats differ (VictoriaMetrics documentation).
 */
export type Layout = "cluster" | "single";

/** How HAProxy spreads requests over servers; see `balance` in its configuration manual. */
export type BalanceAlgorithm = "roundrobin" | "leastconn" | "random" | "source" | "first";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** How Terraform reaches the node's Docker engine. */
export type DockerDefinition =
  /** The engine of the machine that runs Terraform. `socket` defaults to `/var/run/docker.sock`. */
  | { readonly kind: "unix"; readonly socket?: string }
  /** `ssh`, with the operator's own keys and `known_hosts`; the remote host needs the docker CLI on its PATH. */
  | {
      readonly kind: "ssh";
      readonly host: string;
      /** @default "root" */
      readonly user?: string;
      /** @default 22 */
      readonly port?: number;
      /** A private key file on the operator's machine. @default - what ssh itself picks */
      readonly identityFile?: string;
      /** @default - the operator's own `known_hosts`; unknown hosts are refused either way */
      readonly knownHostsFile?: string;
    }
  /** TCP with mutual TLS; plain TCP is not offered, because anybody who reaches it is root on the host. */
  | {
      readonly kind: "tcp";
      readonly host: string;
      /** @default 2376 */
      readonly port?: number;
      /** A folder on the operator's machine with `ca.pem`, `cert.pem` and `key.pem`. */
      readonly certificatePath: string;
    }
  /** A context of the operator's docker CLI, by name. */
  | { readonly kind: "context"; readonly name: string };

export interface NodeDefinition {
  /** A DNS label (RFC 1123): the stack's id, and part of every container and volume name. */
  readonly name: string;
  /**
   * IPv4 address of the node. The access points listen there and nowhere else.
   * `0.0.0.0` must be asked for by {@link FleetDefinition.listenOnAllAddresses}.
   */
  readonly address: string;
  /** @default { kind: "unix" } */
  readonly docker?: DockerDefinition;
  /**
   * Whether the engine can pull from registries. `false`: its images come by `mirador images load`, nothing is pulled, and
   * one that is named by digest has the name that `mirador images save` gave it.
   * @default true
   */
  readonly pulls?: boolean;
}

/**
 * Ports of the access points on the node's address, 1 to 65535, each used once.
 * Inside the node services keep their own ports, so a change here replaces HAProxy's container only.
 */
export interface PortsDefinition {
  /** OTLP over gRPC. @default 4317 */
  readonly otlpGrpc?: number;
  /** OTLP over HTTP. @default 4318 */
  readonly otlpHttp?: number;
  /** Stats (login), `/healthz`, `/readyz`, `/metrics`. @default 8404 */
  readonly stats?: number;
  /** The gateway collector's own metrics, Prometheus text. @default 8888 */
  readonly gatewayMetrics?: number;
  /** VictoriaMetrics queries and vmui. @default 8481 */
  readonly metricsSelect?: number;
  /** VictoriaMetrics native ingestion. @default 8480 */
  readonly metricsInsert?: number;
  /** VictoriaLogs queries and vmui. @default 9471 */
  readonly logsSelect?: number;
  /** VictoriaLogs native ingestion. @default 8429 */
  readonly logsInsert?: number;
  /** VictoriaTraces queries (Jaeger API, vmui). @default 8483 */
  readonly tracesSelect?: number;
  /** VictoriaTraces native ingestion (OTLP over HTTP). @default 4327 */
  readonly tracesInsert?: number;
}

export interface HaproxyDefinition {
  /** @default "random" */
  readonly algorithm?: BalanceAlgorithm;
  /** Seconds between two health checks of the node's own services; 1 to 10. Other nodes are asked each second. @default 2 */
  readonly checkIntervalSeconds?: number;
  /** How long requests in flight may finish after a stop or reload, in seconds; 1 to 600. @default 30 */
  readonly drainSeconds?: number;
  readonly stats?: {
    /** Login of the stats page: letters, digits, `_`, `.`, `-`. @default "admin" */
    readonly user?: string;
    /**
     * File that holds the password, mode 0600, on the operator's machine.
     * @default - the variable HAPROXY_STATS_PASS, else `.mirador/secrets/stats-password`; there is no default password
     */
    readonly passwordFile?: string;
    /**
     * File of variables, mode 0600, that has the password as HAPROXY_STATS_PASS: a `.env` of the compose stack that this
     * replaces. Not beside `passwordFile`. `fromEnvFiles` sets it.
     */
    readonly passwordEnvFile?: string;
  };
  /** TLS at the access points. @default - plain text, for a private network or a TLS proxy in front */
  readonly tls?: {
    /** PEM file with the certificate and its chain, on the operator's machine. */
    readonly certificatePath: string;
    /** PEM file with the private key. @default - the key stands in `certificatePath` */
    readonly keyPath?: string;
  };
}

export interface LimitDefinition {
  /** Hard memory limit of the container, such as `"512MiB"` or `"2GiB"`; at least 32MiB. */
  readonly memory?: string;
  /** Cores the container may use, such as `0.5`. @default - no limit */
  readonly cpus?: number;
}

export interface FleetDefinition {
  /** A DNS label that keeps two fleets on one engine apart. @default "mirador" */
  readonly name?: string;
  /** One to 100 nodes. @default - one node from NODE_NAME and NODE_IP, if the environment has them */
  readonly nodes?: readonly NodeDefinition[];
  /** Publish on every address of the host instead of the node's own. @default false */
  readonly listenOnAllAddresses?: boolean;
  /** How long data is kept: whole days, weeks or years, such as `"30d"`. @default metrics 30d, logs 14d, traces 7d */
  readonly retention?: { readonly [signal in Signal]?: string };
  /** Absolute folders on the host for the stores' data. @default - a named Docker volume each */
  readonly storagePaths?: { readonly [signal in Signal]?: string };
  /** @default "cluster" for each signal */
  readonly layouts?: { readonly [signal in Signal]?: Layout };
  readonly ports?: PortsDefinition;
  readonly haproxy?: HaproxyDefinition;
  /** Per service, e.g. `{ vmstorage: { memory: "2GiB" } }`. @default - see `lib/plan/limits.ts` */
  readonly limits?: { readonly [service in ServiceName]?: LimitDefinition };
  /** How the gateway groups what it sends on. */
  readonly batch?: {
    /** A batch is sent when it holds this much, such as `"1MiB"`; up to 16MiB. @default "1MiB" */
    readonly minSize?: string;
    /** A batch is never larger than this, but for a single item that is. Four of each signal may be in memory. @default "2MiB" */
    readonly maxSize?: string;
    /** A batch is sent after this many milliseconds even if it is small; 10 to 10000. @default 500 */
    readonly flushMilliseconds?: number;
  };
  /** The gateway's queues on disk: one per signal and storage group. */
  readonly queue?: {
    /**
     * Payload that one queue may hold, such as `"1GiB"`. The sum of all queues times three must fit the disk they live
     * on, or the deploy is refused: a full disk loses what was acknowledged, a full queue does not.
     * @default "512MiB"
     */
    readonly size?: string;
    /** Wait for the disk before acknowledging; survives power loss at 5 to 10 % of the CPU. @default true */
    readonly fsync?: boolean;
  };
  /**
   * Disk space that each store leaves free before it turns read-only, such as `"10GiB"`. Where a store shares its disk
   * with the queues, less than they need lets it fill the disk under them.
   * @default - what the queues need (the sum of all, times three) and 1GiB
   */
  readonly minFreeDisk?: string;
  /** Log level of the collectors. @default "info" */
  readonly logLevel?: LogLevel;
  readonly anomaly?: {
    /**
     * Metrics that are scored, by their OTLP name. Gauges and sums only. An empty list switches scoring off.
     * @default ["system.cpu.utilization", "system.memory.utilization", "process.memory.usage"]
     */
    readonly metrics?: readonly string[];
  };
  /** Between the nodes of a fleet of two and more: HAProxy to HAProxy, mutual TLS. A single node has no mesh. */
  readonly mesh?: {
    /** The one port of a node that other nodes reach; on 0.0.0.0 with `listenOnAllAddresses`. @default 7443 */
    readonly port?: number;
    /**
     * Folder on the operator's machine with `ca.crt` and a `<node>.pem` (certificate, then key) for each node.
     * @default - `.mirador/pki/<fleet>`, made by `npm run mirador -- pki`
     */
    readonly certificates?: string;
  };
  /** Images other than the catalogue's, by key. MIRADOR_IMAGES wins over this. */
  readonly images?: ImageOverrides;
  /** Terraform backend. @default - local, one state file per node in MIRADOR_STATE */
  readonly backend?: {
    /** `http`, `s3`, `pg`, `gcs`, `azurerm`, `consul`, … as in the Terraform manual. */
    readonly type: string;
    /** Its settings, passed through. `{node}` in a text is replaced by the node's name: each node needs its own state. */
    readonly config: Readonly<Record<string, string | number | boolean>>;
  };
}
