import { createHash } from "node:crypto";
import { Readable, Transform } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { extract, type Pack, pack } from "tar-stream";
import { CliError } from "../failure";
import type { BackupFile, BackupStore } from "./manifest";
import { objectKey, type Repository, reaching, unreachable } from "./repository";
import type { Room } from "./room";

/** Smaller ones are written several at a time: a bucket takes its time for each. */
const SMALL_BYTES = 1024 ** 2;
const AT_A_TIME = 8;
/** Parts never change once they are written, whatever is smaller may: it is always read. */
const TRUSTED_BYTES = 64 * 1024;
/** Where a list is put for a script. */
const LIST = "/tmp/mirador-list";

/** What is on a host, as it was frozen. */
export interface FrozenTree {
  readonly room: Room;
  /** Folder in the room; links in it are followed. */
  readonly root: string;
  /** Folder in the room, on the same disk, where files get a second name for a while. */
  readonly aside: string;
}

/** Who follows a copy. */
export interface CopyWatch {
  /** Ends it in the middle. */
  readonly interrupt: AbortSignal;
  readonly onBytes: (bytes: number) => void;
}

/** What came of a {@link copyOut}. */
export interface CopiedOut {
  readonly files: readonly BackupFile[];
  readonly rows: number;
  /** Bytes that were not in the repository yet. */
  readonly sent: number;
}

/**
 * Copies a frozen store into a repository: only what is not there yet, each content once.
 * @param earlier files of the same store in an earlier backup: what has their name, size and time is not read again
 * @param has bytes of each content that the repository has; grows with what is written
 */
export async function copyOut(
  { room, root, aside }: FrozenTree,
  repository: Repository,
  earlier: readonly BackupFile[],
  has: Map<string, number>,
  watch: CopyWatch,
): Promise<CopiedOut> {
  const { interrupt } = watch;
  const found = parseList(await room.run(`cd ${root}\nfind -L . -type f -exec stat -L -c '%s %Y %n' {} +`, interrupt));
  const before = new Map(earlier.map((file) => [file.path, file]));
  const known = found.map((file): BackupFile | undefined => {
    const same = before.get(file.path);
    if (file.size < TRUSTED_BYTES || same?.size !== file.size || same.changed !== file.changed) return undefined;
    return has.get(same.sha256) === file.size ? same : undefined;
  });
  const digests = await digestsOf(
    room,
    root,
    found.filter((_, index) => known[index] === undefined),
    interrupt,
  );
  const files = found.map(
    (file, index): BackupFile => known[index] ?? { ...file, sha256: digests.get(file.path) ?? "" },
  );
  const missing = new Map(
    files.filter(({ sha256, size }) => has.get(sha256) !== size).map((file) => [file.sha256, file]),
  );
  const descriptions = new Set(files.filter(isDescription).map(({ sha256 }) => sha256));
  const wanted = new Map([...missing, ...files.filter(isDescription).map((file) => [file.sha256, file] as const)]);
  const rows = await fetch({ room, root, aside }, repository, { wanted, missing, descriptions, has, ...watch });
  const told = files.map((file) => ({
    ...file,
    ...(rows.has(file.sha256) ? { rows: rows.get(file.sha256) ?? 0 } : {}),
  }));
  return {
    files: told,
    rows: told.reduce((all, { rows: own = 0 }) => all + own, 0),
    sent: [...missing.values()].reduce((all, { size }) => all + size, 0),
  };
}

type Listed = Pick<BackupFile, "path" | "size" | "changed">;

/** @param text `<bytes> <seconds> ./<path>` on each line */
function parseList(text: string): readonly Listed[] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.endsWith("/flock.lock"))
    .map((line) => {
      const [, size, changed, path] = /^(\d+) (\d+) \.\/(.+)$/.exec(line) ?? [];
      if (path === undefined) throw new Error(`what the host lists cannot be read: ${line}`);
      return { path, size: Number(size), changed: Number(changed) };
    });
}

