import { spawn } from "node:child_process";

/** How a program ended that was expected to succeed. */
export class CommandError extends Error {
  public override readonly name = "CommandError";

  constructor(
    public readonly command: string,
    public readonly reason: string,
    /** The last lines it printed. */
    public readonly tail: readonly string[],
  ) {
    super(`${command}: ${reason}`);
  }
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const TAIL_LINES = 15;

/** Runs a program to its end and gives back what it printed on stdout. */
export function run(program: string, args: readonly string[], { cwd, env }: RunOptions = {}): Promise<string> {
  const command = [program, ...args].join(" ");
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const stdout: string[] = [];
    let tail = "";
    const remember = (text: string): void => {
      tail = (tail + text).slice(-8_000);
    };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout.push(text);
      remember(text);
    });
    child.stderr.setEncoding("utf8").on("data", remember);
    const fail = (reason: string): void => {
      const lines = tail.split("\n").filter((text) => text.trim() !== "");
      reject(new CommandError(command, reason, lines.slice(-TAIL_LINES)));
    };
    child.on("error", (error: NodeJS.ErrnoException) =>
      fail(error.code === "ENOENT" ? `${program} is not installed` : error.message),
    );
    child.on("close", (code, signal) => {
      if (code === 0) resolve(stdout.join(""));
      else fail(signal === null ? `exit status ${code}` : `killed by ${signal}`);
    });
  });
}
