import type { BalanceAlgorithm, PerSignal } from "../fleet/definition";
import { MAX_REQUEST_MIB } from "../otel/shared";
import type { AccessPointName } from "../plan/ports";
import { ACCESS_POINTS, PORTS } from "../plan/ports";
import type { Endpoint, PathRewrite, StoreEndpoints } from "../victoria/endpoints";
import { type Directive, line, type Section } from "./section";

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

export interface AccessPoint {
  readonly name: AccessPointName;
  readonly target: Endpoint;
  readonly patience: Patience;
  readonly http2?: boolean;
  readonly rewrites?: readonly PathRewrite[];
  /** Seconds that a server may be silent. */
  readonly serverTimeoutSeconds: number;
  /** Requests to this path may be silent for an hour: live tailing. */
  readonly streamingPath?: string;
  readonly maxBodyMiB?: number;
  /**
   * Paths that end like this take OTLP as protobuf. The stores themselves answer 200 to a GET and to other content types
   * there, and whoever sent that would never learn that nothing was stored.
   */
  readonly otlpSuffixes?: readonly string[];
  /** Deleting, snapshots, profiles and whatever else is the operator's: not for everybody who reaches the port. */
  readonly guarded?: boolean;
}

/** The access points of a node, except the stats page, which HAProxy answers itself. */
export function accessPoints(
  gateway: Endpoint,
  stores: PerSignal<StoreEndpoints>,
  layoutsWithInsert: PerSignal<boolean>,
): readonly AccessPoint[] {
  const otlp = { patience: "retry", serverTimeoutSeconds: 60, maxBodyMiB: MAX_REQUEST_MIB } as const;
  const insert = (name: AccessPointName, signal: keyof PerSignal<unknown>): AccessPoint => ({
    name,
    target: stores[signal].insert,
    patience: layoutsWithInsert[signal] ? "check" : "retry",
    rewrites: stores[signal].insertPaths,
    serverTimeoutSeconds: 60,
    maxBodyMiB: 64,
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
    { ...select("logsSelect", "logs"), streamingPath: "/select/logsql/tail" },
    insert("logsInsert", "logs"),
    select("tracesSelect", "traces"),
    insert("tracesInsert", "traces"),
  ];
}

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** How a server's name is followed: by Docker's DNS, without waiting for it at the start. */
export const RESOLVED = "resolvers docker init-addr none";

/** @param crt path of the certificate in the container, when the access points speak TLS */
export function accessSections(
  point: AccessPoint,
  algorithm: BalanceAlgorithm,
  crt: string | undefined,
): readonly Section[] {
  const { name, target, patience, http2 = false, rewrites = [], serverTimeoutSeconds, streamingPath } = point;
  const id = snake(name);
  const address = `${target.service}:${target.port}`;
  const words = [
    ...(http2 ? ["proto h2"] : []),
    ...(patience === "check" ? ["check inter 1s fall 1"] : []),
    "tcp-ut 3s",
    RESOLVED,
  ];
  const server: Directive = ["server", target.service, address, ...words.flatMap((text) => text.split(" "))];
  const frontend: Section = {
    kind: "frontend",
    name: `fe_${id}`,
    from: "base",
    lines: [
      bind(ACCESS_POINTS[name].port, crt),
      ...rewrites.map(rewriteRule),
      ...refusals(point),
      ...(streamingPath === undefined ? [] : [line`use_backend be_${id}_stream if { path ${streamingPath} }`]),
      line`default_backend be_${id}`,
    ],
  };
  const backend: Section = {
    kind: "backend",
    name: `be_${id}`,
    from: "base",
    lines: [line`balance ${algorithm}`, line`timeout server ${serverTimeoutSeconds}s`, ...PATIENCE[patience], server],
  };
  const stream: Section = {
    kind: "backend",
    name: `be_${id}_stream`,
    from: "base",
    lines: [line`timeout server 1h`, server],
  };
  return streamingPath === undefined ? [frontend, backend] : [frontend, backend, stream];
}

export function bind(port: number, crt: string | undefined): Directive {
  return crt === undefined ? line`bind :${port}` : line`bind :${port} ssl crt ${crt} alpn h2,http/1.1`;
}

const PATIENCE: Readonly<Record<Patience, readonly Directive[]>> = {
  retry: [line`retries 12`, line`timeout queue 20s`],
  check: [line`option httpchk`, line`http-check send meth GET uri /health`, line`http-check expect status 200`],
};

/** What is refused here, because the service behind would take it wrongly or not at all. */
function refusals({ maxBodyMiB, otlpSuffixes = [], guarded = false }: AccessPoint): readonly Directive[] {
  const refuse = (status: number, why: string, condition: Directive): Directive => [
    ...line`http-request return status ${status} content-type text/plain string ${why} if`,
    ...condition,
  ];
  const lines: Directive[] = [];
  if (maxBodyMiB !== undefined) {
    const tooLarge = line`{ req.hdr(content-length) -m int gt ${maxBodyMiB * 1024 * 1024} }`;
    lines.push(refuse(413, `body larger than ${maxBodyMiB} MiB`, tooLarge));
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
    const operators = line`{ path,url_dec -m sub delete /snapshot /internal/ /debug/ }`;
    lines.push(refuse(403, "not offered at this port", operators));
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
