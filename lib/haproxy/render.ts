import { createHash } from "node:crypto";
import type { BalanceAlgorithm } from "../fleet/definition";
import { ACCESS_POINTS, PORTS, STATS_PATHS } from "../plan/ports";
import { type AccessPoint, accessSections, bind } from "./access";
import { landingRules } from "./landing";
import { type MeshView, meshSections, TCP_LONG } from "./mesh";
import { LEAVE_PATH, peerSections, STATE_PATH } from "./peers";
import { checkBackend, checkName, type ReadinessCheck } from "./readiness";
import { type StickyRead, stickySections } from "./reads";
import { type Directive, line, renderSections, type Section } from "./section";

/** What {@link renderHaproxy} writes down. */
export interface HaproxyRequest {
  readonly accessPoints: readonly AccessPoint[];
  readonly readiness: readonly ReadinessCheck[];
  readonly algorithm: BalanceAlgorithm;
  /** Between two looks of readiness at a service. */
  readonly checkIntervalSeconds: number;
  /** How long a stopping worker may finish what it has begun. */
  readonly drainSeconds: number;
  readonly statsUser: string;
  /** In a form that crypt(3) knows. */
  readonly statsPasswordHash: string;
  /** What {@link HAPROXY_LANDING} holds. HAProxy reads it with its configuration and never again. */
  readonly landing: string;
  /** Changes when the certificate does; absent means plain text at the access points. */
  readonly tlsFingerprint?: string;
  /** @default - a single node */
  readonly mesh?: MeshRendering;
}

/** What a node of several adds. */
export interface MeshRendering {
  readonly view: MeshView;
  readonly reads: readonly StickyRead[];
  /** Changes when a certificate of the mesh does, or the program that chooses groups. */
  readonly fingerprint: string;
}

export interface RenderedHaproxy {
  /** The text of `haproxy.cfg`. */
  readonly config: string;
  /** Answered at `/config`, so that a reload can be told from a signal that was only sent. */
  readonly hash: string;
}

export const HAPROXY_FOLDER = "/usr/local/etc/haproxy";
export const HAPROXY_CONFIG = `${HAPROXY_FOLDER}/haproxy.cfg`;
/** HAProxy finds the key beside the certificate under this name with `.key`. */
export const HAPROXY_CERTIFICATE = `${HAPROXY_FOLDER}/tls.pem`;

/** The page for people, see `landing.ts`. */
export const HAPROXY_LANDING = `${HAPROXY_FOLDER}/landing.html`;
/** The program that chooses storage groups, see `choice-lua.ts`. */
export const HAPROXY_PROGRAM = `${HAPROXY_FOLDER}/choice.lua`;
/** The program that watches the agents' queues, see `agents-lua.ts`. */
export const HAPROXY_AGENTS = `${HAPROXY_FOLDER}/agents.lua`;

const OPEN_FILES = 8000;

/**
 * The whole configuration of a node's HAProxy. Its hash stands in it, so it is rendered twice: once without.
 * @throws ProblemError when a value cannot stand in HAProxy's grammar
 */
export function renderHaproxy(request: HaproxyRequest): RenderedHaproxy {
  const crt = request.tlsFingerprint === undefined ? undefined : HAPROXY_CERTIFICATE;
  const sections = (hash: string): Section[] => [
    globalSection(request),
    RESOLVERS,
    {
      kind: "userlist",
      name: "ul_stats",
      lines: [line`user ${request.statsUser} password ${request.statsPasswordHash}`],
    },
    defaults(request),
    TCP_LONG,
    ...request.accessPoints.flatMap((point) => accessSections(point, request.algorithm, crt)),
    ...request.readiness.map(checkBackend),
    ...(request.mesh === undefined ? [] : fleetSections(request.mesh)),
    statsFrontend(request, crt, hash),
  ];
  const hash = createHash("sha256")
    .update(renderSections(sections("")))
    .update(request.landing)
    .update(request.tlsFingerprint ?? "")
    .update(request.mesh?.fingerprint ?? "")
    .digest("hex")
    .slice(0, 16);
  return { config: renderSections(sections(hash)), hash };
}

function fleetSections({ view, reads }: MeshRendering): readonly Section[] {
  return [...meshSections(view), ...peerSections(view), ...reads.flatMap((read) => stickySections(view, read))];
}

function globalSection({ drainSeconds, mesh }: HaproxyRequest): Section {
  return {
    kind: "global",
    lines: [
      line`log stdout format raw local0 notice`,
      line`maxconn 3000`,
      line`fd-hard-limit ${OPEN_FILES}`,
      // A request is sent again only while all of it is in one buffer, and the default of 16 KiB is just too small for 100
      // spans. As many connections as there may be still fit the memory limit with one each.
      line`tune.bufsize 32768`,
      // Without it a long connection keeps the worker of every reload alive.
      line`hard-stop-after ${drainSeconds}s`,
      line`stats socket /run/haproxy/admin.sock mode 600 level admin`,
      line`ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets`,
      ...(mesh === undefined
        ? []
        : [
            line`spread-checks 20`,
            line`tune.ssl.cachesize 0`,
            line`lua-load ${HAPROXY_PROGRAM}`,
            line`lua-load ${HAPROXY_AGENTS}`,
          ]),
    ],
  };
}

