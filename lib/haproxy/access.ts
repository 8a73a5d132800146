import type { BalanceAlgorithm, PerSignal } from "../fleet/definition";
import { MAX_REQUEST_MIB } from "../otel/shared";
import type { AccessPointName } from "../plan/ports";
import { ACCESS_POINTS, PORTS } from "../plan/ports";
import type { Endpoint, PathRewrite, StoreEndpoints } from "../victoria/endpoints";
import type { Directive, Section } from "./section";

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
  });
  // Below the stores' own query limit of 30 s: a hung storage behind vlselect or vtselect ends in an empty answer with
  // status 200 at that limit, and this makes it a 504.
  const select = (name: AccessPointName, signal: keyof PerSignal<unknown>): AccessPoint => ({
    name,
    target: stores[signal].select,
    patience: "retry",
    rewrites: stores[signal].selectPaths,
    serverTimeoutSeconds: 28,
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

export const RESOLVED: readonly string[] = ["resolvers", "docker", "init-addr", "none"];

/** @param crt path of the certificate in the container, when the access points speak TLS */
export function accessSections(
  point: AccessPoint,
  algorithm: BalanceAlgorithm,
  crt: string | undefined,
): readonly Section[] {
  const {
    name,
    target,
    patience,
    http2 = false,
    rewrites = [],
    serverTimeoutSeconds,
    streamingPath,
    maxBodyMiB,
  } = point;
  const id = snake(name);
  const limits: Directive[] =
    maxBodyMiB === undefined
      ? []
      : [
          [
            "http-request",
            "return",
            "status",
            413,
            "content-type",
            "text/plain",
            "string",
            `body larger than ${maxBodyMiB} MiB`,
            "if",
            "{",
            "req.hdr(content-length)",
            "-m",
            "int",
            "gt",
            maxBodyMiB * 1024 * 1024,
            "}",
          ],
        ];
  const server: Directive = [
    "server",
    target.service,
    `${target.service}:${target.port}`,
    ...(http2 ? ["proto", "h2"] : []),
    ...(patience === "check" ? ["check", "fall", 1] : []),
    "tcp-ut",
    "3s",
    ...RESOLVED,
  ];
  const traffic: Directive[] = [
    ["balance", algorithm],
    ["timeout", "server", `${serverTimeoutSeconds}s`],
    ...(patience === "retry"
      ? ([
          ["retries", 12],
          ["timeout", "queue", "20s"],
        ] as Directive[])
      : ([
          ["option", "httpchk"],
          ["http-check", "send", "meth", "GET", "uri", "/health"],
          ["http-check", "expect", "status", 200],
        ] as Directive[])),
  ];
  const frontend: Section = {
    kind: "frontend",
    name: `fe_${id}`,
    from: "base",
    lines: [
      [
        "bind",
        `:${ACCESS_POINTS[name].port}`,
        ...(crt === undefined ? [] : ["ssl", "crt", crt, "alpn", "h2,http/1.1"]),
      ],
      ...limits,
      ...rewrites.map(rewriteRule),
      ...(streamingPath === undefined
        ? []
        : ([["use_backend", `be_${id}_stream`, "if", "{", "path", streamingPath, "}"]] as Directive[])),
      ["default_backend", `be_${id}`],
    ],
  };
  const backend: Section = { kind: "backend", name: `be_${id}`, from: "base", lines: [...traffic, server] };
  if (streamingPath === undefined) return [frontend, backend];
  const stream: Section = {
    kind: "backend",
    name: `be_${id}_stream`,
    from: "base",
    lines: [["timeout", "server", "1h"], server],
  };
  return [frontend, backend, stream];
}

function rewriteRule({ from, to }: PathRewrite): Directive {
  return ["http-request", "replace-path", `^${from.replaceAll(".", "\\.")}(.*)$`, `${to}\\1`];
}
