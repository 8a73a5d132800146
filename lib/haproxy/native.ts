import { AGENTS, type AgentName, type AgentSignal } from "../victoria/agents";
import { type Endpoint, type PathRewrite, TENANT_PATHS } from "../victoria/endpoints";
import type { OtherNodes } from "./access";
import { queueIsFull } from "./agents-lua";
import { type Directive, line } from "./section";
import type { MeshPeer } from "./server";

/** Protocols other than OTLP at a port of a node among several, whose OTLP goes to the gateway. */
export interface NativeInsert {
  readonly target: Endpoint & { readonly service: AgentName };
  readonly others: OtherNodes;
  readonly rewrites: readonly PathRewrite[];
  /** After rewriting: whole paths, and how others begin. What is not listed is refused. */
  readonly paths: readonly string[];
  readonly prefixes: readonly string[];
  /** What is told to whoever sent something else. */
  readonly refusal: string;
}

/** The largest body that a store's native insert, or an agent in its place, is sent. */
export const NATIVE_MAX_BODY_MIB = 64;

const HEALTH = "/health";

/**
 * What agents take, from their sources. A list of what they do not take would let through what a newer version adds; they
 * have pages about themselves, and vmagent reads its configuration anew for whoever asks.
 */
const PATHS: Readonly<Record<AgentSignal, Pick<NativeInsert, "rewrites" | "paths" | "prefixes" | "refusal">>> = {
  metrics: {
    rewrites: TENANT_PATHS,
    paths: [
      HEALTH,
      ...["/api/v1/write", "/api/v1/push"].flatMap((path) => [path, `/prometheus${path}`]),
      "/write",
      "/api/v2/write",
    ],
    prefixes: [
      "/api/v1/import",
      "/prometheus/api/v1/import",
      "/influx/",
      "/datadog/",
      "/newrelic",
      "/zabbixconnector/",
    ],
    refusal: "writing over HTTP alone is taken here, for tenant 0; queries go to the select port",
  },
  logs: {
    rewrites: [],
    paths: [HEALTH, "/api/v1/validate"],
    prefixes: ["/insert/", "/api/v2/logs", "/services/collector/"],
    refusal: "writing over HTTP alone is taken here; queries go to the select port",
  },
};

/** The own node's agent, and those of other nodes while it is down. */
export function nativeInsert(signal: AgentSignal, peers: readonly MeshPeer[]): NativeInsert {
  const { service, port } = AGENTS[signal];
  return {
    ...PATHS[signal],
    target: { service, port },
    others: { peers, service, check: { service, port, path: HEALTH } },
  };
}

const ONLY_OTLP =
  "OTLP alone is taken here on a fleet of several nodes: another protocol would reach one storage group and be missing in the other";

/** What is taken where not every path is: OTLP on its one path, and what an agent takes. */
export function pathRules(otlpPath: string, native: NativeInsert | undefined): readonly Directive[] {
  const refused = line`http-request return status 501 content-type text/plain string ${native?.refusal ?? ONLY_OTLP} if !{ path ${otlpPath} }`;
  if (native === undefined) return [refused];
  const { service } = native.target;
  const full = `a queue of ${service} is full, because a storage group is away: send it again later`;
  return [
    ["acl", "native", "path", ...native.paths],
    ["acl", "native", "path_beg", ...native.prefixes],
    [...refused, "!native"],
    [
      ...line`http-request return status 503 content-type text/plain string ${full} hdr retry-after 5 if native !{ path ${HEALTH} }`,
      ...queueIsFull(service),
    ],
  ];
}
