import type { FleetDefinition, Layout, NodeDefinition } from "../../../lib";
import { ACCESS_POINTS, type AccessPointName } from "../../../lib/plan/ports";
import type { Host } from "./host";

export type RigFleet = FleetDefinition & Required<Pick<FleetDefinition, "name" | "nodes">>;

/** One node on each host, `node1` on `host1` and so on, with every port as the product has it: each host is its own. */
export function fleetOn(hosts: readonly Host[], name: string, metrics: Layout): RigFleet {
  return {
    name,
    nodes: hosts.map(nodeOn),
    retention: { metrics: "30d", logs: "3d", traces: "2d" },
    layouts: { metrics },
    // Connections of the other nodes stay open until then, at every stop of a balancer.
    haproxy: { drainSeconds: 5 },
    // Three nodes share a disk here that each believes to have alone.
    queue: { size: "64MiB" },
    minFreeDisk: "512MiB",
    anomaly: { metrics: [] },
  };
}

function nodeOn({ address, definition }: Host, index: number): NodeDefinition {
  return { name: `node${index + 1}`, address, docker: definition };
}

export function portOf({ ports = {} }: FleetDefinition, point: AccessPointName): number {
  return ports[point] ?? ACCESS_POINTS[point].port;
}
