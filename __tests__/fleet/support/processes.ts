import { readFile } from "node:fs/promises";
import { pidsIn, thaw } from "./cgroup";
import { waitFor } from "./wait";

/** The letter of `/proc/<pid>/stat`; `undefined` when there is no such process. A zombie is none any more. */
export async function stateOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name before it is in brackets and may hold anything.
  const state = text.slice(text.lastIndexOf(")") + 2, text.lastIndexOf(")") + 3);
  return state === "" || state === "Z" || state === "X" ? undefined : state;
}

/** A pid and when its process began, because a pid alone may be another program's by now. */
export async function identityOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return `${pid} ${fields[19]}`;
}

async function living(pids: readonly number[]): Promise<ReadonlyMap<number, string>> {
  const states = await Promise.all(pids.map(async (pid) => [pid, await stateOf(pid)] as const));
  return new Map(states.filter((entry): entry is readonly [number, string] => entry[1] !== undefined));
}

/** Every living process of a group with its state. */
export async function processesIn(cgroup: string): Promise<ReadonlyMap<number, string>> {
  return living(await pidsIn(cgroup));
}

/** SIGKILL for all, again and again until nobody is left: a daemon that dies may just have started a child. */
export async function killAll(cgroup: string): Promise<void> {
  await waitFor(`${cgroup} without a process`, { seconds: 20, everyMilliseconds: 10 }, async () => {
    const pids = [...(await processesIn(cgroup)).keys()];
    for (const pid of pids) signal(pid, "SIGKILL");
    if (pids.length > 0) await thaw(cgroup);
    return pids.length === 0;
  });
}

/** SIGSTOP for all until all are stopped; gives back how many. Kernel waits (state D) end before a stop shows. */
export async function stopAll(cgroup: string): Promise<number> {
  return waitFor(`${cgroup} stopped`, { seconds: 20, everyMilliseconds: 10 }, async () => {
    const processes = await processesIn(cgroup);
    const running = [...processes].filter(([, state]) => state !== "T");
    for (const [pid] of running) signal(pid, "SIGSTOP");
    return running.length === 0 && processes.size;
  });
}

export async function continueAll(cgroup: string): Promise<void> {
  await waitFor(`${cgroup} resumed`, { seconds: 20, everyMilliseconds: 10 }, async () => {
    const stopped = [...(await processesIn(cgroup))].filter(([, state]) => state === "T");
    for (const [pid] of stopped) signal(pid, "SIGCONT");
    return stopped.length === 0;
  });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