/** Docker's own DNS: a replaced container is followed within a second, and a missing name does not block the start. */
const RESOLVERS: Section = {
  kind: "resolvers",
  name: "docker",
  lines: [
    line`nameserver embedded 127.0.0.11:53`,
    line`accepted_payload_size 4096`,
    line`resolve_retries 3`,
    line`timeout resolve 1s`,
    line`timeout retry 500ms`,
    line`hold valid 1s`,
    line`hold obsolete 0s`,
    line`hold nx 5s`,
    line`hold timeout 30s`,
    line`hold refused 30s`,
    line`hold other 30s`,
  ],
};

function defaults({ checkIntervalSeconds }: HaproxyRequest): Section {
  return {
    kind: "defaults",
    name: "base",
    lines: [
      line`mode http`,
      line`log global`,
      line`option httplog`,
      line`option dontlognull`,
      line`option dontlog-normal`,
      // At a reload a client learns from its last answer that the connection ends, and not from a request that meets a
      // closed one: OTLP over HTTP/1 has no way to tell whether that request was taken.
      line`option idle-close-on-response`,
      line`option redispatch 1`,
      line`retries 3`,
      line`retry-on conn-failure empty-response`,
      line`timeout connect 2s`,
      line`timeout http-request 10s`,
      line`timeout http-keep-alive 5m`,
      line`timeout client 60s`,
      line`timeout server 60s`,
      line`timeout queue 5s`,
      line`timeout check 2s`,
      line`default-server inter ${checkIntervalSeconds}s fastinter 500ms downinter 1s fall 2 rise 1`,
    ],
  };
}

function statsFrontend({ readiness, mesh }: HaproxyRequest, crt: string | undefined, hash: string): Section {
  const answer = (status: number, text: string, condition: Directive): Directive => [
    ...line`http-request return status ${status} content-type text/plain string ${text} if`,
    ...condition,
  ];
  const { landing, stats, health, readiness: ready, metrics } = STATS_PATHS;
  const down = (path: string, { service }: ReadinessCheck): Directive =>
    line`{ path ${path} } { nbsrv(${checkName(service)}) lt 1 }`;
  return {
    kind: "frontend",
    name: "fe_stats",
    from: "base",
    lines: [
      bind(ACCESS_POINTS.stats.port, crt),
      bind(PORTS.haproxyInternal, undefined),
      answer(503, "stopping", line`{ path ${health} ${ready} } { stopping }`),
      mesh === undefined
        ? answer(200, "ok", line`{ path ${health} }`)
        : line`http-request return status 200 content-type text/plain lf-string ${healthText(mesh)} if { path ${health} }`,
      ...(mesh === undefined ? [] : nodeServices()),
      answer(200, hash, line`{ path /config }`),
      ...readiness.map((check) => answer(503, `${check.service}: not ready`, down(ready, check))),
      answer(200, "ready", line`{ path ${ready} }`),
      // Like /readyz with status 200 always: some clients show no body of a 503.
      answer(200, "haproxy", line`{ path /waiting-for } { stopping }`),
      ...readiness.map((check) => answer(200, check.service, down("/waiting-for", check))),
      answer(200, "nothing", line`{ path /waiting-for }`),
      line`http-request use-service prometheus-exporter if { path ${metrics} }`,
      ...landingRules(HAPROXY_LANDING, readiness),
      line`http-request redirect location ${stats} if { path ${landing} }`,
      line`http-request auth realm mirador unless { http_auth(ul_stats) }`,
      line`stats enable`,
      line`stats uri ${stats}`,
      line`stats hide-version`,
      line`stats refresh 10s`,
    ],
  };
}

/** For the other nodes and the operator's command, who come through the mesh to the port that is never published. */
function nodeServices(): readonly Directive[] {
  const internal = line`{ dst_port ${PORTS.haproxyInternal} }`;
  return [
    [...line`http-request use-service lua.mirador_state if { path ${STATE_PATH} }`, ...internal],
    [...line`http-request use-service lua.mirador_leave if { path ${LEAVE_PATH} } { method POST }`, ...internal],
  ];
}

/** Also tells which storage group answers what. */
function healthText({ reads }: MeshRendering): string {
  return ["ok", ...reads.map(({ signal }) => `${signal} from group %[lua.mirador_choice(${signal})]`)].join("; ");
}
