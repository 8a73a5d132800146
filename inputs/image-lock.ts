import { existsSync, readFileSync } from "node:fs";
import { join, parse, relative } from "node:path";
import { type ImageLock, LOCK_ANEW, validateImageLock } from "../lib/images/lock";
import { ProblemError, refuse } from "../lib/problem";

/** Beside a fleet's module and named like it: `fleet.lock.json` of `fleet.ts`. Two fleets of a folder have a lock each. */
export function imageLockPath(fleetModule: string): string {
  const { dir, name } = parse(fleetModule);
  return join(dir, `${name}.lock.json`);
}

/**
 * The lock of a fleet's images, where there is one.
 * @param folder that problems name the file from
 * @throws ProblemError `image/lock-unreadable`; `image/lock-invalid` for each thing that is wrong in it
 */
export function readImageLock(folder: string, path: string): ImageLock | undefined {
  if (!existsSync(path)) return undefined;
  const where = relative(folder, path);
  let lock: unknown;
  try {
    lock = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const what = `cannot be read: ${(error as Error).message}`;
    throw new ProblemError([{ code: "image/lock-unreadable", what, where, fix: LOCK_ANEW }]);
  }
  refuse(validateImageLock(lock, where));
  return lock as ImageLock;
}
