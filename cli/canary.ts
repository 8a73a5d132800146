import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { rootCertificates } from "node:tls";
import { credentials } from "@grpc/grpc-js";
import { SeverityNumber } from "@opentelemetry/api-logs";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { AlwaysOnSampler, BasicTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import type { Signal } from "../lib/fleet/definition";
import { compareVersions } from "../lib/images/version";
import type { NodePlan } from "../lib/plan/node-plan";
import type { AccessPointName } from "../lib/plan/ports";
import { CliError } from "./failure";

/** One marked item of a signal: how it is sent to a node and how it is found again there. */
export interface Question {
  readonly signal: Signal;
  /** The word people use for one item. */
  readonly word: "trace" | "log" | "metric";
  readonly sentBy: string;
  /** @throws Error when it was not acknowledged */
  readonly send: () => Promise<void>;
  /** A query at an access point that answers with `mark` when the item is there. `poll` counts up. */
  readonly url: (poll: number) => string;
  readonly mark: string;
  /** The service that answers the query. */
  readonly service: string;
}

export interface CanaryTargets {
  readonly otlpGrpc: string;
  readonly otlpHttp: string;
  /** Of the queries, each with the service behind. */
  readonly traces: QueryTarget;
  readonly logs: QueryTarget;
  readonly metrics: QueryTarget;
  /** VictoriaTraces of 0.12 and newer hides the last 30 s from queries unless told otherwise. */
  readonly tracesHideRecent: boolean;
}

export interface QueryTarget {
  readonly origin: string;
  readonly service: string;
}

export function canaryTargets(plan: NodePlan): CanaryTargets {
  const scheme = plan.haproxy.tls ? "https" : "http";
  const target = (name: AccessPointName): QueryTarget => {
    const point = plan.accessPoints.find((candidate) => candidate.name === name);
    if (point === undefined) throw new Error(`the plan has no access point ${name}`);
    const url = point.url.includes("://") ? point.url : `${scheme}://${point.url}`;
    return { origin: new URL(url).origin, service: point.service };
  };
  return {
    otlpGrpc: target("otlpGrpc").origin,
    otlpHttp: target("otlpHttp").origin,
    traces: target("tracesSelect"),
    logs: target("logsSelect"),
    metrics: target("metricsSelect"),
    tracesHideRecent: compareVersions(plan.images["victoria-traces"].version, "0.12.0") >= 0,
  };
}

const LIMIT_SECONDS = 90;

/** @param reasons why something was not sent or not found */
export function notFound(reasons: readonly string[]): CliError {
  const fix = reasons.some((message) => /certificate|self.signed|altnames/i.test(message))
    ? "give Node.js the authority that signed the access points' certificate: NODE_EXTRA_CA_CERTS=/path/ca.pem, and issue it for the node's address"
    : "run the same command again; if it stays so, look at the gateway's log: docker logs --tail 50 <fleet>-<node>-gateway";
  return new CliError({ code: "canary/not-found", what: reasons.join("\n"), fix });
}

/** @throws Error that says what could not be sent, and why */
export async function sendItem({ word, sentBy, send }: Question): Promise<void> {
  try {
    await send();
  } catch (error) {
    throw new Error(`the ${word} could not be sent by ${sentBy}: ${reason(error)}`);
  }
}

/**
 * Asks until the item is there.
 * @param started when it was sent, by `performance.now()`
 * @returns seconds from then to the first answer that holds it
 * @throws Error that says what was not found in time, where, and what the last answer was
 */
export async function findItem(
  { word, service, url, mark }: Question,
  started: number,
  limitSeconds = LIMIT_SECONDS,
  pollMilliseconds = 250,
): Promise<number> {
  const { origin } = new URL(url(0));
  const seconds = (): number => (performance.now() - started) / 1000;
  for (let poll = 0; ; poll++, await sleep(pollMilliseconds)) {
    const answer = await ask(url(poll));
    if (answer.ok && answer.text.includes(mark)) return seconds();
    const last = answer.ok ? "the query answers, without it" : answer.text;
    if (seconds() > limitSeconds)
      throw new Error(`the ${word} was not found in ${service} at ${origin} within ${limitSeconds} s: ${last}`);
  }
}

async function ask(url: string): Promise<{ readonly ok: boolean; readonly text: string }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    const text = await response.text();
    return response.ok ? { ok: true, text } : { ok: false, text: `status ${response.status} ${text.slice(0, 200)}` };
  } catch (error) {
    return { ok: false, text: reason(error) };
  }
}

/** By which the items are known again. */
export interface CanaryMarks {
  readonly id: string;
  readonly traceId: string;
  /** Of many items with one id. @default - the only one */
  readonly numbered?: NumberedItem;
}

/** Who sent an item of many, and which one it is. No two of them have the same number. */
export interface NumberedItem {
  readonly sender: string;
  readonly number: number;
}

export function newMarks(id = randomBytes(8).toString("hex")): CanaryMarks {
  return { id, traceId: randomBytes(16).toString("hex") };
}

