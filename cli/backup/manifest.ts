import { createHash } from "node:crypto";
import { z } from "zod";
import type { Trouble } from "../failure";

/** Of what lies in a repository; a newer one may say things that this program does not know. */
export const FORMAT = 1;

/** What a path of a backup may be: below its store's folder, in names that a shell and a tar archive take as they are. */
const PATH = /^(?!.*(?:^|\/)\.\.?(?:\/|$))[\w.-]+(?:\/[\w.-]+)*$/;

const file = z.strictObject({
  /** Below the folder of the store. */
  path: z.string().regex(PATH),
  /** Bytes. */
  size: z.number().int().nonnegative(),
  /** Seconds since 1970. */
  changed: z.number().int(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Rows of the part that this file describes. */
  rows: z.number().int().nonnegative().optional(),
});

const store = z.strictObject({
  signal: z.enum(["metrics", "logs", "traces"]),
  layout: z.enum(["cluster", "single"]),
  node: z.string(),
  /** Storage group; each one has everything. */
  group: z.enum(["a", "b"]),
  service: z.string(),
  /** Of the program that wrote the data. */
  version: z.string(),
  /** ISO 8601: everything that was in the store then, and nothing younger. */
  frozen: z.string(),
  /** Samples, logs or spans in its parts. */
  rows: z.number().int().nonnegative(),
  files: z.array(file),
});

const manifest = z.strictObject({
  format: z.literal(FORMAT),
  id: z.string(),
  fleet: z.string(),
  /** Bytes that waited for the stores when they were frozen, and are not in the backup. */
  waiting: z.number().nonnegative(),
  /** For each signal in the order of the group's nodes: the place is the shard. */
  stores: z.array(store),
});

/** A file of a store as it was frozen. */
export type BackupFile = z.infer<typeof file>;
/** One store of one node as it was frozen. */
export type BackupStore = z.infer<typeof store>;
/** One backup: at least one storage group of each signal, complete. */
export type Manifest = z.infer<typeof manifest>;

/** Sorts as it was taken. @returns such as `20261123T141500Z` */
export function idOf(date: Date): string {
  return date.toISOString().replace(/[-:]|\.\d+/g, "");
}

export const bytesOf = ({ files }: Pick<BackupStore, "files">): number =>
  files.reduce((all, { size }) => all + size, 0);

/** The text of a manifest, which tells whether it is whole. */
export function manifestText(backup: Manifest): string {
  return `${JSON.stringify({ sha256: digest(JSON.stringify(backup)), backup })}\n`;
}

/** @param where to say in an error @returns what is wrong with it instead of the manifest */
export function parseManifest(text: string, where: string): Manifest | Trouble {
  const said = parseJson(text);
  const format = (said as { backup?: { format?: unknown } } | undefined)?.backup?.format;
  if (typeof format === "number" && format > FORMAT) {
    return {
      code: "backup/newer-version",
      what: `the backup has format ${format}, and this program knows ${FORMAT} at most`,
      where,
      fix: "use the version of Mirador Stack that made it, or a newer one",
    };
  }
  const { sha256, backup } = (said ?? {}) as { sha256?: unknown; backup?: unknown };
  const parsed = manifest.safeParse(backup);
  if (parsed.success && sha256 === digest(JSON.stringify(backup))) return parsed.data;
  return {
    code: "backup/damaged",
    what:
      said === undefined
        ? "the list of the backup's files is cut off or is no JSON"
        : "the list of the backup's files is not what was written",
    where,
    fix: "take another backup (mirador backup list shows them), or get the file again from where it was copied",
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
