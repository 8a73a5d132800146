import { join } from "node:path";
import type { Edition } from "./built-versions";
import { exists, fillFolder, withLock } from "./cache";
import { CommandError } from "./shell";

/** Something that is built once per state of its inputs and then found by name. */
export interface Step {
  /** Word by which the step is known in the log, in the cache and to `--only`. */
  readonly name: string;
  /** What it does, as the log says it. */
  readonly what: string;
  /** What to expect from a cold start, for whoever waits: "about 4 min". */
  readonly expected: string;
  /** Of everything that decides the result. */
  readonly hash: string;
  /** What to do when it fails, for the reasons that are likely. */
  readonly fix: string;
  /** Fills the folder; may leave it half done, nobody sees it then. */
  readonly build: (folder: string) => Promise<void>;
}

export interface StepResult {
  readonly folder: string;
  readonly skipped: boolean;
  readonly seconds: number;
}

export interface StepContext {
  readonly edition: Edition;
  readonly cache: string;
  readonly log: (line: string) => void;
}

/** A step that failed: which one, its last output and the way out, in one message. */
export class StepError extends Error {
  public override readonly name = "StepError";

  constructor(step: string, cause: unknown, fix: string) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const tail = cause instanceof CommandError ? cause.tail.map((line) => `    | ${line}`) : [];
    super([`error images/${step}`, `  what   ${reason}`, ...tail, `  fix    ${fix}`].join("\n"), { cause });
  }
}

export async function runStep(step: Step, { cache, log }: StepContext): Promise<StepResult> {
  const started = performance.now();
  const folder = join(cache, "parts", `${step.name}-${step.hash}`);
  const seconds = (): number => (performance.now() - started) / 1000;
  const found = (): StepResult => {
    log(line(step.name, `found (${step.hash})`, seconds()));
    return { folder, skipped: true, seconds: seconds() };
  };
  if (await exists(folder)) return found();
  return withLock(
    cache,
    `${step.name}-${step.hash}`,
    () => log(line(step.name, "waiting for another run that builds it")),
    async () => {
      if (await exists(folder)) return found();
      log(line(step.name, `${step.what}, ${step.expected}`));
      await explaining(step.name, step.fix, () => fillFolder(folder, step.build));
      log(line(step.name, "built", seconds()));
      return { folder, skipped: false, seconds: seconds() };
    },
  );
}

/** Gives whatever goes wrong inside the name of the step and its fix. */
export async function explaining<T>(step: string, fix: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof StepError ? error : new StepError(step, error, fix);
  }
}

export function line(step: string, text: string, seconds?: number): string {
  const told = `${`[${step}]`.padEnd(38)} ${text}`;
  return seconds === undefined ? told : `${told.padEnd(96)} ${seconds.toFixed(1)} s`;
}
