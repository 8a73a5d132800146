import { EXIT } from "../failure";
import type { Both, Difference } from "./compare";
import type { RepairedSignal } from "./group";

/** What came of one day of one signal. */
export interface DayReport {
  readonly signal: RepairedSignal;
  /** UTC, such as `2026-01-31`. */
  readonly day: string;
  readonly found: Difference;
  /** What is still missing after rows were put there; absent when none were. */
  readonly left?: Difference;
}

const GROUPS = ["a", "b"] as const;
const sum = ({ a, b }: Both<number>): number => a + b;

/** Whether nothing can be said of some minutes, or something is missing that was not put there. */
function remains({ found, left }: DayReport): number {
  const last = left ?? found;
  return sum(last.missing) + last.restless + (left === undefined ? 0 : found.restless);
}

/** One line for people. */
export function describeDay(report: DayReport): string {
  const { found, left } = report;
  const parts = GROUPS.filter((group) => found.missing[group] > 0).map((group) =>
    left === undefined
      ? `${rowsOf(found.missing[group])} missing in group ${group}`
      : `${rowsOf(found.put[group])} put into group ${group}`,
  );
  const total = rowsOf(Math.max(found.rows.a, found.rows.b));
  if (parts.length === 0 && remains(report) === 0) return `nothing missing among ${total}`;
  const still = GROUPS.filter((group) => (left?.missing[group] ?? 0) > 0);
  const tail = [
    ...still.map((group) => `${rowsOf(left?.missing[group] ?? 0)} still missing in group ${group}`),
    ...(left !== undefined && remains(report) === 0 ? ["both groups are equal now"] : []),
    ...(found.restless > 0 ? [`rows kept arriving in ${found.restless} minute(s): run it again for those`] : []),
  ];
  return [...parts, ...tail].join(", ");
}

const rowsOf = (count: number): string => (count === 1 ? "1 row" : `${count.toLocaleString("en")} rows`);

/** @param filled rows were put where they were missing; else it was only looked */
export function exitOf(reports: readonly DayReport[], filled: boolean): number {
  if (reports.every((report) => remains(report) === 0)) return EXIT.ok;
  return filled ? EXIT.failed : EXIT.differences;
}

/** For programs. */
export function reportJson(reports: readonly DayReport[], filled: boolean): string {
  const days = reports.map((report) => ({
    signal: report.signal,
    day: report.day,
    rows: report.found.rows,
    missing: report.found.missing,
    ...(filled ? { put: report.found.put, left: (report.left ?? report.found).missing } : {}),
    restlessMinutes: report.found.restless,
  }));
  return JSON.stringify({ equal: exitOf(reports, filled) === EXIT.ok, days }, null, 2);
}
