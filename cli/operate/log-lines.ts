/** A line of a container's output. */
export interface LogLine {
  /** When Docker got it, ISO 8601 in UTC with nanoseconds; their order is the order of time. */
  readonly time: string;
  readonly text: string;
}

const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z /;

/** Docker writes the time before each line when it is asked to. A piece of a line that was too long has a time as well. */
export function parseLogLine(line: string): LogLine | undefined {
  const [, time, text = ""] = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) ?(.*)$/s.exec(line) ?? [];
  return time === undefined ? undefined : { time: padded(time), text: text.replace(/\r$/, "") };
}

/** Docker leaves zeros at the end away, which would spoil the order of the texts. */
function padded(time: string): string {
  const [seconds = "", fraction = ""] = time.slice(0, -1).split(".");
  return `${seconds}.${fraction.padEnd(9, "0")}Z`;
}

/**
 * Cuts a stream of pieces at its line ends; what comes after the last one waits for the next piece. Docker hands on a line
 * that is longer than 16 KiB in pieces, each with its time.
 */
export class LineCutter {
  private rest = "";

  public cut(piece: string): readonly string[] {
    const goesOn = this.rest === "" ? piece : piece.replace(TIME, "");
    const lines = (this.rest + goesOn).split("\n");
    this.rest = lines.pop() ?? "";
    return lines;
  }
}

/**
 * Puts lines of several sources into the order of their times. Each source is in order by itself, and they arrive at
 * different speeds, so a line is held back for a moment.
 */
export class LineMerger<T extends { readonly time: string }> {
  private held: { readonly line: T; readonly arrived: number }[] = [];

  constructor(private readonly holdMilliseconds: number) {}

  /** @param now in milliseconds, from any beginning */
  public add(line: T, now: number): void {
    this.held.push({ line, arrived: now });
  }

  /** Lines that were held back long enough, and those that are older than one of them. */
  public due(now: number): readonly T[] {
    const ripe = this.held.filter(({ arrived }) => now - arrived >= this.holdMilliseconds);
    const last = ripe.reduce((latest, { line }) => (line.time > latest ? line.time : latest), "");
    const out = this.held.filter(({ line }) => line.time <= last);
    this.held = this.held.filter(({ line }) => line.time > last);
    return out.map(({ line }) => line).toSorted(byTime);
  }
}

/** For `sort`: the order of time. */
export function byTime(a: { readonly time: string }, b: { readonly time: string }): number {
  return a.time < b.time ? -1 : a.time > b.time ? 1 : 0;
}
