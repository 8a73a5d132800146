import { createHash } from "node:crypto";

/**
 * A stored row of logs or traces. Texts hold one byte per character: stores keep bytes as they came, valid UTF-8 or not,
 * and a row must arrive at the other group byte for byte.
 */
export interface Row {
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  /** As the store shows it: `{name="value",...}`. */
  readonly stream: string;
  /** The store's own number of the stream. */
  readonly streamId: string;
  /** Everything else, by name; no value is empty, since stores know no difference between empty and absent. */
  readonly fields: ReadonlyMap<string, string>;
}

const OWN_FIELDS = new Set(["_time", "_stream", "_stream_id"]);

/**
 * Reads a line of an answer to a LogsQL query.
 * @param line of JSON, one byte per character
 * @throws Error when it is no row: a store that breaks off writes its error into the body, with status 200
 */
export function parseRow(line: string): Row {
  const found = parseLine(line);
  const { _time: time, _stream: stream, _stream_id: streamId } = found;
  if (time === undefined || stream === undefined) throw new Error(`no row, but ${line.slice(0, 200)}`);
  const fields = Object.entries(found).filter(([name, value]) => !OWN_FIELDS.has(name) && value !== "");
  return { time: parseTime(time), stream, streamId: streamId ?? stream, fields: new Map(fields) };
}

/** The texts of a line of JSON, by name, one byte per character. @throws Error when it is something else */
export function parseLine(line: string): Readonly<Record<string, string>> {
  let found: unknown;
  try {
    found = JSON.parse(line);
  } catch {
    found = undefined;
  }
  if (typeof found !== "object" || found === null) throw new Error(`no row, but ${line.slice(0, 200)}`);
  return Object.fromEntries(Object.entries(found).map(([name, value]) => [bytesOf(name), bytesOf(String(value))]));
}

/** An escape such as \u2028 is one character and three bytes. */
function bytesOf(text: string): string {
  return /[^\0-\xff]/.test(text)
    ? text.replace(/[^\0-\xff]+/g, (found) => Buffer.from(found, "utf8").toString("latin1"))
    : text;
}

/** @param text RFC 3339 in UTC, with up to nine digits behind the second @returns nanoseconds since 1970 */
export function parseTime(text: string): bigint {
  const found = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(text);
  if (found === null) throw new Error(`no time, but ${text.slice(0, 200)}`);
  const [, seconds, fraction = ""] = found;
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** What {@link parseTime} reads, always with nine digits: stores round what has fewer up to the end of its unit. */
export function formatTime(time: bigint): string {
  const seconds = new Date(Number(time / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(time % 1_000_000_000n).padStart(9, "0")}Z`;
}

/**
 * The same text for equal rows and for no others: time, stream and all fields, in whatever order a store answers them.
 * Short, because the set of all rows of a range is held in memory.
 */
export function identityOf({ time, stream, fields }: Row): string {
  const hash = createHash("sha1");
  const add = (text: string) => hash.update(`${text.length}:${text}`, "latin1");
  add(String(time));
  add(stream);
  for (const [name, value] of [...fields].sort(([a], [b]) => (a < b ? -1 : 1))) {
    add(name);
    add(value);
  }
  return hash.digest("base64");
}
