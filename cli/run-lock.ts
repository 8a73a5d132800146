import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { createFile, PUBLIC_MODE } from "../inputs/pki/write";
import type { Environment } from "../lib/fleet/environment";
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
 * One for each folder of synthesized stacks: who deploys reads minutes later what was written first, so nobody may write
 * there meanwhile, for whichever fleet.
 * @param verb as a person would type it
 */
export function stacksLock({ CDKTF_OUTDIR = "cdktf.out" }: Environment, verb: string): RunLock {
  const name = createHash("sha256").update(CDKTF_OUTDIR).digest("hex").slice(0, 12);
  return { file: `.mirador/locks/stacks-${name}.lock`, code: "fleet/locked", verb };
}

/**
 * Holds a lock while `work` is under way. One that was left by a process that is gone counts for nothing.
 * @throws CliError that says what the other one does, which process it is, and since when
 */
export async function holdingLock<T>(folder: string, work: () => Promise<T>, lock: RunLock = DEMO): Promise<T> {
  const path = join(folder, lock.file);
  acquire(path, lock);
  const release = (): void => releaseOwn(path);
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
  /** When the process began, in the kernel's words: a number of it is given out again after a while. */
  readonly began?: string | undefined;
  readonly since: string;
  readonly verb?: string;
}

function acquire(path: string, { file, code, verb }: RunLock): void {
  mkdirSync(dirname(path), { recursive: true });
  const holder: Holder = { pid: process.pid, began: beginOf(process.pid), since: new Date().toISOString(), verb };
  if (createFile(path, `${JSON.stringify(holder)}\n`, PUBLIC_MODE)) return;
  if (!isAlive(readHolder(path))) {
    takeAway(path);
    if (createFile(path, `${JSON.stringify(holder)}\n`, PUBLIC_MODE)) return;
  }
  const { pid, since, verb: does = DEMO.verb } = readHolder(path) ?? { pid: 0, since: "now" };
  throw new CliError({
    code,
    what: `${does} runs in this checkout: process ${pid}, since ${since}`,
    where: file,
    fix: `wait until it has ended, or stop it: kill ${pid}`,
  });
}

/** Removes a dead one's lock. Another process may have done so just now, and hold it: then it gets its own one back. */
function takeAway(path: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const taken = readHolder(aside);
  if (isAlive(taken)) createFile(path, `${JSON.stringify(taken)}\n`, PUBLIC_MODE);
  rmSync(aside, { force: true });
}

function releaseOwn(path: string): void {
  if (readHolder(path)?.pid === process.pid) rmSync(path, { force: true });
}

function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function isAlive(holder: Holder | undefined): boolean {
  if (holder === undefined || holder.pid === process.pid) return false;
  const begin = beginOf(holder.pid);
  return begin !== undefined && (holder.began === undefined || holder.began === begin);
}

/** Clock ticks from the machine's start to the process's: field 22 of proc_pid_stat(5), after a name that may hold anything. */
function beginOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
