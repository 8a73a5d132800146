import type { Signal } from "../../lib/fleet/definition";
import type { CanaryTargets } from "../canary";
import { numberOfTrace } from "./rounds";

/** Which numbers of a run a node has, and how many times each. */
export type Numbers = ReadonlyMap<number, number>;

export interface NumbersQuestion {
  readonly signal: Signal;
  readonly run: string;
  /** Items that were sent from then on, in milliseconds since 1970. */
  readonly since: number;
  readonly now: number;
  /** Counts up, so that no answer is a remembered one. */
  readonly poll: number;
  readonly timeoutMilliseconds: number;
}

/** Asks a node for the numbers it has. @throws Error when it does not answer, or not in full */
export type AskNumbers = (targets: CanaryTargets, question: NumbersQuestion) => Promise<Numbers>;

/** Clocks of senders and stores are not the same. */
const CLOCK_MILLISECONDS = 60_000;

export const askNumbers: AskNumbers = async (targets, question) => {
  const { signal, run, timeoutMilliseconds } = question;
  const response = await fetch(numbersUrl(targets, question), { signal: AbortSignal.timeout(timeoutMilliseconds) });
  const text = await response.text();
  if (!response.ok) throw new Error(`status ${response.status} ${text.trim().slice(0, 200)}`);
  return signal === "metrics" ? sampleNumbers(text) : rowNumbers(signal, run, text);
};

/** Queries that tell of every item by itself, so that doubles show. */
export function numbersUrl(targets: CanaryTargets, { signal, run, since, now, poll }: NumbersQuestion): string {
  if (signal === "metrics") {
    const seconds = Math.ceil((now - since) / 1000) + 1;
    // As in `mirador test`: else the answer is 30 s behind, or one that was given a moment ago.
    const parameters = {
      query: `mirador_canary{canary="${run}",poll!="${poll}"}[${seconds}s]`,
      time: ((now + 1000) / 1000).toFixed(3),
      ...{ nocache: "1", latency_offset: "1ms" },
    };
    return `${targets.metrics.origin}/select/0/prometheus/api/v1/query?${new URLSearchParams(parameters)}`;
  }
  const time = `_time:[${new Date(since).toISOString()}, ${new Date(now + CLOCK_MILLISECONDS).toISOString()})`;
  const query =
    signal === "traces"
      ? `${time} "resource_attr:mirador.canary":="${run}" | fields trace_id`
      : `${time} "${run}" | fields _msg`;
  const offset = signal === "traces" && targets.tracesHideRecent ? { disable_latency_offset: "true" } : {};
  return `${targets[signal].origin}/select/logsql/query?${new URLSearchParams({ query, ...offset })}`;
}

/** @param text a line of JSON for each row. @throws Error when it breaks off */
export function rowNumbers(signal: "logs" | "traces", run: string, text: string): Numbers {
  const found = new Map<number, number>();
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const row = JSON.parse(line) as { readonly trace_id?: string; readonly _msg?: string };
    const number = signal === "traces" ? numberOfTrace(run, row.trace_id ?? "") : numberOfLog(run, row._msg ?? "");
    if (number !== undefined) found.set(number, (found.get(number) ?? 0) + 1);
  }
  return found;
}

function numberOfLog(run: string, body: string): number | undefined {
  const [, id, number] = /(\w+) (\d+)$/.exec(body) ?? [];
  return id === run ? Number(number) : undefined;
}

interface RangeAnswer {
  readonly status: string;
  readonly isPartial?: boolean;
  readonly data?: { readonly result: readonly { readonly values: readonly (readonly [number, string])[] }[] };
}

function sampleNumbers(text: string): Numbers {
  const { status, isPartial, data } = JSON.parse(text) as RangeAnswer;
  // vmselect may answer 200 with what the storages that it reached have.
  if (status !== "success" || isPartial === true) throw new Error("the answer is not whole");
  const found = new Map<number, number>();
  for (const { values } of data?.result ?? [])
    for (const [, value] of values) found.set(Number(value), (found.get(Number(value)) ?? 0) + 1);
  return found;
}
