import { PORTS } from "../plan/ports";
import type { ServiceName } from "../plan/services";

/** What a node offers to the other nodes: the first label of the TLS server name, and what answers behind it. */
export const MESH_SERVICES = {
  /** HAProxy's own health and what it knows of its node's stores. */
  node: { service: "haproxy", port: PORTS.haproxyInternal },
  "otlp-grpc": { service: "gateway", port: PORTS.otlpGrpc },
  "otlp-http": { service: "gateway", port: PORTS.otlpHttp },
  servicegraph: { service: "servicegraph", port: PORTS.otlpGrpc },
  "servicegraph-health": { service: "servicegraph", port: PORTS.collectorHealth },
  vminsert: { service: "vminsert", port: PORTS.vminsert },
  vmselect: { service: "vmselect", port: PORTS.vmselect },
  vmstorage: { service: "vmstorage", port: PORTS.vmstorage },
  "vmstorage-insert": { service: "vmstorage", port: PORTS.vmstorageInsert },
  "vmstorage-select": { service: "vmstorage", port: PORTS.vmstorageSelect },
  vmsingle: { service: "vmsingle", port: PORTS.vmsingle },
  vlselect: { service: "vlselect", port: PORTS.vlselect },
  vlstorage: { service: "vlstorage", port: PORTS.vlstorage },
  vtselect: { service: "vtselect", port: PORTS.vtselect },
  vtstorage: { service: "vtstorage", port: PORTS.vtstorage },
  vmagent: { service: "vmagent", port: PORTS.vmagent },
  vlagent: { service: "vlagent", port: PORTS.vlagent },
} as const satisfies Readonly<Record<string, { readonly service: ServiceName; readonly port: number }>>;
export type MeshService = keyof typeof MESH_SERVICES;
export const MESH_SERVICE_NAMES = Object.keys(MESH_SERVICES) as readonly MeshService[];

/** Where the mesh listens on a node's address. @see FleetDefinition.mesh */
export const MESH_PORT = 7443;
/** In the container; published as the fleet's mesh port. */
export const MESH_INTERNAL_PORT = 7443;

/** The TLS server name that picks a service of a node. A fixed text: it is never derived from a Host header. */
export function serverName(service: MeshService, node: string): string {
  return `${service}.${node}.mesh`;
}
