/** What the two trace connectors look at; the slim pipeline in front of them keeps exactly this. */

/** Span attributes that become labels of the RED metrics. */
export const SPAN_METRICS_DIMENSIONS = [
  "http.request.method",
  "http.response.status_code",
  "http.route",
  "rpc.method",
  "db.system.name",
] as const;

/** Attributes that name a peer which sends no spans of its own, most telling first. */
export const VIRTUAL_NODE_ATTRIBUTES = [
  "service.peer.name",
  "peer.service",
  "db.namespace",
  "db.name",
  "db.system.name",
  "db.system",
  "server.address",
] as const;
export const DATABASE_NAME_ATTRIBUTES = ["db.namespace", "db.name"] as const;

/** Looked up as a span attribute first, then as one of the resource. */
export const SERVICE_GRAPH_DIMENSIONS = ["deployment.environment.name"] as const;

/** Resource attributes that identify a derived series; anything unstable here would make new series for ever. */
export const RESOURCE_ATTRIBUTES = ["service.name", "service.namespace", "deployment.environment.name"] as const;

export const DERIVED_SPAN_ATTRIBUTES: readonly string[] = [
  ...new Set([
    ...SPAN_METRICS_DIMENSIONS,
    ...VIRTUAL_NODE_ATTRIBUTES,
    ...DATABASE_NAME_ATTRIBUTES,
    ...SERVICE_GRAPH_DIMENSIONS,
  ]),
].sort();
