import { type Layout, type PerSignal, perSignal, SIGNALS, type Signal } from "../fleet/definition";
import type { Fleet } from "../fleet/fleet";
import { keepsChecks } from "../haproxy/checks";
import type { FleetAccess } from "../haproxy/fleet-access";
import { type GroupDoor, type MeshView, peerOf } from "../haproxy/mesh";
import type { NodeMesh } from "../haproxy/plan-haproxy";
import type { StickyRead } from "../haproxy/reads";
import { type DoorName, doorAddress } from "../mesh/doors";
import type { MeshFiles } from "../mesh/files";
import type { MeshService } from "../mesh/services";
import { storeExporter } from "../otel/gateway";
import type { OtelFleet } from "../otel/plan-otel";
import type { AgentPlan } from "../victoria/agents";
import type { Endpoint, StoreEndpoints } from "../victoria/endpoints";
import type { StoreFleet, VictoriaPlan } from "../victoria/plan-victoria";
import { type Group, groupsOf, type Member, planMembers, storageMembers } from "./groups";
import { PORTS } from "./ports";
import type { ServicePlan } from "./service-plan";

/** Who is where in a fleet of several nodes, as one of them sees it. Decided here, read everywhere else. */
export interface Topology {
  /** The own node's. */
  readonly group: Group;
  /** All nodes, in the order of `fleet.nodes`. */
  readonly members: readonly Member[];
  /** Storage groups that have a node, `a` first. */
  readonly groups: readonly Group[];
  readonly stores: PerSignal<StoreFleet>;
  readonly otel: OtelFleet;
}

/**
 * The same for every node but for what is its own: its group, and whether it holds data. Addresses of storages are doors of
 * the own HAProxy, so their text and order is one everywhere, by which vminsert spreads series.
 */
export function planTopology(fleet: Fleet, node: string, group: Group): Topology {
  const members = planMembers(fleet.nodes);
  const groups = groupsOf(members);
  const addresses = (door: DoorName, behind: readonly Member[]) =>
    behind.map(({ number }) => doorAddress(door, number));
  return {
    group,
    members,
    groups,
    otel: { groups, serviceGraphHosts: addresses("servicegraph", members) },
    stores: perSignal((signal): StoreFleet => {
      const own = storageMembers(members, group, fleet.layouts[signal]);
      const { insert, select } = STORAGE_DOORS[signal];
      return {
        holdsData: own.some(({ name }) => name === node),
        members: own.map(({ name }) => name),
        inserts: addresses(insert, own),
        selects: addresses(select, own),
        allSelects: members.map((member) => `${member.group}/${doorAddress(select, member.number)}`),
        groups: groups.length,
      };
    }),
  };
}

/** Doors that the insert and select roles of the cluster layout reach storages by. */
const STORAGE_DOORS: PerSignal<{ readonly insert: DoorName; readonly select: DoorName }> = {
  metrics: { insert: "vmstorageInsert", select: "vmstorageSelect" },
  logs: { insert: "vlstorage", select: "vlstorage" },
  traces: { insert: "vtstorage", select: "vtstorage" },
};

/** Who takes a group's data, and who answers for it, by layout. */
const TAKES: PerSignal<Readonly<Record<Layout, MeshService>>> = {
  metrics: { cluster: "vminsert", single: "vmsingle" },
  // The storages themselves, not the insert roles: those acknowledge from memory, and one that is killed leaves a hole
  // that no check and no reader would notice. Select roles look at all storages, so any of them may take any item.
  logs: { cluster: "vlstorage", single: "vlstorage" },
  traces: { cluster: "vtstorage", single: "vtstorage" },
};
const ANSWERS: PerSignal<Readonly<Record<Layout, MeshService>>> = {
  metrics: { cluster: "vmselect", single: "vmsingle" },
  logs: { cluster: "vlselect", single: "vlstorage" },
  traces: { cluster: "vtselect", single: "vtstorage" },
};

