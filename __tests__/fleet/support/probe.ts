import type { FleetStack } from "./fleet-stack";

/** One try that was not answered as it should be. */
export interface ProbeError {
  /** Milliseconds since the probe began. */
  readonly atMs: number;
  readonly reason: string;
}

export interface ProbeReport {
  readonly name: string;
  readonly node: string;
  readonly kind: "read" | "write";
  readonly tries: number;
  readonly answered: number;
  /** Longest time without a good answer, the time to the end included. */
  readonly longestGapMs: number;
  /** When that gap began, in milliseconds since the probe began. */
  readonly gapBeganMs: number;
  readonly slowestMs: number;
  readonly errors: readonly ProbeError[];
}

interface ProbeOptions {
  readonly name: string;
  readonly node: string;
  readonly kind: "read" | "write";
  readonly everyMilliseconds: number;
  /** @throws Error when there is no good answer */
  readonly ask: (signal: AbortSignal) => Promise<void>;
}

/** Longer than any answer that a client would still wait for; it also bounds how many tries wait at a time. */
const ANSWER_MS = 5_000;

/**
 * Asks again and again without waiting for the answer to the last one, so that a try that hangs hides no good answer
 * after it.
 */
export class Probe {
  private readonly began = performance.now();
  private readonly timer: NodeJS.Timeout;
  private readonly waiting = new Set<Promise<void>>();
  private readonly errors: ProbeError[] = [];
  private tries = 0;
  private answered = 0;
  private lastAnswer = performance.now();
  private gap = { milliseconds: 0, began: 0 };
  private slowest = 0;

  constructor(private readonly options: ProbeOptions) {
    this.timer = setInterval(() => this.try(), options.everyMilliseconds);
    this.try();
  }

  private try(): void {
    this.tries++;
    const asked = performance.now();
    const answer = this.options.ask(AbortSignal.timeout(ANSWER_MS)).then(
      () => this.hear(asked),
      (error: unknown) => {
        this.errors.push({ atMs: Math.round(asked - this.began), reason: reasonOf(error) });
      },
    );
    this.waiting.add(answer);
    void answer.finally(() => this.waiting.delete(answer));
  }

  private hear(asked: number): void {
    const now = performance.now();
    this.answered++;
    this.slowest = Math.max(this.slowest, now - asked);
    this.closeGap(now);
    this.lastAnswer = now;
  }

  private closeGap(now: number): void {
    const milliseconds = now - this.lastAnswer;
    if (milliseconds > this.gap.milliseconds) this.gap = { milliseconds, began: this.lastAnswer - this.began };
  }

  public async stop(): Promise<ProbeReport> {
    clearInterval(this.timer);
    const ended = performance.now();
    await Promise.all(this.waiting);
    // An answer after the end has closed the gap, later than it should.
    if (this.lastAnswer < ended) this.closeGap(ended);
    const { name, node, kind } = this.options;
    return {
      ...{ name, node, kind, tries: this.tries, answered: this.answered, errors: this.errors },
      longestGapMs: Math.round(this.gap.milliseconds),
      gapBeganMs: Math.round(this.gap.began),
      slowestMs: Math.round(this.slowest),
    };
  }
}

/** `fetch` hides what happened in the cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code || cause?.message || message;
}

const EVERY_MS = 200;

/** A writer and a reader of each signal at each node, from now until they are stopped. */
export class FleetProbes {
  private readonly probes: readonly Probe[];

  constructor(stack: FleetStack, nodes: readonly string[] = stack.nodes) {
    this.probes = nodes.flatMap((node) => [
      probe("write", "logs", node, (signal) => writeLog(stack.url(node, "otlpHttp", "/v1/logs"), signal)),
      probe("read", "metrics", node, (signal) => readMetrics(stack.url(node, "metricsSelect"), signal)),
      probe("read", "logs", node, (signal) => readRows(stack.url(node, "logsSelect"), signal)),
      probe("read", "traces", node, (signal) => readRows(stack.url(node, "tracesSelect"), signal)),
    ]);
  }

  public async stop(): Promise<readonly ProbeReport[]> {
    return Promise.all(this.probes.map((each) => each.stop()));
  }
}

function probe(
  kind: ProbeReport["kind"],
  name: string,
  node: string,
  ask: (signal: AbortSignal) => Promise<void>,
): Probe {
  return new Probe({ kind, name, node, ask, everyMilliseconds: EVERY_MS });
}

/** One log line; its gateway acknowledges when it is in the queues. */
async function writeLog(url: string, signal: AbortSignal): Promise<void> {
  const attributes = [{ key: "service.name", value: { stringValue: "fleet-probe" } }];
  const logRecords = [{ timeUnixNano: `${Date.now()}000000`, body: { stringValue: "probe" } }];
  const body = JSON.stringify({ resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords }] }] });
  const text = await ask(url, { method: "POST", headers: { "content-type": "application/json" }, body, signal });
  // A 200 of something else than a gateway is an acknowledgement of what nobody has.
  if (!OTLP_ANSWER.test(text)) throw new Error(`${WRONG_ANSWER}: ${text.trim().slice(0, 100)}`);
}

const OTLP_ANSWER = /^\{("partialSuccess":\{.*\})?\}$/;
/** How the reason of such an error begins. */
export const WRONG_ANSWER = "not an answer to OTLP";

/** Nobody has such a metric, and yet every storage must be asked for it. */
async function readMetrics(origin: string, signal: AbortSignal): Promise<void> {
  const query = new URLSearchParams({ query: "absent(fleet_probe_nosuch)", nocache: "1" });
  const text = await ask(`${origin}/select/0/prometheus/api/v1/query?${query}`, { signal });
  const { status, isPartial } = JSON.parse(text) as { status: string; isPartial?: boolean };
  // vmselect may answer 200 with what the storages that it reached have.
  if (status !== "success" || isPartial === true) throw new Error(`status ${status}, partial ${isPartial}`);
}

async function readRows(origin: string, signal: AbortSignal): Promise<void> {
  const query = new URLSearchParams({ query: "_time:2s | stats count() rows" });
  const text = await ask(`${origin}/select/logsql/query?${query}`, { signal });
  if (!text.includes('"rows"')) throw new Error(`no count in ${JSON.stringify(text.slice(0, 100))}`);
}

async function ask(url: string, init: RequestInit): Promise<string> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text.trim().slice(0, 100)}`);
  return text;
}
