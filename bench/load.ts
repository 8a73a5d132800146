import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { BENCH_PORTS } from "./fleet";
import { runProgram } from "./program";
import type { Session } from "./session";

/** What is offered, and the number of items that costs are told for. */
export interface Load {
  readonly key: string;
  readonly title: string;
  readonly signal: "spans" | "logs" | "samples";
  readonly per: number;
  /** Items a second, and in one request. */
  readonly rate: number;
  readonly batch: number;
}

export const LOADS: readonly Load[] = [
  spans(100),
  spans(510),
  {
    key: "logs",
    title: "100k logs (100 a request)",
    signal: "logs",
    per: 100_000,
    rate: 5000,
    batch: 100,
  },
  {
    key: "samples",
    title: "1M samples (500 a request)",
    signal: "samples",
    per: 1_000_000,
    rate: 20_000,
    batch: 500,
  },
];

function spans(batch: number): Load {
  return {
    key: `spans-${batch}`,
    title: `100k spans (${batch} a request)`,
    signal: "spans",
    per: 100_000,
    rate: 5000,
    batch,
  };
}

/** For the generator. @param share of the rate, when a load is spread over several generators */
export function flagsOf({ signal, rate, batch }: Load, share = 1): readonly string[] {
  const kind = signal === "spans" ? "traces" : signal;
  return [`-${kind}-rate`, `${rate * share}`, `-batch-${signal}`, `${batch}`];
}

/** Where a load goes, and where it is found again. */
export interface Target {
  /** `host:port` of OTLP over gRPC. */
  readonly grpc: string;
  /** Flags of the generator that name the store of a signal. */
  readonly store: Readonly<Record<Load["signal"], readonly string[]>>;
}

/** @param url of an access point */
export function targetAt(
  grpc: string,
  url: (point: "tracesSelect" | "logsSelect" | "metricsSelect", path?: string) => string,
): Target {
  return {
    grpc,
    store: {
      spans: ["-vt", url("tracesSelect"), "-vt-no-offset"],
      logs: ["-vl", url("logsSelect")],
      samples: ["-vm", url("metricsSelect", "/select/0/prometheus")],
    },
  };
}

/** The single node of most measures. */
const LOCAL = targetAt(
  `127.0.0.1:${BENCH_PORTS.otlpGrpc}`,
  (point, path = "") => `http://127.0.0.1:${BENCH_PORTS[point]}${path}`,
);

/** The load under which memory is read. */
export const MIXED_LOAD = ["-traces-rate", "2000", "-logs-rate", "2000", "-samples-rate", "10000"];

/** The part of the generator's report that is used here. */
export interface SendReport {
  readonly run: string;
  readonly durationSeconds: number;
  readonly signals: {
    readonly [signal in Load["signal"]]?: {
      readonly ackedItems: number;
      readonly failedItems: number;
      readonly slippedMs: number;
      readonly latencyMs: { readonly p50: number; readonly p99: number };
    };
  };
}

/** What a store holds of one run. */
export interface Stored {
  readonly acked: number;
  readonly stored: number;
  readonly unique: number;
  readonly lost: number;
  readonly error?: string;
}

/** Builds the generator; gives back its path. */
export async function buildLoadgen({ folder, signal, log }: Session): Promise<string> {
  const program = join(folder, "loadgen");
  log("building the load generator");
  await runProgram("go", ["build", "-C", join(__dirname, "../loadgen"), "-o", program, "."], { signal });
  return program;
}

export async function send(
  { folder, signal }: Session,
  loadgen: string,
  run: string,
  flags: readonly string[],
  seconds: number,
  { grpc }: Target = LOCAL,
): Promise<SendReport> {
  const report = reportFile(folder, run);
  const target = ["-grpc", grpc, "-protocols", "grpc"];
  const what = ["-run", run, "-duration", `${seconds}s`, "-report", report];
  await runProgram(loadgen, ["send", ...target, ...what, ...flags], { signal });
  return JSON.parse(await readFile(report, "utf8")) as SendReport;
}

const reportFile = (folder: string, run: string): string => join(folder, `${run}.json`);

/** Asks the store of one signal what it holds of a run. */
export async function verify(
  { folder, signal }: Session,
  loadgen: string,
  run: string,
  of: Load["signal"],
  { store }: Target = LOCAL,
): Promise<Stored> {
  const { stdout } = await runProgram(
    loadgen,
    ["verify", "-report", reportFile(folder, run), "-wait", "60s", ...store[of]],
    // Status 1: something is missing. That is a result, and it is told.
    { signal, accept: [0, 1] },
  );
  const stored = (JSON.parse(stdout) as { readonly [signal in Load["signal"]]?: Stored })[of];
  if (stored === undefined) throw new Error(`loadgen verify says nothing about ${of}: ${stdout}`);
  return stored;
}