async function digestsOf(
  room: Room,
  root: string,
  files: readonly Listed[],
  interrupt: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  if (files.length === 0) return new Map();
  await putList(room, files.map(({ path }) => `${path}\0`).join(""));
  const text = await room.run(`cd ${root}\nxargs -0 sha256sum < ${LIST}`, interrupt);
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
}

/** A part of any of the three stores says in its own words how many rows it has; a part of an index has items instead. */
function isDescription({ path, size }: Listed): boolean {
  return path.endsWith("/metadata.json") && size < TRUSTED_BYTES;
}

interface Fetch extends CopyWatch {
  readonly wanted: ReadonlyMap<string, BackupFile>;
  readonly missing: ReadonlyMap<string, BackupFile>;
  readonly descriptions: ReadonlySet<string>;
  readonly has: Map<string, number>;
}

/** @returns the rows that descriptions tell, by their content's SHA-256 */
async function fetch(
  { room, root, aside }: FrozenTree,
  repository: Repository,
  { wanted, missing, descriptions, has, ...watch }: Fetch,
): Promise<ReadonlyMap<string, number>> {
  const rows = new Map<string, number>();
  if (wanted.size === 0) return rows;
  await putList(room, [...wanted].map(([sha256, { path }]) => `${sha256} ${path}\n`).join(""));
  await room.run(
    `rm -rf ${aside}\nmkdir -p ${aside}\nwhile read -r sum path; do ln "${root}/$path" "${aside}/$sum"; done < ${LIST}`,
  );
  const writing = new Set<Promise<void>>();
  const archive = extract();
  const arrived = pipeline(await room.take(aside), archive);
  // It fails with what the loop below fails with, which is told there.
  arrived.catch(() => undefined);
  for await (const entry of archive) {
    watch.interrupt.throwIfAborted();
    const sha256 = entry.header.name.slice(entry.header.name.lastIndexOf("/") + 1);
    const file = wanted.get(sha256);
    if (file === undefined || entry.header.type !== "file") {
      entry.resume();
      continue;
    }
    const content = Readable.from(entry as AsyncIterable<Buffer>);
    if (file.size >= SMALL_BYTES) {
      await write(repository, file, content, watch);
      has.set(sha256, file.size);
      continue;
    }
    const bytes = await buffer(content);
    const told = descriptions.has(sha256) ? rowsIn(bytes) : undefined;
    if (told !== undefined) rows.set(sha256, told);
    if (!missing.has(sha256)) continue;
    if (writing.size >= AT_A_TIME) await Promise.race(writing);
    const one: Promise<void> = write(repository, file, Readable.from([bytes]), watch).then(() => {
      has.set(sha256, file.size);
      writing.delete(one);
    });
    // Told by whoever waits for it; until then it is nobody's.
    one.catch(() => undefined);
    writing.add(one);
  }
  await Promise.all([arrived, ...writing]);
  await room.run(`rm -rf ${aside}`);
  const lost = [...missing.values()].find(({ sha256, size }) => has.get(sha256) !== size);
  if (lost !== undefined) throw new Error(`${lost.path} did not arrive`);
  return rows;
}

function rowsIn(description: Buffer): number | undefined {
  try {
    const { RowsCount } = JSON.parse(description.toString("utf8")) as { RowsCount?: unknown };
    return typeof RowsCount === "number" ? RowsCount : undefined;
  } catch {
    return undefined;
  }
}

/** @throws CliError when what arrived is not what the host has said */
async function write(
  repository: Repository,
  file: BackupFile,
  content: Readable,
  { interrupt, onBytes }: CopyWatch,
): Promise<void> {
  const checked = checking(file, repository, onBytes);
  // What fails here reaches whoever reads `checked`.
  pipeline(content, checked, { signal: interrupt }).catch(() => undefined);
  await reaching(repository, () => repository.write(objectKey(file.sha256), checked, file.size));
}

