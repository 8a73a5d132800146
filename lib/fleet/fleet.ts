import type { ImageLock } from "../images/lock";
import type { ResolvedImages } from "../images/overrides";
import type { AccessPointName } from "../plan/ports";
import type { ServiceName } from "../plan/services";
import type { BalanceAlgorithm, DockerDefinition, FleetDefinition, Layout, LogLevel, PerSignal } from "./definition";

export interface FleetNode {
  readonly name: string;
  readonly address: string;
  readonly docker: DockerDefinition;
  /** Whether the engine can pull from registries. */
  readonly pulls: boolean;
}

export interface ServiceLimit {
  readonly memoryMiB: number;
  /** Cores; absent means no limit. */
  readonly cpus?: number;
}

/** A fleet that is complete: every default filled in, every value checked. Plain, frozen data. */
export interface Fleet {
  readonly name: string;
  readonly nodes: readonly FleetNode[];
  readonly listenOnAllAddresses: boolean;
  readonly retentionDays: PerSignal<number>;
  readonly storagePaths: { readonly [signal in keyof PerSignal<string>]?: string };
  readonly layouts: PerSignal<Layout>;
  readonly ports: Readonly<Record<AccessPointName, number>>;
  readonly haproxy: {
    readonly algorithm: BalanceAlgorithm;
    readonly checkIntervalSeconds: number;
    readonly drainSeconds: number;
    readonly statsUser: string;
    readonly statsPasswordFile?: string;
    /** A file of variables that has HAPROXY_STATS_PASS. At most one of the two is set. */
    readonly statsPasswordEnvFile?: string;
    readonly tls?: { readonly certificatePath: string; readonly keyPath?: string };
  };
  readonly limits: Readonly<Record<ServiceName, ServiceLimit>>;
  readonly batch: { readonly minMiB: number; readonly maxMiB: number; readonly flushMilliseconds: number };
  readonly queue: { readonly sizeMiB: number; readonly fsync: boolean };
  readonly minFreeDiskMiB: number;
  readonly logLevel: LogLevel;
  readonly anomalyMetrics: readonly string[];
  readonly mesh: { readonly port: number; readonly certificatesFolder?: string };
  readonly images: ResolvedImages;
  /** Digests of the images' tags; whoever loads the fleet brings them. Absent: images are taken by tag. */
  readonly imageLock?: ImageLock;
  readonly backend?: NonNullable<FleetDefinition["backend"]>;
  /** What it was completed from, so that the environment can still fill what was left out. */
  readonly definition: FleetDefinition;
}
