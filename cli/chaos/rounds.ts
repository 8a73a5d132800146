import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { SIGNALS, type Signal } from "../../lib/fleet/definition";
import type { NodePlan } from "../../lib/plan/node-plan";
import { askFor, type CanaryTargets, canaryTargets } from "../canary";

/** A numbered trace, log or metric that was sent to a node. Times are in milliseconds since 1970. */
export interface SentItem {
  readonly signal: Signal;
  readonly sentTo: string;
  readonly number: number;
  readonly sentAt: number;
  /** Absent while it is on its way, and when it was given up: nobody has promised to keep it. */
  acknowledgedAt?: number;
  /** It was refused, or not answered in time. */
  givenUp?: true;
}

/** Of each node, so that a gap is known to this. */
const EVERY_MILLISECONDS = 300;
/** What this machine sends is not to be what the fleet is busy with. */
const ROUND_COST_MILLISECONDS = 30;

/** Never goes back, whatever is done to this machine's clock. */
export const clock = (): number => performance.timeOrigin + performance.now();

export interface RoundsOptions {
  readonly nodes: readonly NodePlan[];
  /** @default - random */
  readonly run?: string;
  /** Sends a number of a signal. @default - as `mirador test` does */
  readonly send?: (targets: CanaryTargets, signal: Signal, number: number, sentTo: string) => Promise<void>;
}

/** Sends a trace, a log and a metric to every node again and again, whatever became of those before. */
export class Rounds {
  /** By which the items are known again. */
  public readonly run: string;
  private readonly sent: SentItem[] = [];
  private readonly ending = new AbortController();
  private readonly sending: readonly Promise<void>[];
  private readonly underWay = new Set<Promise<void>>();
  private last = 0;

  constructor(private readonly options: RoundsOptions) {
    this.run = options.run ?? randomBytes(8).toString("hex");
    const every = Math.max(EVERY_MILLISECONDS, options.nodes.length * ROUND_COST_MILLISECONDS);
    this.sending = options.nodes.map((node) => this.sendTo(node, every));
  }

  /** As far as it is known now; what is acknowledged later is noted in it. */
  public get items(): readonly SentItem[] {
    return this.sent;
  }

  /** Nothing is sent any more. @returns everything that was sent, when all of it was answered or given up */
  public async end(): Promise<readonly SentItem[]> {
    this.ending.abort();
    await Promise.all(this.sending);
    await Promise.all(this.underWay);
    return this.sent;
  }

  private async sendTo(node: NodePlan, every: number): Promise<void> {
    const targets = canaryTargets(node);
    while (!this.ending.signal.aborted) {
      const number = ++this.last;
      for (const signal of SIGNALS) this.begin(targets, signal, number, node.name);
      await sleep(every, undefined, { signal: this.ending.signal }).catch(() => undefined);
    }
  }

  private begin(targets: CanaryTargets, signal: Signal, number: number, sentTo: string): void {
    const item: SentItem = { signal, sentTo, number, sentAt: clock() };
    this.sent.push(item);
    const send = this.options.send ?? ((...asked) => sendNumber(this.run, ...asked));
    const answered = send(targets, signal, number, sentTo).then(
      () => {
        item.acknowledgedAt = clock();
      },
      () => {
        item.givenUp = true;
      },
    );
    this.underWay.add(answered);
    void answered.then(() => this.underWay.delete(answered));
  }
}

async function sendNumber(
  run: string,
  targets: CanaryTargets,
  signal: Signal,
  number: number,
  sender: string,
): Promise<void> {
  const questions = askFor(targets, { id: run, traceId: traceIdOf(run, number), numbered: { sender, number } });
  await questions.find((question) => question.signal === signal)?.send();
}

const NUMBER_DIGITS = 16;

/** @param run 16 hexadecimal digits */
export function traceIdOf(run: string, number: number): string {
  return run + number.toString(16).padStart(NUMBER_DIGITS, "0");
}

/** The number in a trace's id; nothing when it is of another run. */
export function numberOfTrace(run: string, traceId: string): number | undefined {
  return traceId.startsWith(run) ? Number.parseInt(traceId.slice(run.length), 16) : undefined;
}