/** Fails at the end of a content that is not what its name says: before anybody takes it for whole. */
function checking(
  { sha256, size, path }: BackupFile,
  { where }: Pick<Repository, "where">,
  onBytes: (bytes: number) => void,
): Transform {
  const hash = createHash("sha256");
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk);
      bytes += chunk.length;
      onBytes(chunk.length);
      done(null, chunk);
    },
    flush(done) {
      if (hash.digest("hex") === sha256) return done();
      done(
        new CliError({
          code: "backup/damaged",
          what: `${path} is not what was backed up: ${bytes} of ${size} bytes, with another SHA-256`,
          where: `${where}/${objectKey(sha256)}`,
          fix: "take another backup (mirador backup list shows them), or get the file again from where it was copied",
        }),
      );
    },
  });
}

/** Unpacks a store of a backup into a folder of a room, and has the room's host check every file. */
export async function copyIn(
  room: Room,
  folder: string,
  { files }: Pick<BackupStore, "files">,
  repository: Repository,
  { owner, interrupt, onBytes }: CopyWatch & { readonly owner: string },
): Promise<void> {
  await room.run(`rm -rf ${folder}\nmkdir -p ${folder}`);
  const [uid, gid] = owner.split(":").map(Number) as [number, number];
  const archive = pack();
  const filled = fill(archive, files, repository, { uid, gid, interrupt, onBytes });
  filled.catch((error: Error) => archive.destroy(error));
  const unpacked = room.put(Readable.from(archive), folder).catch((error: Error) => {
    // Nobody takes any more: who fills it must not wait for that.
    archive.destroy(error);
    throw error;
  });
  const [filling, unpacking] = await Promise.allSettled([filled, unpacked]);
  // What is wrong with the backup says more than that the host did not get it; else the host's own words do.
  if (filling.status === "rejected" && filling.reason instanceof CliError) throw filling.reason;
  if (unpacking.status === "rejected") throw unpacking.reason;
  if (filling.status === "rejected") throw filling.reason;
  await putList(room, files.map(({ sha256, path }) => `${sha256}  ${path}\n`).join(""));
  if (files.length > 0)
    await room.run(`cd ${folder}\nsha256sum -c ${LIST} > /tmp/checked || { grep -v ': OK$' /tmp/checked; exit 1; }`);
  await room.run(`chown -R ${owner} ${folder}`);
}

async function fill(
  archive: Pack,
  files: readonly BackupFile[],
  repository: Repository,
  { uid, gid, interrupt, onBytes }: CopyWatch & { readonly uid: number; readonly gid: number },
): Promise<void> {
  for (const file of files) {
    const { path, size, changed } = file;
    const content = await reading(repository, file);
    const entry = archive.entry({ name: path, size, mtime: new Date(changed * 1000), uid, gid, mode: 0o644 });
    await pipeline(content, checking(file, repository, onBytes), entry, { signal: interrupt });
  }
  archive.finalize();
}

const TRIES = 3;

/**
 * Small files are read whole, and again when a connection breaks: there are many of them, and one that breaks would be the end
 * of all. Of a large one it is told.
 */
async function reading(repository: Repository, { sha256, size }: BackupFile): Promise<Readable> {
  return reaching(repository, async () => {
    if (size >= SMALL_BYTES) {
      const content = await repository.read(objectKey(sha256));
      return Readable.from(telling(content, repository));
    }
    for (let attempt = 1; ; attempt++) {
      try {
        return Readable.from([await buffer(await repository.read(objectKey(sha256)))]);
      } catch (error) {
        if (attempt >= TRIES) throw error;
      }
    }
  });
}

async function* telling(content: Readable, repository: Repository): AsyncGenerator<Buffer> {
  try {
    yield* content;
  } catch (error) {
    throw unreachable(repository, error as Error);
  }
}

async function putList(room: Room, text: string): Promise<void> {
  const archive = pack();
  archive.entry({ name: LIST.slice(1), mode: 0o644 }, text);
  archive.finalize();
  await room.put(await buffer(archive), "/");
}
