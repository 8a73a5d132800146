import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CliError } from "./failure";

/** What two runs of a checkout must not do at once. */
export interface RunLock {
  /** In the checkout. */
  readonly file: string;
  readonly code: string;
  /** What the holder does, such as `mirador up node1`. */
  readonly verb: string;
}

const DEMO: RunLock = { file: ".mirador/demo.lock", code: "demo/already-running", verb: "another demo" };

/** One for each fleet: verbs that change its nodes exclude each other. @param verb as a person would type it */
export function fleetLock(fleet: string, verb: string): RunLock {
  return { file: `.mirador/locks/${fleet}.lock`, code: "fleet/locked", verb };
}

/**
 * Holds a lock while `work` is under way. One that was left by a process that is gone counts for nothing.
 * @throws CliError that says what the other one does, which process it is, and since when
 */
export async function holdingLock<T>(folder: string, work: () => Promise<T>, lock: RunLock = DEMO): Promise<T> {
  const path = join(folder, lock.file);
  acquire(path, lock);
  const release = (): void => rmSync(path, { force: true });
  process.once("exit", release);
  try {
    return await work();
  } finally {
    process.off("exit", release);
    release();
  }
}

interface Holder {
  readonly pid: number;
  readonly since: string;
  readonly verb?: string;
}

function acquire(path: string, { file, code, verb }: RunLock): void {
  mkdirSync(dirname(path), { recursive: true });
  const holder: Holder = { pid: process.pid, since: new Date().toISOString(), verb };
  if (tryToHold(path, holder)) return;
  const other = readHolder(path);
  // Of two that find a dead one's lock, the one whose file is there first has it.
  if (other === undefined || !isAlive(other.pid)) {
    rmSync(path, { force: true });
    if (tryToHold(path, holder)) return;
  }
  const { pid, since, verb: does = DEMO.verb } = readHolder(path) ?? { pid: 0, since: "now" };
  throw new CliError({
    code,
    what: `${does} runs in this checkout: process ${pid}, since ${since}`,
    where: file,
    fix: `wait until it has ended, or stop it: kill ${pid}`,
  });
}

function tryToHold(path: string, holder: Holder): boolean {
  try {
    writeFileSync(path, `${JSON.stringify(holder)}\n`, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function readHolder(path: string): Holder | undefined {
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
