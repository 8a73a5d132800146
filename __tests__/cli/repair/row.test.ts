import { describe, expect, test } from "vitest";
import { RowEncoder } from "../../../cli/repair/encode";
import { formatTime, identityOf, parseRow, parseTime } from "../../../cli/repair/row";
import { tagsOf } from "../../../cli/repair/stream";

const bytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
const line = (fields: Readonly<Record<string, string>>): string =>
  JSON.stringify({ _time: "2026-01-02T03:04:05.000000006Z", _stream: "{}", _stream_id: "00", ...fields });

describe("reading a row", () => {
  test("keeps bytes that are no valid UTF-8, and takes escapes for the bytes that they mean", () => {
    const { time, fields } = parseRow(
      line({ a: "HERE", _msg: "\xff\xfe", e: "" }).replace("HERE", "\\u2028\\u003c\\u0001"),
    );
    expect(time).toBe(1_767_323_045_000_000_006n);
    expect([...fields]).toEqual([
      ["_msg", "\xff\xfe"],
      ["a", `${bytes("\u2028")}<\x01`],
    ]);
  });

  test.each(["", "{", "[]", "cannot execute query: timeout", '{"error":"x"}', '{"_time":"now","_stream":"{}"}'])(
    "%j is no row: a store writes its error behind status 200",
    (text) => {
      expect(() => parseRow(text)).toThrow(/^no (row|time), but /);
    },
  );

  test.each(["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.1Z", "1970-01-01T00:00:00.000000001Z"])(
    "%s is the same time with nine digits",
    (text) => {
      const written = formatTime(parseTime(text));
      expect(written).toMatch(/\.\d{9}Z$/);
      expect(parseTime(written)).toBe(parseTime(text));
      expect(written.startsWith(text.slice(0, 19))).toBe(true);
    },
  );
});

describe("the identity of a row", () => {
  const identity = (fields: Readonly<Record<string, string>>): string => identityOf(parseRow(line(fields)));

  test("does not depend on the order of fields, nor on empty ones", () => {
    expect(identity({ b: "2", a: "1", c: "" })).toBe(identity({ a: "1", b: "2" }));
  });

  test("differs with any name, value, time and stream", () => {
    const all = [
      identity({ a: "1", b: "2" }),
      identity({ a: "12", b: "" }),
      identity({ a: "1", b: "3" }),
      identity({ a: "1", c: "2" }),
      identity({ "a1:11:b1": "2" }),
      identity({ a: "1", b: "2", _stream: '{a="1"}' }),
      identity({ a: "1", b: "2", _time: "2026-01-02T03:04:05.000000007Z" }),
    ];
    expect(new Set(all).size).toBe(all.length);
  });
});

describe("the tags of a stream", () => {
  const tags = (stream: string, fields: Readonly<Record<string, string>>): unknown =>
    tagsOf({ stream, fields: new Map(Object.entries(fields)) })?.map(({ name, value }) => [name, value]);

  test("are those that the row's fields explain, where the text can be read in two ways", () => {
    const stream = '{a="x",b="y"}';
    expect(tags(stream, { a: "x", b: "y" })).toEqual([
      ["a", "x"],
      ["b", "y"],
    ]);
    expect(tags(stream, { 'a="x",b': "y" })).toEqual([['a="x",b', "y"]]);
  });

  test("are unquoted as they were quoted", () => {
    const value = `"\\\n\x07\x7f\xff${bytes("ä\u2028\u{1f511}")}`;
    const quoted = `"\\"\\\\\\n\\a\\x7f\\xff${bytes("ä")}\\u2028\\U0001f511"`;
    expect(tags(`{od d=${quoted}}`, { "od d": value })).toEqual([["od d", value]]);
  });

  test("need no field where their names cannot be mistaken: a store's own index has rows of that kind", () => {
    expect(tags('{trace_id_idx_stream="7",b="y"}', { b: "y" })).toEqual([
      ["trace_id_idx_stream", "7"],
      ["b", "y"],
    ]);
  });

  test("are none for the stream without tags", () => {
    expect(tags("{}", { a: "x" })).toEqual([]);
  });

  test.each(['{a="x"}', '{a="1"', 'a="1"', '{a="1",}', "{a=1}", '{a="1";b="2"}'])("%s is not explained", (stream) => {
    expect(tags(stream, { a: "1", b: "2" })).toBeUndefined();
  });
});

describe("a row for the storages", () => {
  const encode = (fields: Readonly<Record<string, string>>): string | undefined =>
    new RowEncoder().encode(parseRow(line(fields)))?.toString("hex");

  test("is tenant, tags, time and fields; the message has no name", () => {
    expect(encode({ _stream: '{a="x"}', a: "x", _msg: "hi" })).toBe(
      [
        "0000000000000000",
        `05${"01"}0161${"0178"}`,
        1_767_323_045_000_000_006n.toString(16).padStart(16, "0"),
        "02",
        "00026869",
        "01610178",
      ].join(""),
    );
  });

  test("has lengths of seven bits a byte", () => {
    expect(encode({ _msg: "x".repeat(300) })).toContain(`0100ac02${"78".repeat(300)}`);
  });

  test("is not made where the stream cannot be told exactly", () => {
    expect(encode({ _stream: '{a="x"}', a: "y" })).toBeUndefined();
  });
});
