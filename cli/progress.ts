import { Interrupted } from "./failure";

/** Where lines go; `process.stdout` is one. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** What a running step may say. */
export interface Step {
  /** What it waits for now; replaced by the next text. */
  waiting(text: string): void;
  /** A line that stays; with what it took, when that is known. */
  line(text: string, seconds?: number): void;
}

const NAME_WIDTH = 13;
export const LINE_WIDTH = 100;
/** Without a terminal a long wait says where it is this often, and not at every change. */
const QUIET_SECONDS = 5;
const REDRAW_MILLISECONDS = 200;
const CLEAR_LINE = "\r\u001b[2K";

export interface ProgressOptions {
  readonly out: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Milliseconds. @default - the clock */
  readonly now?: () => number;
}

/** One line per step, with what came of it and its seconds; in a terminal the line of a running step is redrawn. */
export class Progress {
  private readonly out: Output;
  private readonly colour: boolean;
  private readonly now: () => number;

  constructor({ out, environment, now = () => performance.now() }: ProgressOptions) {
    this.out = out;
    this.colour = out.isTTY === true && !environment.NO_COLOR && environment.TERM !== "dumb";
    this.now = now;
  }

  /** @param said what the line says when the work is done */
  public async step<T>(
    name: string,
    waitsFor: string,
    work: (step: Step) => Promise<T>,
    said: (value: T) => string,
  ): Promise<T> {
    const started = this.now();
    const seconds = (): number => (this.now() - started) / 1000;
    let text = waitsFor;
    let told = "";
    const redraw = setInterval(
      () => {
        if (this.out.isTTY) this.draw(stepLine(name, `${text} …`, seconds(), this.columns()));
        else if (text !== told) {
          told = text;
          this.lines(stepLines(name, `${text} …`, seconds()));
        }
      },
      this.out.isTTY ? REDRAW_MILLISECONDS : QUIET_SECONDS * 1000,
    );
    try {
      const value = await work({
        waiting: (next) => {
          text = next;
        },
        line: (next, took) => this.lines(stepLines("", next, took)),
      });
      this.end(32, name, said(value), seconds());
      return value;
    } catch (error) {
      this.end(31, name, `${isInterrupted(error) ? "interrupted" : "failed"}: ${text}`, seconds());
      throw error;
    } finally {
      clearInterval(redraw);
    }
  }

  public line(text: string): void {
    this.out.write(`${this.out.isTTY ? CLEAR_LINE : ""}${text}\n`);
  }

  /** Something to know that took no time. */
  public note(name: string, text: string): void {
    this.lines(stepLines(name, text));
  }

  private lines(lines: readonly string[]): void {
    for (const line of lines) this.line(line);
  }

  private end(colour: number, name: string, text: string, seconds: number): void {
    const [first = "", ...others] = stepLines(name, text, seconds);
    this.lines([this.paint(colour, name, first), ...others]);
  }

  private draw(text: string): void {
    this.out.write(CLEAR_LINE + text);
  }

  private columns(): number {
    return Math.max(40, (this.out.columns || LINE_WIDTH) - 1);
  }

  private paint(code: number, name: string, line: string): string {
    return this.colour ? `\u001b[${code}m${name}\u001b[0m${line.slice(name.length)}` : line;
  }
}

const isInterrupted = (error: unknown): boolean => error instanceof Interrupted;

/** Breaks a text at its spaces, so that no line is wider; a word that is wider stays whole. */
export function fold(text: string, width: number): readonly string[] {
  return text.match(new RegExp(`\\S.{0,${width - 1}}(?!\\S)|\\S+`, "g")) ?? [text];
}

/** Lines that stay: the name before the first, the seconds behind the last. */
function stepLines(name: string, text: string, seconds?: number): readonly string[] {
  const room = LINE_WIDTH - NAME_WIDTH - (seconds === undefined ? 0 : timeOf(seconds).length + 2);
  const parts = fold(text, room);
  return parts.map((part, at) => {
    const head = at === 0 ? name : "";
    const last = at === parts.length - 1;
    return seconds !== undefined && last ? stepLine(head, part, seconds) : head.padEnd(NAME_WIDTH) + part;
  });
}

const timeOf = (seconds: number): string => `${seconds.toFixed(1)} s`;

/** @param columns cut to this width, for a line that will be drawn over */
export function stepLine(name: string, text: string, seconds: number, columns?: number): string {
  const time = timeOf(seconds);
  const head = name.padEnd(NAME_WIDTH) + text;
  const width = Math.min(columns ?? LINE_WIDTH, LINE_WIDTH);
  const room = width - time.length - 2;
  const kept = columns !== undefined && head.length > room ? `${head.slice(0, room - 1)}…` : head;
  return `${kept.padEnd(room)}  ${time}`;
}
