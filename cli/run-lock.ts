import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CliError } from "./failure";

const LOCK_FILE = ".mirador/demo.lock";

/** Two demos of one checkout would write the same stack at once. @throws CliError that names the other one */
export async function holdingLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const path = join(folder, LOCK_FILE);
  acquire(path);
  const release = (): void => rmSync(path, { force: true });
  process.once("exit", release);
  try {
    return await work();
  } finally {
    process.off("exit", release);
    release();
  }
}

function acquire(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const text = `${JSON.stringify({ pid: process.pid, since: new Date().toISOString() })}\n`;
  try {
    writeFileSync(path, text, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const holder = readHolder(path);
    if (holder !== undefined && isAlive(holder.pid)) {
      throw new CliError({
        code: "demo/already-running",
        what: `another demo runs in this checkout: process ${holder.pid}, since ${holder.since}`,
        where: LOCK_FILE,
        fix: `wait until it has ended, or stop it: kill ${holder.pid}`,
      });
    }
    writeFileSync(path, text);
  }
}

function readHolder(path: string): { readonly pid: number; readonly since: string } | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
