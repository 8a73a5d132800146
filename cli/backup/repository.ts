import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { Environment } from "../../lib/fleet/environment";
import { CliError, type Trouble } from "../failure";
import { type Manifest, manifestText, parseManifest } from "./manifest";

/** Where backups lie: a folder, or a bucket. Keys are paths with `/`. */
export interface Repository {
  /** As a person names it. */
  readonly where: string;
  /** Bytes of everything below a folder, by key; nothing when there is none. */
  list(folder: string): Promise<ReadonlyMap<string, number>>;
  /** @throws Error when there is none */
  read(key: string): Promise<Readable>;
  /** All or nothing: a reader never sees a part of it. */
  write(key: string, content: Readable, size: number): Promise<void>;
  remove(key: string): Promise<void>;
}

const BACKUPS = "backups";
const OBJECTS = "objects";

/** A file's place is its content's, so that no content is kept twice, whichever backup and node it is of. */
export const objectKey = (sha256: string): string => `${OBJECTS}/${sha256.slice(0, 2)}/${sha256}`;

const manifestKey = (id: string): string => `${BACKUPS}/${id}.json`;

/** @param address a folder, or `s3://bucket/folder` @throws CliError when it is neither */
export async function openRepository(address: string, environment: Environment): Promise<Repository> {
  if (address.startsWith("s3://")) return (await import("./bucket")).openBucket(address, environment);
  if (/^\w+:\/\//.test(address)) {
    throw new CliError({
      code: "backup/unknown-place",
      what: `${address} is neither a folder nor a bucket`,
      where: "mirador backup",
      fix: "name a folder of this machine, or s3://<bucket>/<folder>",
    });
  }
  return (await import("./folder")).openFolder(address);
}

/** What is in a repository. */
export interface Catalog {
  /** The oldest first. */
  readonly backups: readonly Manifest[];
  /** Of backups that cannot be read. */
  readonly troubles: readonly Trouble[];
  /** Bytes of each content that is there, by its SHA-256. */
  readonly objects: ReadonlyMap<string, number>;
}

/** Which backups are read: the list of a large one takes megabytes. */
export type Wanted = "all" | "newest" | { readonly id: string };

/**
 * @param wanted of which the lists are read; with `newest`, that and those after it which cannot be read
 * @throws CliError `backup/unreachable` when the place does not answer
 */
export async function readCatalog(repository: Repository, wanted: Wanted = "all"): Promise<Catalog> {
  return reaching(repository, async () => {
    const [manifests, objects] = await Promise.all([repository.list(BACKUPS), repository.list(OBJECTS)]);
    const backups: Manifest[] = [];
    const troubles: Trouble[] = [];
    const keys = [...manifests.keys()].filter((name) => name.endsWith(".json")).toSorted();
    for (const key of wanted === "newest" ? keys.toReversed() : keys) {
      if (typeof wanted === "object" && key !== manifestKey(wanted.id)) continue;
      if (wanted === "newest" && backups.length > 0) break;
      const text = (await buffer(await repository.read(key))).toString("utf8");
      const found = parseManifest(text, `${repository.where}/${key}`);
      if ("code" in found) troubles.push(found);
      else backups.push(found);
    }
    const contents = [...objects].map(([key, size]) => [key.slice(key.lastIndexOf("/") + 1), size] as const);
    return { backups, troubles, objects: new Map(contents) };
  });
}

/** The last thing that is written of a backup: without it there is none. */
export async function writeManifest(repository: Repository, manifest: Manifest): Promise<void> {
  const text = manifestText(manifest);
  const trouble = parseManifest(text, manifestKey(manifest.id));
  // Better no backup than one that nobody can read.
  if ("code" in trouble) throw new CliError(trouble);
  const content = Buffer.from(text);
  await reaching(repository, () =>
    repository.write(manifestKey(manifest.id), Readable.from([content]), content.length),
  );
}

/**
 * Removes all but the newest backups, and then what no backup needs any more.
 * @param keep how many stay
 * @returns the ids that are gone
 */
export async function prune(repository: Repository, keep: number): Promise<readonly string[]> {
  const { backups, troubles, objects } = await readCatalog(repository);
  // What a list that cannot be read would need, is not known.
  if (troubles.length > 0) throw new CliError(troubles);
  const gone = backups.slice(0, Math.max(0, backups.length - keep));
  const kept = backups.slice(gone.length);
  const needed = new Set(
    kept.flatMap(({ stores }) => stores.flatMap(({ files }) => files.map(({ sha256 }) => sha256))),
  );
  return reaching(repository, async () => {
    // A backup goes before its contents do: one without some of them must not be found.
    for (const { id } of gone) await repository.remove(manifestKey(id));
    for (const sha256 of objects.keys()) if (!needed.has(sha256)) await repository.remove(objectKey(sha256));
    return gone.map(({ id }) => id);
  });
}

/** What the place says of itself, as something that a person can mend. */
export async function reaching<T>({ where }: Pick<Repository, "where">, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CliError) throw error;
    const { code, name, message } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT" || name === "QuotaExceeded") {
      throw new CliError({
        code: "backup/no-space",
        what: `there is no room left for the backup: ${message}`,
        where,
        fix: "free some space there (mirador backup prune), then run the same command again: what was written stays and is not sent again; earlier backups are whole",
      });
    }
    throw unreachable({ where }, error as NodeJS.ErrnoException);
  }
}

/** @param error of the place's own client */
export function unreachable(
  { where }: Pick<Repository, "where">,
  { code, name, message }: Pick<NodeJS.ErrnoException, "code" | "name" | "message">,
): CliError {
  return new CliError({
    code: "backup/unreachable",
    what: `the place of backups fails: ${[name === "Error" ? code : name, message].filter(Boolean).join(": ")}`,
    where,
    fix: where.startsWith("s3://")
      ? "look at the bucket's name, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL; what was written stays, and a rerun goes on from there"
      : "look whether the folder can be written by you; what was written stays, and a rerun goes on from there",
  });
}
