/** Every long-running service of a node, by the name that its field uses. One service is one container. */
export const SERVICE_NAMES = [
  "vminsert",
  "vmselect",
  "vmstorage",
  "vmsingle",
  "vlinsert",
  "vlselect",
  "vlstorage",
  "vtinsert",
  "vtselect",
  "vtstorage",
  "vmagent",
  "vlagent",
  "gateway",
  "servicegraph",
  "spanmetrics",
  "isolationforest",
  "vmadapter",
  "vlogadapter",
  "haproxy",
] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

export const COLLECTOR_NAMES = [
  "gateway",
  "servicegraph",
  "spanmetrics",
  "isolationforest",
  "vmadapter",
  "vlogadapter",
] as const satisfies readonly ServiceName[];
export type CollectorName = (typeof COLLECTOR_NAMES)[number];
