import type { BalanceAlgorithm, PerSignal } from "../fleet/definition";
import type { MeshService } from "../mesh/services";
import { MAX_REQUEST_MIB } from "../otel/shared";
import type { AccessPointName } from "../plan/ports";
import { ACCESS_POINTS, PORTS } from "../plan/ports";
import { type Endpoint, type PathRewrite, type StoreEndpoints, TAIL_PATH } from "../victoria/endpoints";
import { type FleetAccess, fleetAccessPoints } from "./fleet-access";
import { healthRequest, MESH_CHECK_TIMEOUT } from "./mesh";
import { NATIVE_MAX_BODY_MIB, type NativeInsert, pathRules } from "./native";
import { type StickyRead, stickyRules } from "./reads";
import { type Directive, line, type Section } from "./section";
import type { MeshPeer } from "./server";
import { type Behind, grpcSections, serversOf, snake } from "./servers";

/** How a server behind an access point is treated. */
export type Patience =
  /**
   * The only server of its kind: no health check on the traffic. A check would turn a restart into seconds of 503,
   * without one a refused connection is retried until the new container listens.
   */
  | "retry"
  /**
   * A server that may lose what it takes while it stops (insert roles acknowledge from memory): turned away at the
   * first failed check, so that clients retry instead.
   */
  | "check";

/** A port of a node that clients use, and what answers there. */
export interface AccessPoint {
  readonly name: AccessPointName;
  /** Who answers on the own node. */
  readonly target: Endpoint;
  readonly patience: Patience;
  /** The service behind speaks HTTP/2 without TLS (gRPC). @default false */
  readonly http2?: boolean;
  /** Applied in their order, to the beginning of the path. @default - none */
  readonly rewrites?: readonly PathRewrite[];
  /** Seconds that a server may be silent. */
  readonly serverTimeoutSeconds: number;
  /** Requests to this path may be silent for an hour: live tailing. */
  readonly streamingPath?: string;
  /** Of what is written: larger requests are answered 413, by their content-length. @default - nothing is written here */
  readonly maxBodyMiB?: number;
  /**
   * Paths that end like this take OTLP as protobuf. The stores themselves answer 200 to a GET and to other content types
   * there, and whoever sent that would never learn that nothing was stored.
   */
  readonly otlpSuffixes?: readonly string[];
  /** Deleting, snapshots, profiles and whatever else is the operator's: not for everybody who reaches the port. */
  readonly guarded?: boolean;
  /** The same service on other nodes, for when the own one is down. @default - the own one alone */
  readonly others?: OtherNodes;
  /** Answered by one storage group at a time, whose backends stand elsewhere. @default - by `target` */
  readonly sticky?: StickyRead;
  /** Nothing but this path is taken by `target`, after rewriting. @default - every path */
  readonly onlyPath?: string;
  /** What else is taken, and by whom. @default - nothing, or everything where `onlyPath` is not said */
  readonly native?: NativeInsert;
  /** What writes is refused: the program behind also stores, in its own group alone. @default false */
  readonly readOnly?: boolean;
}

/**
 * A service that every node runs: the own one is asked, and others only when it is down. What a gateway acknowledged waits
 * a moment in its queues; with a share of the requests elsewhere, a node that dies would take a share of everybody's.
 */
export interface OtherNodes {
  readonly peers: readonly MeshPeer[];
  readonly service: MeshService;
  /** An access point to the same servers, whose checks count for this one too. @default - checks of its own */
  readonly tracks?: AccessPointName;
  /** Answers the check; another port of the same service where the traffic's own port cannot. */
  readonly check: {
    readonly service: MeshService;
    readonly port: number;
    readonly path: string;
    readonly body?: string;
    /** @default 200 */
    readonly status?: number;
  };
}

