import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LoadReport, SignalName, Verdicts } from "../../e2e/support/loadgen";
import { type Started, start, succeed } from "../../e2e/support/process";
import type { FleetContext } from "./context";
import type { FleetStack } from "./fleet-stack";

export type { LoadReport, SignalName, Verdicts } from "../../e2e/support/loadgen";

export interface Rates {
  /** Items a second, all nodes together. @default 0 */
  readonly spans?: number;
  readonly logs?: number;
  readonly samples?: number;
}

export interface FleetLoadOptions extends Rates {
  /** @default - all */
  readonly nodes?: readonly string[];
  readonly seconds: number;
  /** How long a request is tried again before it is given up, in seconds; up to 900. @default 300 */
  readonly retrySeconds?: number;
  /** How far the clients' clocks are ahead, in seconds; negative: behind. @default 0 */
  readonly skewSeconds?: number;
}

/** Requests a second and node that a signal is cut into, so that a gap is known to a tenth of a second. */
const REQUESTS_PER_SECOND = 10;
/** A trace of the generator has five spans, and a request holds whole traces. */
const SPANS_PER_TRACE = 5;

let runs = 0;

/** What one node was sent: a run of its own, because a generator has one target. */
interface NodeLoad {
  readonly node: string;
  readonly started: Started;
  readonly file: string;
}

/** Numbered load on several nodes at once. */
export class FleetLoad {
  private readonly stopped = new Set<NodeLoad>();

  private constructor(private readonly loads: readonly NodeLoad[]) {}

  public static begin(
    context: FleetContext,
    stack: FleetStack,
    name: string,
    { nodes = stack.nodes, seconds, retrySeconds = 300, skewSeconds = 0, ...rates }: FleetLoadOptions,
  ): FleetLoad {
    const loads = nodes.map((node): NodeLoad => {
      const run = `${name}-${node}-${process.pid}-${Date.now()}-${runs++}`;
      const file = join(context.folder, `${run}.json`);
      const targets = ["-grpc", stack.authority(node, "otlpGrpc"), "-http", stack.url(node, "otlpHttp")];
      const effort = ["-retry-for", `${retrySeconds}s`, "-timeout", "5s", "-senders", "8"];
      const what = ["-run", run, "-report", file, "-duration", `${seconds}s`, "-protocols", "mixed"];
      const clock = ["-skew", `${skewSeconds}s`];
      const args = ["send", ...what, ...targets, ...effort, ...clock, ...rateFlags(rates, nodes.length)];
      return { node, started: start(context.loadgen, args, { cwd: context.folder, env: {} }), file };
    });
    return new FleetLoad(loads);
  }

  /** Offers nothing new to these nodes; what is under way is finished. @returns what each acknowledged, by node */
  public async stop(nodes?: readonly string[]): Promise<ReadonlyMap<string, LoadReport>> {
    // A second interrupt would give up what is under way.
    for (const load of this.of(nodes)) {
      if (!this.stopped.has(load)) load.started.process.kill("SIGINT");
      this.stopped.add(load);
    }
    return this.reports(nodes);
  }

  public async reports(nodes?: readonly string[]): Promise<ReadonlyMap<string, LoadReport>> {
    const entries = this.of(nodes).map(async ({ node, started, file }): Promise<[string, LoadReport]> => {
      await succeed(started);
      return [node, JSON.parse(await readFile(file, "utf8"))];
    });
    return new Map(await Promise.all(entries));
  }

  /** For a test that broke off: no generator outlives it. */
  public abandon(): void {
    for (const { started } of this.loads) started.process.kill("SIGKILL");
  }

  private of(nodes?: readonly string[]): readonly NodeLoad[] {
    return this.loads.filter(({ node }) => nodes === undefined || nodes.includes(node));
  }
}

function rateFlags({ spans = 0, logs = 0, samples = 0 }: Rates, nodes: number): readonly string[] {
  const perRequest = (rate: number, multipleOf: number): number =>
    Math.max(1, Math.round(rate / nodes / REQUESTS_PER_SECOND / multipleOf)) * multipleOf;
  return [
    ...["-traces-rate", `${spans / nodes}`, "-batch-spans", `${perRequest(spans, SPANS_PER_TRACE)}`],
    ...["-logs-rate", `${logs / nodes}`, "-batch-logs", `${perRequest(logs, 1)}`],
    ...["-samples-rate", `${samples / nodes}`, "-batch-samples", `${perRequest(samples, 1)}`],
  ];
}

/** What one node answers about everything that was acknowledged anywhere. */
export interface NodeCounts {
  readonly node: string;
  readonly signals: Readonly<Record<CountedSignal, SignalCounts>>;
}
export type CountedSignal = Exclude<SignalName, "anomaly">;
export interface SignalCounts {
  readonly acked: number;
  readonly lost: number;
  readonly double: number;
  /** Why a node could not answer; then all is lost. */
  readonly errors: readonly string[];
}
export const COUNTED: readonly CountedSignal[] = ["spans", "logs", "samples"];

export interface CountOptions {
  /** Nodes that are asked. @default - all */
  readonly nodes?: readonly string[];
  /** How long everything may take to appear. @default 90 */
  readonly seconds?: number;
}

/** Reads everything that was acknowledged back from each of the nodes. */
export async function countAt(
  context: FleetContext,
  stack: FleetStack,
  reports: readonly LoadReport[],
  { nodes = stack.nodes, seconds = 90 }: CountOptions = {},
): Promise<readonly NodeCounts[]> {
  return Promise.all(
    nodes.map(async (node) => {
      const verdicts = await Promise.all(reports.map((report) => verify(context, stack, node, report, seconds)));
      const signals = Object.fromEntries(COUNTED.map((signal) => [signal, sum(verdicts, signal)]));
      return { node, signals: signals as NodeCounts["signals"] };
    }),
  );
}

async function verify(
  context: FleetContext,
  stack: FleetStack,
  node: string,
  { run }: LoadReport,
  seconds: number,
): Promise<Verdicts> {
  const stores = [
    ...["-vm", stack.url(node, "metricsSelect", "/select/0/prometheus")],
    ...["-vl", stack.url(node, "logsSelect")],
    ...["-vt", stack.url(node, "tracesSelect"), "-vt-no-offset"],
  ];
  const args = ["verify", "-report", join(context.folder, `${run}.json`), "-wait", `${seconds}s`, ...stores];
  const { status, output } = await start(context.loadgen, args, { cwd: context.folder, env: {} }).ended;
  // 1 says that something is lost or was not answered, which is for the caller to judge.
  if (status !== 0 && status !== 1) throw new Error(`loadgen verify at ${node}: status ${status}\n${output}`);
  return JSON.parse(output) as Verdicts;
}

function sum(verdicts: readonly Verdicts[], signal: CountedSignal): SignalCounts {
  const found = verdicts.flatMap((verdict) => verdict[signal] ?? []);
  const total = (value: (verdict: (typeof found)[number]) => number): number =>
    found.reduce((all, verdict) => all + value(verdict), 0);
  return {
    acked: total(({ acked }) => acked),
    lost: total(({ lost }) => lost),
    double: total(({ double }) => double),
    errors: found.flatMap(({ error }) => error ?? []),
  };
}