/** A trace, a log and a metric, in this order. */
export function askFor(targets: CanaryTargets, { id, traceId, numbered }: CanaryMarks): readonly Question[] {
  const { traces, logs, metrics } = targets;
  const offset = targets.tracesHideRecent ? { disable_latency_offset: "true" } : {};
  const logsql = (origin: string, query: string, more: Record<string, string> = {}): string =>
    `${origin}/select/logsql/query?${new URLSearchParams({ query, limit: "1", ...more })}`;
  return [
    {
      signal: "traces",
      word: "trace",
      sentBy: `OTLP gRPC at ${new URL(targets.otlpGrpc).host}`,
      send: () => sendTrace(targets.otlpGrpc, id, traceId),
      url: () => logsql(traces.origin, `_time:1h trace_id:="${traceId}"`, offset),
      mark: traceId,
      service: traces.service,
    },
    {
      signal: "logs",
      word: "log",
      sentBy: `OTLP HTTP at ${new URL(targets.otlpHttp).host}`,
      send: () => sendLog(targets.otlpHttp, id, numbered),
      url: () => logsql(logs.origin, `_time:1h "${id}"`),
      mark: id,
      service: logs.service,
    },
    {
      signal: "metrics",
      word: "metric",
      sentBy: `OTLP HTTP at ${new URL(targets.otlpHttp).host}`,
      send: () => sendMetric(targets.otlpHttp, id, numbered),
      // Without the last two the answer is 30 s behind. VictoriaMetrics remembers for 10 s that a filter matched nothing,
      // so that each poll asks with another one.
      url: (poll) =>
        `${metrics.origin}/select/0/prometheus/api/v1/query?${new URLSearchParams({
          query: `mirador_canary{canary="${id}",poll!="${poll}"}`,
          nocache: "1",
          latency_offset: "1ms",
        })}`,
      mark: id,
      service: metrics.service,
    },
  ];
}

const SERVICE = "mirador-canary";
const TIMEOUT = { timeoutMillis: 15_000 };
const resourceOf = (id: string) => resourceFromAttributes({ "service.name": SERVICE, "mirador.canary": id });

async function sendTrace(origin: string, id: string, traceId: string): Promise<void> {
  // The gRPC client follows http_proxy, even to this machine. Several nodes may be sent to at once.
  const direct = new Set(process.env.no_grpc_proxy?.split(",")).add(new URL(origin).hostname);
  process.env.no_grpc_proxy = [...direct].join(",");
  const exporter = new OTLPTraceExporter({
    url: origin,
    ...(origin.startsWith("https:") ? { credentials: credentials.createSsl(trustedAuthorities()) } : {}),
    ...TIMEOUT,
  });
  const arrival = acknowledged(exporter);
  const provider = new BasicTracerProvider({
    resource: resourceOf(id),
    sampler: new AlwaysOnSampler(),
    idGenerator: { generateTraceId: () => traceId, generateSpanId: () => randomBytes(8).toString("hex") },
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  provider
    .getTracer(SERVICE)
    .startSpan("canary", { attributes: { "mirador.canary": id } })
    .end();
  await settle(arrival, provider);
}

/** What Node.js itself trusts: the gRPC client alone would also listen to a variable of its own. */
function trustedAuthorities(): Buffer {
  const extra = process.env.NODE_EXTRA_CA_CERTS;
  return Buffer.from([...rootCertificates, ...(extra ? [readFileSync(extra, "utf8")] : [])].join("\n"));
}

async function sendLog(origin: string, id: string, numbered?: NumberedItem): Promise<void> {
  const exporter = new OTLPLogExporter({ url: `${origin}/v1/logs`, ...TIMEOUT });
  const arrival = acknowledged(exporter);
  const provider = new LoggerProvider({
    resource: resourceOf(id),
    processors: [new SimpleLogRecordProcessor({ exporter })],
  });
  provider
    .getLogger(SERVICE)
    .emit({ severityNumber: SeverityNumber.INFO, severityText: "INFO", body: logBody(id, numbered) });
  await settle(arrival, provider);
}

/** Ends with the item's number, where it has one. */
const logBody = (id: string, numbered?: NumberedItem): string =>
  ["mirador canary", id, ...(numbered === undefined ? [] : [numbered.number])].join(" ");

async function sendMetric(origin: string, id: string, numbered?: NumberedItem): Promise<void> {
  const exporter = new OTLPMetricExporter({ url: `${origin}/v1/metrics`, ...TIMEOUT });
  const arrival = acknowledged(exporter);
  const provider = new MeterProvider({
    resource: resourceOf(id),
    readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 })],
  });
  // A series for each sender, whose values are the numbers: two senders may have one within the same millisecond.
  provider
    .getMeter(SERVICE)
    .createGauge("mirador.canary")
    .record(numbered?.number ?? 1, { canary: id, ...(numbered === undefined ? {} : { sender: numbered.sender }) });
  void provider.forceFlush();
  await settle(arrival, provider);
}

interface ExportResult {
  readonly code: number;
  readonly error?: Error;
}

interface Exporter<T> {
  export(items: T, done: (result: ExportResult) => void): void;
}

/** Settles when the receiver has answered; the SDK itself only logs a failed export. */
function acknowledged<T>(exporter: Exporter<T>): Promise<void> {
  const send = exporter.export.bind(exporter);
  return new Promise((resolve, reject) => {
    exporter.export = (items, done) => {
      // A meter that is shut down collects once more, and the item would be there twice.
      exporter.export = (_, doneToo) => doneToo({ code: 0 });
      send(items, (result) => {
        if (result.code === 0) resolve();
        else reject(result.error ?? new Error("refused without a reason"));
        done(result);
      });
    };
  });
}

async function settle(arrival: Promise<void>, provider: { shutdown(): Promise<void> }): Promise<void> {
  try {
    await arrival;
  } finally {
    await provider.shutdown().catch(() => undefined);
  }
}

/** `fetch` hides what happened in the cause. */
function reason(error: unknown): string {
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.message || cause?.code || message;
}