/** The access points of a node, except the stats page, which HAProxy answers itself. */
export function accessPoints(
  gateway: Endpoint,
  stores: PerSignal<StoreEndpoints>,
  layoutsWithInsert: PerSignal<boolean>,
  fleet?: FleetAccess,
): readonly AccessPoint[] {
  if (fleet !== undefined) return fleetAccessPoints(gateway, stores, fleet);
  const otlp = { patience: "retry", serverTimeoutSeconds: 60, maxBodyMiB: MAX_REQUEST_MIB } as const;
  const insert = (name: AccessPointName, signal: keyof PerSignal<unknown>): AccessPoint => ({
    name,
    target: stores[signal].insert,
    patience: layoutsWithInsert[signal] ? "check" : "retry",
    rewrites: stores[signal].insertPaths,
    serverTimeoutSeconds: 60,
    maxBodyMiB: NATIVE_MAX_BODY_MIB,
    otlpSuffixes: [`/opentelemetry/v1/${signal}`, ...(signal === "metrics" ? ["/opentelemetry/api/v1/push"] : [])],
    guarded: true,
  });
  // Below the stores' own query limit of 30 s: a hung storage behind vlselect or vtselect ends in an empty answer with
  // status 200 at that limit, and this makes it a 504.
  const select = (name: AccessPointName, signal: keyof PerSignal<unknown>): AccessPoint => ({
    name,
    target: stores[signal].select,
    patience: "retry",
    rewrites: stores[signal].selectPaths,
    serverTimeoutSeconds: 28,
    guarded: true,
  });
  return [
    { name: "otlpGrpc", target: { ...gateway, port: PORTS.otlpGrpc }, http2: true, ...otlp },
    { name: "otlpHttp", target: { ...gateway, port: PORTS.otlpHttp }, ...otlp },
    {
      name: "gatewayMetrics",
      target: { ...gateway, port: PORTS.collectorMetrics },
      patience: "retry",
      serverTimeoutSeconds: 10,
    },
    select("metricsSelect", "metrics"),
    insert("metricsInsert", "metrics"),
    { ...select("logsSelect", "logs"), streamingPath: TAIL_PATH },
    insert("logsInsert", "logs"),
    select("tracesSelect", "traces"),
    insert("tracesInsert", "traces"),
  ];
}

/**
 * For what is written over HTTP/1: a request that met a connection which its server was just closing would be answered by
 * closing the client's, and most OTLP clients take that for good. So no connection to a server is used twice, and what is
 * closed without an answer is answered 502, which clients try again.
 */
const WRITTEN: readonly Directive[] = [line`option http-server-close`];
/**
 * OTLP requests are whole when they are sent; one that fits a buffer is sent again here where a server closes without an
 * answer. Other protocols may send line after line by one request, and nothing of that may be held back.
 */
const SENT_AGAIN: readonly Directive[] = [line`option http-buffer-request`, line`timeout http-request 60s`];

/** Who answers at an access point without `sticky`. */
export const backendName = (name: AccessPointName, suffix: "" | typeof NATIVE = ""): string =>
  `be_${snake(name)}${suffix}`;

/** @param crt path of the certificate in the container, when the access points speak TLS */
export function accessSections(
  point: AccessPoint,
  algorithm: BalanceAlgorithm,
  crt: string | undefined,
): readonly Section[] {
  const { name, rewrites = [], serverTimeoutSeconds, streamingPath, sticky, onlyPath, native, maxBodyMiB } = point;
  const id = snake(name);
  const frontend: Section = {
    kind: "frontend",
    name: `fe_${id}`,
    from: "base",
    lines: [
      bind(ACCESS_POINTS[name].port, crt),
      ...[...rewrites, ...(native?.rewrites ?? [])].map(rewriteRule),
      ...refusals(point),
      ...(onlyPath === undefined ? [] : pathRules(onlyPath, native)),
      ...(sticky === undefined ? plainRules(id, point) : stickyRules(sticky)),
    ],
  };
  if (sticky !== undefined) return [frontend];
  const servers = serversOf(point);
  const backendOf = (of: Behind, suffix = ""): Section => ({
    kind: "backend",
    name: `be_${id}${suffix}`,
    from: "base",
    lines: [
      line`balance ${algorithm}`,
      line`timeout server ${serverTimeoutSeconds}s`,
      ...(maxBodyMiB === undefined || of.http2 === true ? [] : WRITTEN),
      ...(of === point && takesOtlpAlone(point) ? SENT_AGAIN : []),
      ...patienceOf(of),
      ...serversOf(of),
    ],
  });
  const backends = [
    backendOf(point),
    ...(native === undefined ? [] : [backendOf({ ...native, name, patience: "check" }, NATIVE)]),
    ...(point.http2 === true ? grpcSections(point) : []),
  ];
  const stream: Section = {
    kind: "backend",
    name: `be_${id}_stream`,
    from: "base",
    lines: [line`timeout server 1h`, ...servers],
  };
  return streamingPath === undefined ? [frontend, ...backends] : [frontend, ...backends, stream];
}

function takesOtlpAlone({ name, onlyPath }: AccessPoint): boolean {
  return name === "otlpHttp" || onlyPath !== undefined;
}

