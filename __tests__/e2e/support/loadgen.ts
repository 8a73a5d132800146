import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { E2eContext } from "./context";
import { type Started, start, succeed } from "./process";
import type { Stack } from "./stack";

export interface SignalReport {
  readonly sentRequests: number;
  readonly ackedRequests: number;
  readonly ackedItems: number;
  readonly rejectedItems: number;
  readonly failedRequests: number;
  readonly retries: number;
  /** Refused tries by status. */
  readonly refused: Readonly<Record<string, number>>;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly longestGapMs: number;
  readonly traces?: { readonly acked: number; readonly error: number };
  readonly byProtocol: Readonly<Record<string, { readonly ackedRequests: number; readonly failedRequests: number }>>;
}
export type SignalName = "spans" | "logs" | "samples" | "anomaly";
export interface LoadReport {
  readonly run: string;
  readonly signals: { readonly [signal in SignalName]?: SignalReport };
}
export interface Verdict {
  readonly acked: number;
  readonly stored: number;
  readonly unique: number;
  readonly lost: number;
  readonly double: number;
  readonly unackedStored: number;
  readonly error?: string;
}
export type Verdicts = { readonly [signal in SignalName]?: Verdict };

export interface LoadOptions {
  /** Items a second. @default 0 */
  readonly spans?: number;
  readonly logs?: number;
  readonly samples?: number;
  /** Also the two metrics that are scored. */
  readonly anomaly?: boolean;
  readonly seconds: number;
  /** Retry as an OTLP SDK does. @default true */
  readonly retry?: boolean;
  /** Base URL of a native insert port. @default - OTLP over gRPC and HTTP through HAProxy */
  readonly http?: string;
}

let runs = 0;

/** A load under way. */
export class Load {
  private constructor(
    private readonly started: Started,
    private readonly file: string,
  ) {}

  public static begin(context: E2eContext, stack: Stack, name: string, options: LoadOptions): Load {
    const { spans = 0, logs = 0, samples = 0, anomaly = false, seconds, retry = true, http } = options;
    const run = `${name}-${process.pid}-${Date.now()}-${runs++}`;
    const file = join(context.folder, `${run}.json`);
    const targets =
      http === undefined
        ? ["-grpc", `127.0.0.1:${stack.fleet.ports.otlpGrpc}`, "-http", stack.url("otlpHttp"), "-protocols", "mixed"]
        : ["-http", http];
    const rates = ["-traces-rate", `${spans}`, "-logs-rate", `${logs}`, "-samples-rate", `${samples}`];
    const effort = retry ? ["-retry-for", "5m"] : ["-no-retry"];
    const args = ["send", "-run", run, "-report", file, "-duration", `${seconds}s`, ...targets, ...rates, ...effort];
    const started = start(context.loadgen, anomaly ? [...args, "-anomaly"] : args, { cwd: context.folder, env: {} });
    return new Load(started, file);
  }

  public static async send(...args: Parameters<typeof Load.begin>): Promise<LoadReport> {
    return Load.begin(...args).report();
  }

  /** Offers nothing new; what is under way is finished. */
  public async stop(): Promise<LoadReport> {
    this.started.process.kill("SIGINT");
    return this.report();
  }

  public async report(): Promise<LoadReport> {
    await succeed(this.started);
    return JSON.parse(await readFile(this.file, "utf8")) as LoadReport;
  }
}

/** Reads back what a load was promised, and counts. */
export async function verify(context: E2eContext, stack: Stack, { run }: LoadReport, seconds = 120): Promise<Verdicts> {
  const stores = ["-vm", stack.url("metricsSelect", "/select/0/prometheus"), "-vl", stack.url("logsSelect")];
  const traces = ["-vt", stack.url("tracesSelect"), "-vt-no-offset"];
  const report = join(context.folder, `${run}.json`);
  const args = ["verify", "-report", report, "-wait", `${seconds}s`, ...stores, ...traces];
  const { status, output } = await start(context.loadgen, args, { cwd: context.folder, env: {} }).ended;
  // 1 says that something is lost, which is for the caller to judge.
  if (status !== 0 && status !== 1) throw new Error(`loadgen verify: status ${status}\n${output}`);
  return JSON.parse(output) as Verdicts;
}
