import type { Signal } from "../fleet/definition";
import type { Group } from "../plan/groups";
import type { MeshService } from "./services";

/**
 * A door is a port of HAProxy on a node's private network, behind which one service of one node is found: the own one by
 * one plain hop, another node's through the mesh. Programs that shard by the text of an address (vminsert) so see the
 * same text on every node. Never published.
 */
export interface DoorKind {
  /** First part of the names of its sections. */
  readonly id: string;
  /** Door numbers begin here; the node's number is added. */
  readonly base: number;
  readonly service: MeshService;
  /** What is asked whether the service is alive: it may have another port for that. */
  readonly healthService: MeshService;
  readonly healthPath: string;
  /** Nobody waits for what is behind it. @default false */
  readonly standby?: boolean;
  /** Another door to the same program, to more nodes, whose check counts for this one too. @default - a check of its own */
  readonly tracks?: "vmstorageSelect";
}

export const DOORS = {
  vmstorageInsert: {
    id: "vmw",
    base: 21_000,
    service: "vmstorage-insert",
    healthService: "vmstorage",
    healthPath: "/health",
    tracks: "vmstorageSelect",
  },
  vmstorageSelect: {
    id: "vmr",
    base: 21_100,
    service: "vmstorage-select",
    healthService: "vmstorage",
    healthPath: "/health",
  },
  vlstorage: { id: "vls", base: 21_200, service: "vlstorage", healthService: "vlstorage", healthPath: "/health" },
  vtstorage: { id: "vts", base: 21_300, service: "vtstorage", healthService: "vtstorage", healthPath: "/health" },
  servicegraph: {
    id: "sg",
    base: 21_400,
    service: "servicegraph",
    healthService: "servicegraph-health",
    healthPath: "/",
    standby: true,
  },
} as const satisfies Readonly<Record<string, DoorKind>>;
export type DoorName = keyof typeof DOORS;

/** Where a program of any node finds that service of node `number`: the same text everywhere. */
export function doorAddress(door: DoorName, number: number): string {
  return `haproxy:${DOORS[door].base + number}`;
}

const GROUP_DOOR_BASE: Readonly<Record<Signal, number>> = { metrics: 22_000, logs: 22_010, traces: 22_020 };

/** The port behind which whatever takes a group's data of one signal is found. */
export function groupDoorPort(signal: Signal, group: Group): number {
  return GROUP_DOOR_BASE[signal] + (group === "a" ? 1 : 2);
}