/** Last part of the name of the backend of {@link NativeInsert}. */
export const NATIVE = "_native";

function plainRules(id: string, { streamingPath, onlyPath, native }: AccessPoint): readonly Directive[] {
  if (onlyPath !== undefined && native !== undefined)
    return [line`use_backend be_${id} if { path ${onlyPath} }`, line`default_backend be_${id}${NATIVE}`];
  return [
    ...(streamingPath === undefined ? [] : [line`use_backend be_${id}_stream if { path ${streamingPath} }`]),
    line`default_backend be_${id}`,
  ];
}

function patienceOf({ patience, others, http2 = false }: Behind): readonly Directive[] {
  if (patience === "retry") return [line`retries 12`, line`timeout queue 20s`];
  const { path, body, status } = others?.check ?? { path: "/health", body: undefined, status: 200 };
  // A dead node answers nothing at all; whoever was sent there goes elsewhere after a second.
  const elsewhere = others === undefined ? [] : [line`timeout connect 1s`, MESH_CHECK_TIMEOUT, line`option allbackups`];
  // All servers of a gRPC backend follow the checks of other ones.
  return http2 ? elsewhere : [...elsewhere, ...healthRequest(path, body, status)];
}

export function bind(port: number, crt: string | undefined): Directive {
  return crt === undefined ? line`bind :${port}` : line`bind :${port} ssl crt ${crt} alpn h2,http/1.1`;
}

/** Parts of the paths by which the stores of the single layout take data, from the documentation of each. */
const WRITING_PATHS = [
  "/insert",
  "/api/v1/import",
  "/api/v1/write",
  "/api/v1/push",
  "/write",
  "/opentelemetry",
  "/influx",
  "/datadog",
  "/newrelic",
  "/api/put",
  "/zabbixconnector",
];

/** What is refused here, because the service behind would take it wrongly or not at all. */
function refusals({
  maxBodyMiB,
  otlpSuffixes = [],
  guarded = false,
  readOnly = false,
  native,
  onlyPath,
}: AccessPoint): readonly Directive[] {
  const refuse = (status: number, why: string, condition: Directive): Directive => [
    ...line`http-request return status ${status} content-type text/plain string ${why} if`,
    ...condition,
  ];
  const lines: Directive[] = [];
  if (maxBodyMiB !== undefined) {
    const larger = (mebibytes: number, where: readonly (string | number)[] = []): Directive =>
      refuse(413, `body larger than ${mebibytes} MiB`, [
        ...line`{ req.hdr(content-length) -m int gt ${mebibytes * 1024 * 1024} }`,
        ...where,
      ]);
    if (onlyPath === undefined || native === undefined) lines.push(larger(maxBodyMiB));
    else lines.push(larger(maxBodyMiB, line`{ path ${onlyPath} }`), larger(NATIVE_MAX_BODY_MIB));
    // A server that refuses early leaves the rest of a body without length unread, and HAProxy then answers nothing more
    // on that connection.
    lines.push(line`http-request set-var(txn.no_length) bool(true) unless { req.hdr(content-length) -m found }`);
    lines.push(
      line`http-after-response set-header connection close if { var(txn.no_length) -m found } !{ status 200:299 }`,
    );
    // The same goes for the body that is refused here by its length.
    lines.push(line`http-after-response set-header connection close if { status 413 }`);
  }
  if (guarded) {
    const operators = line`{ path,url_dec -m sub delete /snapshot /internal/ /debug/ /-/reload }`;
    lines.push(refuse(403, "not offered at this port", operators));
  }
  if (readOnly) {
    const writes = ["{", "path,url_dec", "-m", "sub", ...WRITING_PATHS, "}"] as const;
    lines.push(refuse(501, "queries alone are taken here; send OTLP to 4317 or 4318", [...writes]));
  }
  if (otlpSuffixes.length > 0) {
    const otlp = ["{", "path_end", ...otlpSuffixes, "}"] as const;
    lines.push(refuse(405, "OTLP takes POST", [...otlp, ...line`!{ method POST }`]));
    const protobuf = line`!{ req.hdr(content-type) -m beg application/x-protobuf }`;
    lines.push(
      refuse(415, "OTLP is taken as application/x-protobuf here; 4318 takes JSON too", [...otlp, ...protobuf]),
    );
  }
  return lines;
}

function rewriteRule({ from, to }: PathRewrite): Directive {
  return line`http-request replace-path ^${from.replaceAll(".", "\\.")}(.*)$ ${to}\\1`;
}
