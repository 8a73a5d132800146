/** From the first nanosecond since 1970 up to, and without, the second one. */
export interface Range {
  readonly from: bigint;
  readonly to: bigint;
}

export const SECOND = 1_000_000_000n;
export const MINUTE = 60n * SECOND;
export const HOUR = 60n * MINUTE;
export const DAY = 24n * HOUR;

/** Rows of the newest minutes may still be on their way to one group. */
export const NEWEST_LEFT_OUT = 2n * MINUTE;
/** A store refuses rows at the very end of its retention. */
const RETENTION_MARGIN = HOUR;

/** Which days somebody asked for. */
export type Asked =
  | { readonly kind: "days"; readonly days: readonly string[] }
  | { readonly kind: "since"; readonly days: number }
  | { readonly kind: "all" };

/** A UTC day, or what of it can be compared. */
export interface DayRange extends Range {
  /** Such as `2026-01-31`. */
  readonly day: string;
}

/**
 * The days to compare, oldest first, cut to what the retention keeps and to what is older than {@link NEWEST_LEFT_OUT}.
 * @param now nanoseconds since 1970
 * @returns a day that was asked for and has nothing left to compare is not there
 */
export function daysOf(asked: Asked, now: bigint, retentionDays: number): readonly DayRange[] {
  const oldest = floor(now - BigInt(retentionDays) * DAY + RETENTION_MARGIN + MINUTE, MINUTE);
  const newest = floor(now - NEWEST_LEFT_OUT, MINUTE);
  return startsOf(asked, now, oldest).flatMap((start) => {
    const from = start < oldest ? oldest : start;
    const to = start + DAY > newest ? newest : start + DAY;
    return from < to ? [{ day: nameOf(start), from, to }] : [];
  });
}

function startsOf(asked: Asked, now: bigint, oldest: bigint): readonly bigint[] {
  if (asked.kind === "days") {
    const starts = asked.days.map((day) => BigInt(Date.parse(`${day}T00:00:00Z`)) * 1_000_000n);
    return [...new Set(starts)].sort((a, b) => (a < b ? -1 : 1));
  }
  const first = floor(asked.kind === "all" ? oldest : now - BigInt(asked.days) * DAY, DAY);
  return Array.from({ length: Number((floor(now, DAY) - first) / DAY) + 1 }, (_, at) => first + BigInt(at) * DAY);
}

/** Whether a text is a day of the calendar. */
export function isDay(text: string): boolean {
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** Cuts a range at multiples of a step. */
export function split({ from, to }: Range, step: bigint): readonly Range[] {
  const parts: Range[] = [];
  for (let at = from; at < to; ) {
    const next = floor(at, step) + step;
    parts.push({ from: at, to: next < to ? next : to });
    at = next;
  }
  return parts;
}

export const floor = (time: bigint, step: bigint): bigint => time - (time % step);
const nameOf = (time: bigint): string => new Date(Number(time / 1_000_000n)).toISOString().slice(0, 10);
