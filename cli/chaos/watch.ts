import { setTimeout as sleep } from "node:timers/promises";
import { SIGNALS, type Signal } from "../../lib/fleet/definition";
import type { NodePlan } from "../../lib/plan/node-plan";
import { canaryTargets } from "../canary";
import { clock, type SentItem } from "./rounds";
import { type AskNumbers, askNumbers, type Numbers } from "./store";

/** What a node answered for a signal while items were sent. Times are in milliseconds since 1970. */
export interface Watched {
  readonly node: string;
  readonly signal: Signal;
  readonly answeredAt: readonly number[];
  /** When each number was seen for the first time. */
  readonly seenAt: ReadonlyMap<number, number>;
  /** What was not seen until then may have come later. */
  readonly endedAt: number;
}

/** What there is of a run at a node, all of it. */
export interface Found {
  readonly node: string;
  readonly signal: Signal;
  readonly numbers: Numbers;
  /** Why the last answer was none. */
  readonly trouble?: string;
}

interface Sight {
  readonly node: NodePlan;
  readonly signal: Signal;
  readonly answeredAt: number[];
  readonly seenAt: Map<number, number>;
  /** So many of the first items need no look any more; a long fault on many nodes has a great many. */
  settled: number;
}

const EVERY_MILLISECONDS = 500;
/** What is asked is not to be what the fleet is busy with. */
const LOOK_COST_MILLISECONDS = 50;
/** A client of a fleet does not wait longer before it tries again. */
const TIMEOUT_MILLISECONDS = 3_000;
/** An item's own time is not the moment in which it is noted as sent. */
const MARGIN_MILLISECONDS = 5_000;

/** Where a {@link Watch} looks. */
export interface WatchOptions {
  readonly nodes: readonly NodePlan[];
  readonly run: string;
  /** Everything that was sent by now. */
  readonly items: () => readonly SentItem[];
  /** @default - the nodes' access points */
  readonly ask?: AskNumbers;
}

/** Asks every node again and again which items it has, by queries as people make them. */
export class Watch {
  private readonly sights: readonly Sight[];
  private readonly ending = new AbortController();
  private readonly looking: readonly Promise<void>[];
  private polls = 0;

  constructor(private readonly options: WatchOptions) {
    this.sights = options.nodes.flatMap((node) =>
      SIGNALS.map((signal) => ({ node, signal, answeredAt: [], seenAt: new Map<number, number>(), settled: 0 })),
    );
    const every = Math.max(EVERY_MILLISECONDS, options.nodes.length * LOOK_COST_MILLISECONDS);
    this.looking = this.sights.map((sight) => this.look(sight, every));
  }

  /** Acknowledged, and not yet seen at every node. */
  public get unseen(): number {
    const numbers = this.sights.flatMap((sight) =>
      this.missing(sight).map(({ number }) => `${sight.signal} ${number}`),
    );
    return new Set(numbers).size;
  }

  public async end(): Promise<readonly Watched[]> {
    this.ending.abort();
    await Promise.all(this.looking);
    const endedAt = clock();
    return this.sights.map(({ node, signal, answeredAt, seenAt }) => {
      return { node: node.name, signal, answeredAt, seenAt, endedAt };
    });
  }

  /** In the order in which they were sent. */
  private missing(sight: Sight): readonly SentItem[] {
    const items = this.options.items();
    const settled = ({ signal, number, givenUp }: SentItem): boolean =>
      signal !== sight.signal || givenUp === true || sight.seenAt.has(number);
    for (let item = items[sight.settled]; item !== undefined && settled(item); item = items[sight.settled])
      sight.settled++;
    return items.slice(sight.settled).filter((item) => !settled(item) && item.acknowledgedAt !== undefined);
  }

  private async look(sight: Sight, every: number): Promise<void> {
    const { ask = askNumbers, run } = this.options;
    const { node, signal, answeredAt, seenAt } = sight;
    const targets = canaryTargets(node);
    while (!this.ending.signal.aborted) {
      const now = clock();
      // What was seen is not asked for again: answers stay small however long it takes.
      const oldest = this.missing(sight)[0]?.sentAt ?? now;
      const question = { signal, run, since: oldest - MARGIN_MILLISECONDS, now, poll: ++this.polls };
      try {
        const numbers = await ask(targets, { ...question, timeoutMilliseconds: TIMEOUT_MILLISECONDS });
        const answered = clock();
        answeredAt.push(answered);
        for (const number of numbers.keys()) if (!seenAt.has(number)) seenAt.set(number, answered);
      } catch {
        // No answer: the gap tells.
      }
      const rest = Math.max(0, every - (clock() - now));
      await sleep(rest, undefined, { signal: this.ending.signal }).catch(() => undefined);
    }
  }
}

/** In the order in which they were sent. */
export function acknowledgedOf(items: readonly SentItem[], signal: Signal): readonly SentItem[] {
  return items.filter((item) => item.signal === signal && item.acknowledgedAt !== undefined);
}

/** How {@link countAt} asks. */
export interface CountOptions extends Pick<WatchOptions, "run" | "ask"> {
  readonly items: readonly SentItem[];
  /** How long what is missing is waited for. */
  readonly limitSeconds: number;
  /** Called with how many items are still missing. */
  readonly onWaiting?: (missing: number) => void;
}

const COUNT_TIMEOUT_MILLISECONDS = 20_000;
const COUNT_EVERY_MILLISECONDS = 1_000;

/** Asks a node for everything, until it has all that was acknowledged or `limitSeconds` are over. */
export async function countAt(node: NodePlan, options: CountOptions): Promise<readonly Found[]> {
  const waiting = new Map<Signal, number>();
  return Promise.all(
    SIGNALS.map((signal) =>
      countSignal(node, signal, options, (missing) => {
        waiting.set(signal, missing);
        options.onWaiting?.([...waiting.values()].reduce((all, one) => all + one, 0));
      }),
    ),
  );
}

async function countSignal(
  node: NodePlan,
  signal: Signal,
  { run, ask = askNumbers, items, limitSeconds }: CountOptions,
  onWaiting: (missing: number) => void,
): Promise<Found> {
  const wanted = acknowledgedOf(items, signal);
  const since = (items[0]?.sentAt ?? clock()) - MARGIN_MILLISECONDS;
  const targets = canaryTargets(node);
  let numbers: Numbers = new Map();
  let trouble: string | undefined;
  for (const end = clock() + limitSeconds * 1000; ; await sleep(COUNT_EVERY_MILLISECONDS)) {
    const now = clock();
    try {
      // Negative, so that it is none of those by which the run was watched.
      const poll = -Math.round(now);
      numbers = await ask(targets, { signal, run, since, now, poll, timeoutMilliseconds: COUNT_TIMEOUT_MILLISECONDS });
      trouble = undefined;
    } catch (error) {
      const { message, cause } = error as Error & { cause?: { code?: string } };
      trouble = cause?.code ?? message;
    }
    const missing = wanted.filter(({ number }) => !numbers.has(number)).length;
    onWaiting(missing);
    if ((missing === 0 && trouble === undefined) || clock() >= end)
      return { node: node.name, signal, numbers, ...(trouble === undefined ? {} : { trouble }) };
  }
}
