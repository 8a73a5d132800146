import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Repository } from "./repository";

/** Telemetry may hold secrets of programs: nobody else reads it. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** Of what is not whole yet. */
const UNFINISHED = ".unfinished";

/** Backups in a folder of this machine. It is made when something is written. */
export function openFolder(folder: string): Repository {
  const root = resolve(folder);
  const pathOf = (key: string): string => join(root, ...key.split("/"));
  return {
    where: folder,
    list: async (below) => {
      const found = await readdir(pathOf(below), { recursive: true, withFileTypes: true }).catch(noneIfMissing);
      const files = found.filter((entry) => entry.isFile() && !entry.name.endsWith(UNFINISHED));
      return new Map(
        await Promise.all(
          files.map(async ({ parentPath, name }) => {
            const path = join(parentPath, name);
            return [relative(root, path).split(sep).join("/"), (await stat(path)).size] as const;
          }),
        ),
      );
    },
    read: async (key) => {
      const path = pathOf(key);
      // Told here, where somebody waits for it, and not by the stream later.
      await stat(path);
      return createReadStream(path);
    },
    write: async (key, content) => writeWhole(pathOf(key), content),
    remove: (key) => rm(pathOf(key), { force: true }),
  };
}

/** Renamed into place when it is on the disk: a machine that stops in the middle leaves no half a file under a good name. */
async function writeWhole(path: string, content: Readable): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
  const aside = `${path}.${process.pid}${UNFINISHED}`;
  try {
    const file = await open(aside, "w", FILE_MODE);
    try {
      await pipeline(content, file.createWriteStream({ flush: true }));
    } finally {
      await file.close().catch(() => undefined);
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}

function noneIfMissing(error: NodeJS.ErrnoException): [] {
  if (error.code === "ENOENT") return [];
  throw error;
}
