import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Where everything that is built stays: outside the checkout, so that checkouts share it and a clean one starts warm. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment.MIRADOR_CACHE) return environment.MIRADOR_CACHE;
  return join(environment.XDG_CACHE_HOME || join(homedir(), ".cache"), "mirador-stack");
}

/** Twelve hex digits that change when a file below one of `folders`, its name, or one of `facts` changes. */
export async function hashOf(folders: readonly string[], facts: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const fact of facts) hash.update(`${fact}\0`);
  for (const folder of folders) {
    for (const file of await filesBelow(folder)) {
      hash
        .update(`${relative(folder, file)}\0`)
        .update(await readFile(file))
        .update("\0");
    }
  }
  return hash.digest("hex").slice(0, 12);
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** A reader never sees half a file: it sees the old one or the new one. */
export async function writeAtomically(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.new`;
  await writeFile(draft, text);
  await rename(draft, path);
}

/**
 * Fills a folder in a hidden sibling and renames it when `fill` has succeeded, so that a folder under its final name is
 * always complete, whatever was interrupted.
 */
export async function fillFolder(folder: string, fill: (draft: string) => Promise<void>): Promise<void> {
  const draft = join(dirname(folder), `.${process.pid}.${Date.now()}.${folder.slice(dirname(folder).length + 1)}`);
  await mkdir(draft, { recursive: true });
  try {
    await fill(draft);
    // Another run may have finished the same folder meanwhile; both are equal, the first one stays.
    await rename(draft, folder).catch(async (error) => {
      if (!(await exists(folder))) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

const HEARTBEAT_SECONDS = 2;
const STALE_SECONDS = 15;

/**
 * Runs `work` while no other run holds the lock `name`. The lock saves double work; correctness rests on
 * {@link fillFolder}. Its holder touches the file as long as it lives: a process id would mean nothing across containers.
 */
export async function withLock<T>(cache: string, name: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  const path = join(cache, "locks", name);
  await mkdir(dirname(path), { recursive: true });
  for (let told = false; !(await tryCreate(path)); await sleep(500)) {
    if (await isStale(path)) await rm(path, { force: true });
    else if (!told) {
      told = true;
      onWait();
    }
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    void utimes(path, now, now).catch(() => undefined);
  }, HEARTBEAT_SECONDS * 1000);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    await rm(path, { force: true });
  }
}

async function tryCreate(path: string): Promise<boolean> {
  try {
    await (await open(path, "wx")).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function isStale(path: string): Promise<boolean> {
  const touched = await stat(path).catch(() => undefined);
  return touched !== undefined && Date.now() - touched.mtimeMs > STALE_SECONDS * 1000;
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
