import { expect, test } from "vitest";
import { line, renderSections, renderWord } from "../../../lib/haproxy/section";
import { codesOf, problemsOf } from "../../support/problems";

test.each<[string | number, string]>([
  ["plain", "plain"],
  [42, "42"],
  ["10.0.0.1:80", "10.0.0.1:80"],
  ["", "''"],
  ["two words", "'two words'"],
  ["a#b", "'a#b'"],
  ['say "hi"', `'say "hi"'`],
  ["it's", String.raw`'it'\''s'`],
  ["'", String.raw`''\'''`],
  ["back\\slash", "'back\\slash'"],
  ["$HOME", "'$HOME'"],
  ["${HOME}", "'${HOME}'"],
  ["%[src]", "%[src]"],
  ["größe", "größe"],
  ["a\u00a0b", "'a\u00a0b'"],
])("%j is written as %s", (value, written) => {
  expect(renderWord(value)).toBe(written);
});

test.each(["\n", "\r", "\t", "\0", "\u001b", "\u007f", "\u0085"])("fails for the control character %j", (character) => {
  expect(codesOf(problemsOf(() => renderWord(`a${character}b`)))).toEqual([["fleet/text-unsafe", "haproxy.cfg"]]);
});

test("writes a section with its name, what it inherits from, and one directive a line", () => {
  const text = renderSections([
    { kind: "global", lines: [["maxconn", 3000]] },
    { kind: "backend", name: "be", from: "base", lines: [["server", "a b", "a:1"]] },
  ]);
  expect(text).toBe(
    "# Rendered by mirador-stack. Edit the fleet, not this file.\n\nglobal\n    maxconn 3000\n\nbackend be from base\n    server 'a b' a:1\n",
  );
});

test.each([
  ["plain words", line`timeout server 30s`, ["timeout", "server", "30s"]],
  ["words over several spaces and lines", line`  a   b\n    c `, ["a", "b", "c"]],
  ["a value with spaces as one word", line`string ${"two words"} if`, ["string", "two words", "if"]],
  ["a value within a word", line`bind :${80} crt`, ["bind", ":80", "crt"]],
  ["values that touch", line`server ${"a"} ${"h"}:${1}`, ["server", "a", "h:1"]],
  ["a value that looks like more words", line`user ${"x password y"}`, ["user", "x password y"]],
  ["an empty value as a word of its own", line`string ${""} if`, ["string", "", "if"]],
])("reads %s", (_, directive, words) => {
  expect(directive).toEqual(words);
});
