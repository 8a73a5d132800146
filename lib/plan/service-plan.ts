import type { ImageKey } from "../images/catalog";
import type { ServiceName } from "./services";

/** A place in a container where data outlives it, or where another container wrote something for it. */
export interface VolumeMount {
  /** Name of a Docker volume, or an absolute folder on the host. */
  readonly source: string;
  readonly path: string;
  readonly readOnly?: boolean;
}

export interface PublishedPort {
  /** Port inside the container. */
  readonly internal: number;
  /** Port on the host's address. */
  readonly external: number;
  /** The host's address it is bound to. */
  readonly address: string;
}

export interface Healthcheck {
  /** Exits 0 when the service is healthy: a shell command, or a program and its arguments where the image has no shell. */
  readonly command: string | readonly string[];
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly retries: number;
  readonly startPeriodSeconds: number;
  /** Whether a deploy fails unless it is healthy; else it is there to be shown by `docker ps`. */
  readonly awaited: boolean;
}

/** Everything about one container that can be decided before Terraform runs. */
export interface ServicePlan {
  readonly service: ServiceName;
  readonly image: ImageKey;
  /** @default - the image's own */
  readonly entrypoint?: readonly string[];
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** `uid:gid`; never root. */
  readonly user: string;
  readonly memoryMiB: number;
  /** @default - no limit */
  readonly cpus?: number;
  /** Soft and hard limit of open files. */
  readonly openFiles: number;
  /** How long the service may take to stop before it is killed. */
  readonly stopSeconds: number;
  /** @default "SIGTERM" */
  readonly stopSignal?: string;
  readonly volumes: readonly VolumeMount[];
  /** Options by path. */
  readonly tmpfs: Readonly<Record<string, string>>;
  readonly publish: readonly PublishedPort[];
  /** Only where the image is known to hold a program that can ask. HAProxy's `/readyz` watches all others. */
  readonly healthcheck?: Healthcheck;
}

/** A data volume and who owns it; the owner is set before the services start. */
export interface DataVolume {
  /** Name of a Docker volume, or an absolute folder on the host. */
  readonly source: string;
  readonly owner: string;
  /** Written into the volume once; a volume that says otherwise is refused. Guards metrics against the other layout. */
  readonly format?: string;
  /** Written into the volume once; data of one storage group is out of sight in the other one. */
  readonly group?: "a" | "b";
  /**
   * Nodes that hold the group's data. Written into the volume at every deploy; a node that stood there and is not
   * expected any more has a shard that would be out of sight. @default - not looked at
   */
  readonly members?: readonly string[];
  /**
   * Files to write into it, by name: when the data on another volume, named by its source, began, in seconds since 1970.
   * That volume has a `group`.
   */
  readonly births?: Readonly<Record<string, string>>;
  /** Space that must be free on its filesystem before the services start, in MiB. */
  readonly requiredFreeMiB?: number;
}

export const TMPFS_TMP = { "/tmp": "rw,noexec,nosuid,size=16m" } as const;
