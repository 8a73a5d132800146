import { connect } from "node:http2";
import type { Signal } from "../lib/fleet/definition";
import type { NodePlan, PlannedAccessPoint } from "../lib/plan/node-plan";
import { fold, LINE_WIDTH } from "./progress";

const PROBE_SECONDS = 5;

/** A row of the table: a planned access point and what it answered just now. */
export interface AccessRow extends PlannedAccessPoint {
  /** `up`, or what is wrong. */
  readonly state: string;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Asks every access point something that only works when the service behind it does. */
export async function probeAccess(plan: NodePlan, request: Fetch = fetch): Promise<readonly AccessRow[]> {
  return Promise.all(
    plan.accessPoints.map(async (point) => ({
      ...point,
      state: await probe(plan, point, request).catch((error: Error & { cause?: { code?: string } }) =>
        error.name === "TimeoutError" ? `no answer in ${PROBE_SECONDS} s` : (error.cause?.code ?? error.message),
      ),
    })),
  );
}

async function probe(plan: NodePlan, { name, url }: PlannedAccessPoint, request: Fetch): Promise<string> {
  if (name === "otlpGrpc") return probeGrpc(`${plan.haproxy.tls ? "https" : "http"}://${url}`);
  const { origin } = new URL(url);
  const signal = /^(metrics|logs|traces)Select$/.exec(name)?.[1] as Signal | undefined;
  // Among several nodes VictoriaTraces' port takes OTLP alone, for the gateway.
  const otlp = name === "otlpHttp" || (name === "tracesInsert" && plan.agents.length > 0);
  const init: RequestInit = otlp
    ? { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }
    : { method: "GET" };
  const { path, body } =
    signal === undefined
      ? { path: otlp ? "/v1/traces" : (PATHS[name] ?? "/health") }
      : plan.stores[signal].endpoints.readCheck;
  const response = await request(origin + path, { ...init, signal: AbortSignal.timeout(PROBE_SECONDS * 1000) });
  const text = await response.text();
  if (response.status !== 200) return `HTTP ${response.status}`;
  return body === undefined || text.includes(body) ? "up" : "wrong answer";
}

const PATHS: { readonly [name in PlannedAccessPoint["name"]]?: string } = {
  stats: "/healthz",
  gatewayMetrics: "/metrics",
};

/** An empty export request: HAProxy accepts connections whatever is behind it, so that a connection proves nothing. */
function probeGrpc(origin: string): Promise<string> {
  return new Promise((resolve) => {
    const session = connect(origin);
    const end = (state: string): void => {
      session.destroy();
      resolve(state);
    };
    session.setTimeout(PROBE_SECONDS * 1000, () => end(`no answer in ${PROBE_SECONDS} s`));
    session.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    const stream = session.request({
      ":method": "POST",
      ":path": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
      "content-type": "application/grpc",
      te: "trailers",
    });
    // A connection that failed cancels the stream, which then only hides why.
    stream.once("error", () => undefined);
    stream.once("response", ({ ":status": status }) => end(status === 200 ? "up" : `HTTP ${status}`));
    // Not compressed, no bytes.
    stream.end(Buffer.alloc(5));
  });
}

/** What the marked ones are. */
export function standInNotes(rows: readonly Pick<AccessRow, "standIn">[]): readonly string[] {
  const standIns = new Set(rows.flatMap(({ standIn }) => standIn ?? []));
  return [...standIns].flatMap((standIn) =>
    fold(standIn, LINE_WIDTH - 2).map((line, at) => `${at === 0 ? "*" : " "} ${line}`),
  );
}

/** What and where. A stand-in answers programs and has no UI. */
export function offered({ what, url, standIn }: AccessRow): readonly [string, string] {
  return standIn === undefined ? [what, url] : [what.replace(/, vmui$/, ""), new URL(url).origin];
}

/** Pads every column but the last to its widest cell. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]?.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** For the shell of a service that sends to the node: what an OpenTelemetry SDK reads. */
export function exportLines({ accessPoints }: Pick<NodePlan, "accessPoints">): readonly string[] {
  const point = accessPoints.find(({ name }) => name === "otlpHttp");
  return [
    `export OTEL_EXPORTER_OTLP_ENDPOINT=${point === undefined ? "" : new URL(point.url).origin}`,
    "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
  ];
}
