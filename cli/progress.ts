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
  /** A line that stays. */
  line(text: string): void;
}

const NAME_WIDTH = 13;
const LINE_WIDTH = 106;
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
          this.line(stepLine(name, `${text} …`, seconds()));
        }
      },
      this.out.isTTY ? REDRAW_MILLISECONDS : QUIET_SECONDS * 1000,
    );
    try {
      const value = await work({
        waiting: (next) => {
          text = next;
        },
        line: (next) => this.line(`${"".padEnd(NAME_WIDTH)}${next}`),
      });
      this.line(this.paint(32, name, stepLine(name, said(value), seconds())));
      return value;
    } catch (error) {
      this.line(
        this.paint(31, name, stepLine(name, `${isInterrupted(error) ? "interrupted" : "failed"}: ${text}`, seconds())),
      );
      throw error;
    } finally {
      clearInterval(redraw);
    }
  }

  public line(text: string): void {
    this.out.write(`${this.out.isTTY ? CLEAR_LINE : ""}${text}\n`);
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

/** @param columns cut to this width, for a line that will be drawn over */
export function stepLine(name: string, text: string, seconds: number, columns?: number): string {
  const time = `${seconds.toFixed(1)} s`;
  const head = name.padEnd(NAME_WIDTH) + text;
  const width = Math.min(columns ?? LINE_WIDTH, LINE_WIDTH);
  const room = width - time.length - 2;
  const kept = columns !== undefined && head.length > room ? `${head.slice(0, room - 1)}…` : head;
  return `${kept.padEnd(room)}  ${time}`;
}
