import type { Row } from "./row";
import { type Tag, tagsOf } from "./stream";

/** Of the protocol by which an insert role hands rows to a storage; both sides refuse any other version. */
export const INSERT_PATH = "/internal/insert?version=v1";

/**
 * Writes rows as insert roles of VictoriaLogs and VictoriaTraces hand them to storages: the only way in that takes a
 * row with its stream, its time to the nanosecond and its fields as they are, and changes none of them.
 */
export class RowEncoder {
  private readonly streams = new Map<string, Buffer>();

  /** @returns nothing for a row whose stream cannot be told exactly */
  public encode(row: Row): Buffer | undefined {
    const stream = this.streamOf(row);
    if (stream === undefined) return undefined;
    const head = Buffer.alloc(16);
    // Tenant 0:0, the only one that a fleet writes; then the stream, and the time.
    const time = head.subarray(8);
    time.writeBigInt64BE(row.time);
    const parts = [head.subarray(0, 8), length(stream.length), stream, time, length(row.fields.size)];
    for (const [name, value] of row.fields) {
      // The message is the field without a name.
      const text = Buffer.from(name === "_msg" ? "" : name, "latin1");
      const bytes = Buffer.from(value, "latin1");
      parts.push(length(text.length), text, length(bytes.length), bytes);
    }
    return Buffer.concat(parts);
  }

  private streamOf(row: Row): Buffer | undefined {
    const known = this.streams.get(row.streamId);
    if (known !== undefined) return known;
    const tags = tagsOf(row);
    if (tags === undefined) return undefined;
    // A store with a stream for every row must not fill the memory of who repairs it.
    if (this.streams.size >= MAX_STREAMS) this.streams.clear();
    const encoded = encodeTags(tags);
    this.streams.set(row.streamId, encoded);
    return encoded;
  }
}

const MAX_STREAMS = 10_000;

/** The form that a stream's number is computed from: the tags in the order of the stream's text, which is sorted. */
function encodeTags(tags: readonly Tag[]): Buffer {
  const parts = [length(tags.length)];
  for (const { name, value } of tags) {
    for (const text of [name, value]) parts.push(length(text.length), Buffer.from(text, "latin1"));
  }
  return Buffer.concat(parts);
}

/** Seven bits a byte, the lowest first; the highest bit says that more follow. */
function length(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) + 0x80);
  return Buffer.from([...bytes, left]);
}
