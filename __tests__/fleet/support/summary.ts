import { COUNTED, type NodeCounts } from "./load";
import type { ProbeReport } from "./probe";
import type { Trial } from "./trial";

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

const COLUMNS = [
  "fault",
  "node",
  "write gap",
  "read gap",
  "errors w/r",
  "load gap",
  "refused",
  "lost during/after",
  "double",
];

/**
 * The table at the end: a fault and a node a line. Gaps are what a client saw that asks five times a second; the load's
 * own is beside it. `lost` and `double` are what this node does not, or twice, know of what all acknowledged.
 */
export class FaultTable {
  private readonly rows: (readonly string[])[] = [];

  public add(fault: string, { probes, reports, during, after }: Trial): void {
    for (const node of reports.keys()) {
      const of = (kind: ProbeReport["kind"]) => probes.filter((probe) => probe.node === node && probe.kind === kind);
      const errors = (kind: ProbeReport["kind"]) => sum(of(kind).map((probe) => probe.errors.length));
      const sent = (reports.get(node) ?? []).flatMap(({ signals }) => Object.values(signals));
      this.rows.push([
        fault,
        node,
        longest(of("write")),
        longest(of("read")),
        `${errors("write")}/${errors("read")}`,
        `${Math.round(Math.max(0, ...sent.map(({ longestGapMs }) => longestGapMs)))} ms`,
        `${sum(sent.flatMap(({ refused }) => Object.values(refused)))}`,
        `${total(during, node, "lost")}/${total(after, node, "lost")}`,
        total(after, node, "double"),
      ]);
    }
  }

  public print(title: string): void {
    const lines = [COLUMNS, ...this.rows];
    const widths = COLUMNS.map((_, column) => Math.max(...lines.map((row) => (row[column] ?? "").length)));
    const text = lines.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`);
    text.splice(1, 0, `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`);
    console.log(`fleet | ${title}\n${text.join("\n")}`);
  }
}

function longest(probes: readonly ProbeReport[]): string {
  const [worst] = probes.toSorted((a, b) => b.longestGapMs - a.longestGapMs);
  if (worst === undefined) return "-";
  return worst.kind === "write" ? `${worst.longestGapMs} ms` : `${worst.longestGapMs} ms ${worst.name}`;
}

/** Of all signals together; a node that was not asked knows nothing. */
function total(counts: readonly NodeCounts[], node: string, value: "lost" | "double"): string {
  const known = counts.filter((each) => each.node === node).flatMap(({ signals }) => Object.values(signals));
  return known.length === 0 ? "-" : `${sum(known.map((signal) => signal[value]))}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
