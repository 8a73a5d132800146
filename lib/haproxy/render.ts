import { createHash } from "node:crypto";
import type { BalanceAlgorithm } from "../fleet/definition";
import { ACCESS_POINTS, PORTS } from "../plan/ports";
import type { ServiceName } from "../plan/services";
import { type AccessPoint, accessSections, RESOLVED } from "./access";
import { type Directive, renderSections, type Section } from "./section";

/** What readiness asks a service; the answer must be 200 and hold `body`. */
export interface ReadinessCheck {
  readonly service: ServiceName;
  readonly port: number;
  readonly path: string;
  readonly body?: string;
}

export interface HaproxyRequest {
  readonly accessPoints: readonly AccessPoint[];
  readonly readiness: readonly ReadinessCheck[];
  readonly algorithm: BalanceAlgorithm;
  readonly checkIntervalSeconds: number;
  readonly drainSeconds: number;
  readonly statsUser: string;
  /** In a form that crypt(3) knows. */
  readonly statsPasswordHash: string;
  /** Changes when the certificate does; absent means plain text at the access points. */
  readonly tlsFingerprint?: string;
}

export interface RenderedHaproxy {
  readonly config: string;
  /** Answered at `/config`, so that a reload can be told from a signal that was only sent. */
  readonly hash: string;
}

export const HAPROXY_FOLDER = "/usr/local/etc/haproxy";
export const HAPROXY_CONFIG = `${HAPROXY_FOLDER}/haproxy.cfg`;
/** HAProxy finds the key beside the certificate under this name with `.key`. */
export const HAPROXY_CERTIFICATE = `${HAPROXY_FOLDER}/tls.pem`;

const OPEN_FILES = 8000;

export function renderHaproxy(request: HaproxyRequest): RenderedHaproxy {
  const crt = request.tlsFingerprint === undefined ? undefined : HAPROXY_CERTIFICATE;
  const sections = (hash: string): Section[] => [
    globalSection(request),
    RESOLVERS,
    { kind: "userlist", name: "ul_stats", lines: [["user", request.statsUser, "password", request.statsPasswordHash]] },
    defaults(request),
    ...request.accessPoints.flatMap((point) => accessSections(point, request.algorithm, crt)),
    ...request.readiness.map(checkBackend),
    statsFrontend(request, crt, hash),
  ];
  const hash = createHash("sha256")
    .update(renderSections(sections("")))
    .update(request.tlsFingerprint ?? "")
    .digest("hex")
    .slice(0, 16);
  return { config: renderSections(sections(hash)), hash };
}

function globalSection({ drainSeconds }: HaproxyRequest): Section {
  return {
    kind: "global",
    lines: [
      ["log", "stdout", "format", "raw", "local0", "notice"],
      ["maxconn", 3000],
      ["fd-hard-limit", OPEN_FILES],
      // Without it a long connection keeps the worker of every reload alive.
      ["hard-stop-after", `${drainSeconds}s`],
      ["stats", "socket", "/run/haproxy/admin.sock", "mode", 600, "level", "admin"],
      ["ssl-default-bind-options", "ssl-min-ver", "TLSv1.2", "no-tls-tickets"],
    ],
  };
}

/** Docker's own DNS: a replaced container is followed within a second, and a missing name does not block the start. */
const RESOLVERS: Section = {
  kind: "resolvers",
  name: "docker",
  lines: [
    ["nameserver", "embedded", "127.0.0.11:53"],
    ["accepted_payload_size", 4096],
    ["resolve_retries", 3],
    ["timeout", "resolve", "1s"],
    ["timeout", "retry", "500ms"],
    ["hold", "valid", "1s"],
    ["hold", "obsolete", "0s"],
    ["hold", "nx", "5s"],
    ["hold", "timeout", "30s"],
    ["hold", "refused", "30s"],
    ["hold", "other", "30s"],
  ],
};

function defaults({ checkIntervalSeconds }: HaproxyRequest): Section {
  return {
    kind: "defaults",
    name: "base",
    lines: [
      ["mode", "http"],
      ["log", "global"],
      ["option", "httplog"],
      ["option", "dontlognull"],
      ["option", "dontlog-normal"],
      ["option", "redispatch", 1],
      ["retries", 3],
      ["retry-on", "conn-failure", "empty-response"],
      ["timeout", "connect", "2s"],
      ["timeout", "http-request", "10s"],
      ["timeout", "http-keep-alive", "5m"],
      ["timeout", "client", "60s"],
      ["timeout", "server", "60s"],
      ["timeout", "queue", "5s"],
      ["timeout", "check", "2s"],
      [
        "default-server",
        "inter",
        `${checkIntervalSeconds}s`,
        "fastinter",
        "500ms",
        "downinter",
        "1s",
        "fall",
        2,
        "rise",
        1,
      ],
    ],
  };
}

function checkBackend({ service, port, path, body }: ReadinessCheck): Section {
  return {
    kind: "backend",
    name: checkName(service),
    from: "base",
    lines: [
      ["option", "httpchk"],
      ["http-check", "send", "meth", "GET", "uri", path],
      ["http-check", "expect", "status", 200],
      ...(body === undefined ? [] : ([["http-check", "expect", "string", body]] as Directive[])),
      ["server", service, `${service}:${port}`, "check", ...RESOLVED],
    ],
  };
}

const checkName = (service: ServiceName): string => `be_chk_${service}`;

function statsFrontend({ readiness }: HaproxyRequest, crt: string | undefined, hash: string): Section {
  const answer = (status: number, text: string, ...condition: (string | number)[]): Directive => [
    "http-request",
    "return",
    "status",
    status,
    "content-type",
    "text/plain",
    "string",
    text,
    ...condition,
  ];
  const path = (...paths: string[]): string[] => ["if", "{", "path", ...paths, "}"];
  const down = ({ service }: ReadinessCheck): string[] => ["{", `nbsrv(${checkName(service)})`, "lt", "1", "}"];
  return {
    kind: "frontend",
    name: "fe_stats",
    from: "base",
    lines: [
      [
        "bind",
        `:${ACCESS_POINTS.stats.port}`,
        ...(crt === undefined ? [] : ["ssl", "crt", crt, "alpn", "h2,http/1.1"]),
      ],
      ["bind", `:${PORTS.haproxyInternal}`],
      answer(503, "stopping", ...path("/healthz", "/readyz"), "{", "stopping", "}"),
      answer(200, "ok", ...path("/healthz")),
      answer(200, hash, ...path("/config")),
      ...readiness.map((check) => answer(503, `${check.service}: not ready`, ...path("/readyz"), ...down(check))),
      answer(200, "ready", ...path("/readyz")),
      // Like /readyz with status 200 always: some clients show no body of a 503.
      ...readiness.map((check) => answer(200, check.service, ...path("/waiting-for"), ...down(check))),
      answer(200, "nothing", ...path("/waiting-for")),
      ["http-request", "use-service", "prometheus-exporter", ...path("/metrics")],
      ["http-request", "redirect", "location", "/stats", ...path("/")],
      ["http-request", "auth", "realm", "mirador", "unless", "{", "http_auth(ul_stats)", "}"],
      ["stats", "enable"],
      ["stats", "uri", "/stats"],
      ["stats", "hide-version"],
      ["stats", "refresh", "10s"],
    ],
  };
}
