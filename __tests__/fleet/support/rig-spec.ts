import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../../images/cache";

/**
 * One Docker host of the rig: where everything of it is. All of it follows from the rig's name and the host's number, so
 * that any process finds a host again: the one that made it, a test's worker, and the next run after one that was killed.
 */
export interface HostSpec {
  readonly name: string;
  /** Where others reach what it publishes. */
  readonly address: string;
  /** Kept over a crash, as a network card's is: a neighbour's table stays right. */
  readonly mac: string;
  readonly namespace: string;
  /** The bridge's end of the cable. */
  readonly port: string;
  /** Images, volumes, containers; stays between runs. On a disk: overlay2 cannot lie on a tmpfs or another overlay. */
  readonly dataFolder: string;
  /** Sockets, pid files, logs; short, because a socket's path has 108 bytes. */
  readonly runFolder: string;
  /** `unix` socket of its engine. */
  readonly socket: string;
  /** Cgroup that holds all processes of the host, below the hierarchy's root. */
  readonly cgroup: string;
}

export interface RigSpec {
  readonly name: string;
  /** Namespace of the bridge, which is nobody's host. */
  readonly switchNamespace: string;
  /** The operator's end, in the namespace of this process. */
  readonly operator: { readonly link: string; readonly address: string; readonly prefixLength: number };
  readonly hosts: readonly HostSpec[];
  readonly runFolder: string;
  readonly dataFolder: string;
  /** Parent of the hosts' cgroups. */
  readonly cgroup: string;
}

export interface RigOptions {
  /** First part of every name; with `-op` it must fit the 15 characters of a link's name. @default "mirador-rig" */
  readonly name?: string;
  /** Third byte of the addresses: 10.77.x.0/24, which the load generator accepts. @default 0 */
  readonly subnet?: number;
  /** @default 3 */
  readonly hosts?: number;
}

export const SWITCH = "switch";
/** The cable's end inside a host. */
export const CARD = "eth0";
const LINK_NAME_LENGTH = 15;

export function rigSpec({ name = "mirador-rig", subnet = 0, hosts = 3 }: RigOptions = {}): RigSpec {
  const link = `${name}-op`;
  if (link.length > LINK_NAME_LENGTH) throw new Error(`${link}: a link's name has ${LINK_NAME_LENGTH} characters`);
  const rig = {
    name,
    switchNamespace: `${name}-${SWITCH}`,
    operator: { link, address: `10.77.${subnet}.254`, prefixLength: 24 },
    runFolder: join("/run", name),
    dataFolder: join(cacheFolder(), name),
    cgroup: name,
  };
  return { ...rig, hosts: Array.from({ length: hosts }, (_, index) => hostSpec(rig, subnet, index + 1)) };
}

function hostSpec(rig: Omit<RigSpec, "hosts">, subnet: number, number: number): HostSpec {
  const name = `host${number}`;
  const runFolder = join(rig.runFolder, name);
  return {
    name,
    address: `10.77.${subnet}.${10 + number}`,
    mac: `02:4d:52:00:${hexByte(subnet)}:${hexByte(10 + number)}`,
    namespace: `${rig.name}-${name}`,
    port: name,
    dataFolder: join(rig.dataFolder, name),
    runFolder,
    socket: join(runFolder, "docker.sock"),
    cgroup: join(rig.cgroup, name),
  };
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, "0");
}

/** What must be there before anything is made. */
export function demandTools(): void {
  const folders = (process.env.PATH ?? "").split(":");
  const programs = ["ip", "nsenter", "iptables", "umount", "dockerd", "containerd"];
  const missing = programs.filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
  if (missing.length > 0) {
    throw new Error(`the rig needs ${missing.join(", ")}: apt-get install iproute2 util-linux iptables docker.io`);
  }
  if (process.getuid?.() !== 0) throw new Error("the rig makes network namespaces and daemons: only root can");
}
