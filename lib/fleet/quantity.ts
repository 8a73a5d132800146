/** Readings of texts that hold a quantity. `undefined` means: cannot be read, and the caller says so with its path. */

const DAYS = { d: 1, w: 7, y: 365 } as const;

/**
 * Whole days of a retention such as `30d`, `4w`, `1y`; at least one day, at most 100 years.
 * Only these units: `m` is minutes to VictoriaMetrics, `h` may be under its minimum of a day, a bare number is months.
 */
export function parseRetentionDays(text: string): number | undefined {
  const match = /^([1-9]\d{0,5})([dwy])$/.exec(text);
  if (!match?.[1] || !match[2]) return undefined;
  const days = Number(match[1]) * DAYS[match[2] as keyof typeof DAYS];
  return days <= 36_500 ? days : undefined;
}

/** Mebibytes of a size such as `512MiB` or `2GiB`. Decimal units are refused: `512mb` means different things to people. */
export function parseMebibytes(text: string): number | undefined {
  const match = /^([1-9]\d{0,7})(MiB|GiB|TiB)$/.exec(text);
  if (!match?.[1]) return undefined;
  const factor = { MiB: 1, GiB: 1024, TiB: 1024 * 1024 }[match[2] as "MiB" | "GiB" | "TiB"];
  return Number(match[1]) * factor;
}

/** What the writer probably meant by a retention that cannot be used. */
export function retentionHint(text: string): string {
  const count = /^\s*(\d+)/.exec(text)?.[1];
  if (/^0*[1-9]\d*$/.test(text))
    return `a bare number means months to VictoriaMetrics; for ${text} days write "${text}d"`;
  if (/^0*[1-9]\d*m$/.test(text))
    return `"m" means minutes to VictoriaMetrics; for ${count} months write "${Number(count) * 30}d"`;
  if (count && Number(count) > 0 && /day/i.test(text)) return `write "${count}d"`;
  return 'write whole days, weeks or years of at least one day: "30d", "4w", "1y"';
}
