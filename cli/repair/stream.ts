import type { Row } from "./row";

export interface Tag {
  readonly name: string;
  readonly value: string;
}

/**
 * Takes a stream's text apart. Names stand in it without quotes, so that the text alone may be read in two ways; but a
 * store keeps the tags as fields of every row too, and those decide.
 * @returns nothing when a field says otherwise than the text: such a row cannot be copied exactly
 */
export function tagsOf({ stream, fields }: Pick<Row, "stream" | "fields">): readonly Tag[] | undefined {
  if (stream === "{}") return [];
  if (!stream.startsWith("{")) return undefined;
  // Rows that a store keeps for itself, as an index of traces, may have tags that are no fields.
  const plain = (name: string): boolean => !fields.has(name) && PLAIN.test(name);
  return (
    tagsFrom(stream, 1, ({ name, value }) => fields.get(name) === value) ??
    tagsFrom(stream, 1, ({ name, value }) => fields.get(name) === value || plain(name))
  );
}

function tagsFrom(stream: string, at: number, holds: (tag: Tag) => boolean): readonly Tag[] | undefined {
  for (let equals = stream.indexOf('="', at); equals >= 0; equals = stream.indexOf('="', equals + 1)) {
    const quoted = QUOTED.exec(stream.slice(equals + 1))?.[0];
    if (quoted === undefined) continue;
    const tag = { name: stream.slice(at, equals), value: unquote(quoted) };
    if (!holds(tag)) continue;
    const end = equals + 1 + quoted.length;
    if (stream.slice(end) === "}") return [tag];
    const others = stream[end] === "," ? tagsFrom(stream, end + 1, holds) : undefined;
    if (others !== undefined) return [tag, ...others];
  }
  return undefined;
}

/** A name that cannot be mistaken for the end of another tag. */
const PLAIN = /^[^"=,{}]+$/;
const QUOTED = /^"(?:[^"\\]|\\.)*"/s;
/** Go writes digits above nine in lower case; `u` and `U` differ in how many follow. */
const ESCAPE = /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))/gs;
const NAMED: Readonly<Record<string, string>> = {
  ...{ a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" },
};

/** A quoted text of the Go language, one byte per character. */
function unquote(quoted: string): string {
  return quoted.slice(1, -1).replace(ESCAPE, (_, byte, short, long, plain) => {
    if (byte !== undefined) return String.fromCharCode(Number.parseInt(byte, 16));
    if (plain !== undefined) return NAMED[plain] ?? plain;
    return Buffer.from(String.fromCodePoint(Number.parseInt(short ?? long, 16)), "utf8").toString("latin1");
  });
}
