import type { Row } from "./row";

export interface Tag {
  readonly name: string;
  readonly value: string;
}

/**
 * Takes a stream's text apart. Names stand in it without quotes, so that the text alone may be read in two ways; but a
 * store keeps the tags as fields of every row too, and those decide.
 * @returns nothing when the row's fields do not explain the text: such a row cannot be copied exactly
 */
export function tagsOf({ stream, fields }: Pick<Row, "stream" | "fields">): readonly Tag[] | undefined {
  if (stream === "{}") return [];
  return stream.startsWith("{") ? tagsFrom(stream, 1, fields) : undefined;
}

function tagsFrom(stream: string, at: number, fields: Row["fields"]): readonly Tag[] | undefined {
  for (let equals = stream.indexOf('="', at); equals >= 0; equals = stream.indexOf('="', equals + 1)) {
    const name = stream.slice(at, equals);
    const value = fields.get(name);
    if (value === undefined) continue;
    const quoted = QUOTED.exec(stream.slice(equals + 1))?.[0];
    if (quoted === undefined || unquote(quoted) !== value) continue;
    const end = equals + 1 + quoted.length;
    if (stream.slice(end) === "}") return [{ name, value }];
    const others = stream[end] === "," ? tagsFrom(stream, end + 1, fields) : undefined;
    if (others !== undefined) return [{ name, value }, ...others];
  }
  return undefined;
}

const QUOTED = /^"(?:[^"\\]|\\.)*"/s;
const ESCAPE = /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))/gis;
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
