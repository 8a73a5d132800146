import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { COUNTED, type NodeCounts } from "./load";
import type { ProbeReport } from "./probe";
import type { Fault, Trial } from "./trial";

/** One line a reader of the log finds again. */
export function say(what: string, text: string): void {
  console.log(`fleet | ${what}: ${text}`);
}

/** What a node knows, signal by signal. */
export function sayCounts(what: string, counts: readonly NodeCounts[]): void {
  for (const { node, signals } of counts) {
    const told = COUNTED.map((signal) => {
      const { acked, lost, double, errors } = signals[signal];
      return `${signal} ${acked} acknowledged, ${lost} lost, ${double} double${errors.length > 0 ? ` (${errors[0]})` : ""}`;
    });
    say(`${what}, read at ${node}`, told.join("; "));
  }
}

/** A fault as one node's clients saw it. Plain data, because each test file has a process of its own. */
interface Row {
  readonly fault: string;
  readonly node: string;
  readonly struck: boolean;
  readonly writeGapMs: number;
  readonly readGapMs: number;
  /** Which signal's reads had that gap. */
  readonly readGapOf: string;
  readonly writeErrors: number;
  readonly readErrors: number;
  readonly loadGapMs: number;
  readonly refused: number;
  /** What this node does not know of what all acknowledged; absent where it was not asked. */
  readonly lostDuring?: number;
  readonly lostAfter?: number;
  readonly double?: number;
}

const rowsFile = (folder: string): string => join(folder, "faults.jsonl");

/** Keeps what a trial showed for the table at the end. */
export async function record(folder: string, fault: Fault, trial: Trial): Promise<void> {
  const rows = [...trial.reports.keys()].map((node) => rowOf(fault, trial, node));
  await appendFile(rowsFile(folder), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

function rowOf({ name: fault, struck = [] }: Fault, { probes, reports, during, after }: Trial, node: string): Row {
  const of = (kind: ProbeReport["kind"]) => probes.filter((probe) => probe.node === node && probe.kind === kind);
  const errors = (kind: ProbeReport["kind"]) => sum(of(kind).map((probe) => probe.errors.length));
  const [write] = longestFirst(of("write"));
  const [read] = longestFirst(of("read"));
  const sent = (reports.get(node) ?? []).flatMap(({ signals }) => Object.values(signals));
  return {
    ...{ fault, node, struck: struck.includes(node) },
    writeGapMs: write?.longestGapMs ?? 0,
    readGapMs: read?.longestGapMs ?? 0,
    readGapOf: read?.name ?? "",
    writeErrors: errors("write"),
    readErrors: errors("read"),
    loadGapMs: Math.round(Math.max(0, ...sent.map(({ longestGapMs }) => longestGapMs))),
    refused: sum(sent.flatMap(({ refused }) => Object.values(refused))),
    ...definedOnly({
      lostDuring: total(during, node, "lost"),
      lostAfter: total(after, node, "lost"),
      double: total(after, node, "double"),
    }),
  };
}

/**
 * The tables at the end: a fault and a node a line, and a fault a line. Gaps are what a client saw that asks five times a
 * second; the load's own is beside it. `lost` and `double` are what a node does not, or twice, know of what all
 * acknowledged.
 */
export async function printTable(folder: string, title: string): Promise<void> {
  const text = await readFile(rowsFile(folder), "utf8").catch(() => "");
  const rows = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Row);
  if (rows.length === 0) return;
  console.log(`fleet | ${title}\n${byNode(rows)}\n\n${byFault(rows)}`);
}

function byNode(rows: readonly Row[]): string {
  return markdown(
    ["fault", "node", "write gap", "read gap", "errors w/r", "load gap", "refused", "lost during/after", "double"],
    rows.map((row) => [
      row.fault,
      `${row.node}${row.struck ? " (struck)" : ""}`,
      `${row.writeGapMs} ms`,
      `${row.readGapMs} ms ${row.readGapOf}`,
      `${row.writeErrors}/${row.readErrors}`,
      `${row.loadGapMs} ms`,
      `${row.refused}`,
      `${row.lostDuring ?? "–"}/${row.lostAfter ?? "–"}`,
      `${row.double ?? "–"}`,
    ]),
  );
}

/** As docs/fleets.md has it: the worst of the nodes that were not struck, the most that any node misses. */
function byFault(rows: readonly Row[]): string {
  const faults = [...new Set(rows.map(({ fault }) => fault))];
  return markdown(
    ["fault", "write gap of the others", "read gap of the others", "missing during / after", "stored twice"],
    faults.map((fault) => {
      const all = rows.filter((row) => row.fault === fault);
      const others = all.filter(({ struck }) => !struck);
      return [
        fault,
        longestOf(others.map(({ writeGapMs }) => writeGapMs)),
        longestOf(others.map(({ readGapMs }) => readGapMs)),
        `${most(all.map(({ lostDuring }) => lostDuring))} / ${most(all.map(({ lostAfter }) => lostAfter))}`,
        most(all.map(({ double }) => double)),
      ];
    }),
  );
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((row) => (row[column] ?? "").length)));
  const text = lines.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`);
  text.splice(1, 0, `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`);
  return text.join("\n");
}

function longestFirst(probes: readonly ProbeReport[]): readonly ProbeReport[] {
  return probes.toSorted((a, b) => b.longestGapMs - a.longestGapMs);
}

function longestOf(milliseconds: readonly number[]): string {
  return milliseconds.length === 0 ? "–" : `${(Math.max(...milliseconds) / 1000).toFixed(1)} s`;
}

function most(values: readonly (number | undefined)[]): string {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? "–" : `${Math.max(...known)}`;
}

/** Of all signals together; a node that was not asked knows nothing. */
function total(counts: readonly NodeCounts[], node: string, value: "lost" | "double"): number | undefined {
  const known = counts.filter((each) => each.node === node).flatMap(({ signals }) => Object.values(signals));
  return known.length === 0 ? undefined : sum(known.map((signal) => signal[value]));
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function definedOnly<T extends object>(values: T): { [key in keyof T]?: Exclude<T[key], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [key in keyof T]?: Exclude<T[key], undefined>;
  };
}
