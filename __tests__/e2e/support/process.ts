import { type ChildProcess, spawn } from "node:child_process";

export interface Ended {
  readonly status: number | null;
  /** Both streams as they came. */
  readonly output: string;
}

/** A program under way: how it ends, and a handle to hurt it. */
export interface Started {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when the output holds this text; rejects when the program ends before. */
  seen(text: string): Promise<void>;
  /** What it has said so far. */
  heard(): string;
}

export interface StartOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export function start(program: string, args: readonly string[], { cwd, env }: StartOptions): Started {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const watchers = new Set<() => void>();
  const hear = (text: string): void => {
    output += text;
    for (const watcher of watchers) watcher();
  };
  child.stdout.setEncoding("utf8").on("data", hear);
  child.stderr.setEncoding("utf8").on("data", hear);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, output }));
  });
  const seen = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!output.includes(text)) return;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
      void ended.then(() => reject(new Error(`${program} ended before it said "${text}":\n${output}`)), reject);
    });
  return { process: child, ended, seen, heard: () => output };
}

export async function succeed(started: Started): Promise<string> {
  const { status, output } = await started.ended;
  if (status !== 0)
    throw new Error(`${started.process.spawnargs.join(" ")}: status ${status}\n${output.slice(-6_000)}`);
  return output;
}
