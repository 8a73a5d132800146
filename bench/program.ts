import { spawn } from "node:child_process";

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  /** Exit statuses that are answers and no failures. @default [0] */
  readonly accept?: readonly number[];
}

export interface ProgramResult {
  readonly stdout: string;
  readonly status: number;
  readonly seconds: number;
}

/**
 * Runs a program to its end. It does not get the terminal's Ctrl-C: on an interrupt it is asked once to stop and
 * waited for, so that nothing is created any more when the leftovers are removed.
 */
export function runProgram(
  program: string,
  args: readonly string[],
  { cwd, env, signal, accept = [0] }: ProgramOptions,
): Promise<ProgramResult> {
  signal.throwIfAborted();
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...(cwd === undefined ? {} : { cwd }),
      env: env ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const interrupt = (): void => void child.kill("SIGINT");
    signal.addEventListener("abort", interrupt, { once: true });
    let stdout = "";
    let tail = "";
    const remember = (text: string): void => {
      tail = (tail + text).slice(-4_000);
    };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      remember(text);
    });
    child.stderr.setEncoding("utf8").on("data", remember);
    child.on("error", reject);
    child.on("close", (status) => {
      signal.removeEventListener("abort", interrupt);
      if (signal.aborted) reject(signal.reason);
      else if (status !== null && accept.includes(status))
        resolve({ stdout, status, seconds: (performance.now() - started) / 1000 });
      else reject(new Error(`${[program, ...args].join(" ")}: exit status ${status}\n${tail.trimEnd()}`));
    });
  });
}
