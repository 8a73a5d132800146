import { randomBytes } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

export const PUBLIC_MODE = 0o644;
export const SECRET_MODE = 0o600;

/**
 * Makes a file that is not there yet, whole or not at all.
 * @returns whether it was made; `false` when there is one by now, which stays as it is
 */
export function createFile(path: string, text: string, mode: number): boolean {
  const temporary = writeTemporary(path, text, mode);
  try {
    // A link refuses to take the place of another file; a rename would not.
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Puts a new file in the place of an old one; whoever reads meanwhile finds the old one or the new one, whole. */
export function replaceFile(path: string, text: string, mode: number): void {
  const temporary = writeTemporary(path, text, mode);
  try {
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function writeTemporary(path: string, text: string, mode: number): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}`);
  // The mode counts from the first byte on. Some umasks take more than they should, so it is said again.
  const file = openSync(temporary, "wx", mode);
  try {
    fchmodSync(file, mode);
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return temporary;
}
