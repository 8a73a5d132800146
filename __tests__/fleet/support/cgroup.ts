import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { waitFor } from "./wait";

const ROOT = "/sys/fs/cgroup";

/**
 * The hierarchy that we look for processes in. Docker puts a container into each of them; version 1 has one that is
 * asked for nothing else, and version 2 has only one.
 */
export const HIERARCHY = existsSync(join(ROOT, "cgroup.controllers")) ? ROOT : join(ROOT, "freezer");

export function cgroupFolder(cgroup: string): string {
  return join(HIERARCHY, cgroup);
}

/** Group of a host's daemons, below the host's. */
export const DAEMONS = "daemons";

/**
 * A group of its own for what is started into it: containerd, shims and proxies are found again as its members,
 * whoever their parent is by now. Beside the containers' groups, because version 2 allows processes in leaves only.
 */
export async function makeDaemonCgroup(cgroup: string): Promise<string> {
  const folder = join(cgroupFolder(cgroup), DAEMONS);
  await mkdir(folder, { recursive: true });
  return folder;
}

/** Every process of a group and the groups below it. */
export async function pidsIn(cgroup: string): Promise<readonly number[]> {
  const pids = await Promise.all((await foldersBelow(cgroupFolder(cgroup))).map(procsOf));
  return [...new Set(pids.flat())];
}

/** Lets paused containers go on: those of version 1 do not even die before. */
export async function thaw(cgroup: string): Promise<void> {
  for (const folder of await foldersBelow(cgroupFolder(cgroup))) {
    const file = join(folder, "freezer.state");
    const state = await readFile(file, "utf8").catch(() => "");
    // A group can go between the reading and the writing.
    if (/^FR(OZEN|EEZING)/.test(state)) await writeFile(file, "THAWED").catch(() => undefined);
  }
}

async function procsOf(folder: string): Promise<readonly number[]> {
  // A group can go between the listing and the reading.
  const text = await readFile(join(folder, "cgroup.procs"), "utf8").catch(() => "");
  return text.split("\n").filter(Boolean).map(Number);
}

/** Removes a group and those below it from every hierarchy; it must hold no process. */
export async function removeCgroup(cgroup: string): Promise<void> {
  for (const top of await hierarchies()) {
    for (const folder of (await foldersBelow(join(top, cgroup))).toReversed()) {
      // The kernel lets go of a group a moment after its last process.
      await waitFor(`rmdir ${folder}`, { seconds: 10, everyMilliseconds: 20 }, () => removeFolder(folder));
    }
  }
}

async function removeFolder(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
    throw error;
  }
}

/** Where a group is left. */
export async function foldersOfCgroup(cgroup: string): Promise<readonly string[]> {
  return (await hierarchies()).map((top) => join(top, cgroup)).filter(existsSync);
}

async function hierarchies(): Promise<readonly string[]> {
  if (HIERARCHY === ROOT) return [ROOT];
  return (await readdir(ROOT)).map((name) => join(ROOT, name));
}

/** A folder and all below it, parents first. */
async function foldersBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return [];
  const below = await Promise.all(
    entries.filter((entry) => entry.isDirectory()).map(({ name }) => foldersBelow(join(folder, name))),
  );
  return [folder, ...below.flat()];
}