interface NodeMeshRequest {
  readonly fleet: Fleet;
  readonly node: string;
  readonly prefix: string;
  readonly stores: PerSignal<VictoriaPlan>;
  readonly agents: readonly AgentPlan[];
  readonly services: readonly ServicePlan[];
  readonly files: MeshFiles;
}

/** What HAProxy of one node needs: the mesh, the doors, and which reads choose a group. */
export function planNodeMesh(
  topology: Topology,
  request: NodeMeshRequest,
): { balancer: NodeMesh; access: FleetAccess } {
  const { fleet, node, prefix, stores, agents, services, files } = request;
  const { members, groups } = topology;
  const view: MeshView = {
    node,
    members,
    port: fleet.mesh.port,
    version: fleet.images.haproxy.version,
    keepsChecks: keepsChecks(fleet.images.haproxy.version, members.length),
    running: [...services.map(({ service }) => service), "haproxy"],
    doors: doorsInUse(topology, fleet.layouts),
    groupDoors: perSignal((signal) =>
      groups.map(
        (group): GroupDoor => ({
          group,
          members: storageMembers(members, group, fleet.layouts[signal]),
          local: bare(stores[signal].endpoints.otlp),
          service: TAKES[signal][fleet.layouts[signal]],
        }),
      ),
    ),
  };
  // vmselect merges both groups; everything else is answered by one of them.
  const sticky = SIGNALS.filter((signal) => !(signal === "metrics" && fleet.layouts.metrics === "cluster"));
  const reads = sticky.map((signal) => stickyRead(topology, signal, fleet, stores[signal].endpoints));
  const certificate = files.certificates[node];
  if (certificate === undefined) throw new Error(`planned without a certificate for ${node}`);
  return {
    balancer: {
      view,
      reads,
      watched: {
        name: node,
        peers: members.flatMap(({ name }) => (name === node ? [] : [name])),
        gateway: { service: "gateway", port: PORTS.collectorMetrics },
        stores: sticky
          .filter((signal) => stores[signal].data !== undefined)
          .map((signal) => ({ signal, storage: storageOf(signal) })),
        queue: storeExporter,
      },
      agents,
      certificate,
      ca: { path: files.caPath, fingerprint: files.caFingerprint },
      choiceSource: `${prefix}-choice-data`,
      dataSources: Object.fromEntries(
        sticky.flatMap((signal) => {
          const { data } = stores[signal];
          return data === undefined ? [] : [[signal, data.source]];
        }),
      ),
    },
    access: {
      peers: members.filter(({ name }) => name !== node).map((member) => peerOf(view, member)),
      sticky: Object.fromEntries(reads.map((read) => [read.signal, read])),
    },
  };
}

function doorsInUse({ members, group }: Topology, layouts: PerSignal<Layout>): MeshView["doors"] {
  const doors: { [name in DoorName]?: readonly Member[] } = { servicegraph: members };
  for (const signal of SIGNALS) {
    if (layouts[signal] === "single") continue;
    const { insert, select } = STORAGE_DOORS[signal];
    const own = storageMembers(members, group, "cluster");
    doors[insert] = own;
    doors[select] = signal === "metrics" ? members : own;
  }
  return doors;
}

function stickyRead(
  { members, groups }: Topology,
  signal: Signal,
  { layouts, retentionDays }: Fleet,
  endpoints: StoreEndpoints,
): StickyRead {
  const layout = layouts[signal];
  return {
    signal,
    local: endpoints.select,
    service: ANSWERS[signal][layout],
    readCheck: endpoints.readCheck,
    groups: groups.map((group) => ({ group, members: storageMembers(members, group, layout) })),
    keepsSeconds: retentionDays[signal] * 86_400,
  };
}

/** The store of a signal that is answered by one group at a time; metrics are only in the single layout. */
function storageOf(signal: Signal): Endpoint {
  const service = signal === "metrics" ? "vmsingle" : signal === "logs" ? "vlstorage" : "vtstorage";
  return { service, port: PORTS[service] };
}

const bare = ({ service, port }: Endpoint): Endpoint => ({ service, port });
