import { expect, test } from "vitest";
import { coreCount, goDuration } from "../../../lib/terraform/duration";
import { literal } from "../../../lib/terraform/literal";
import { codesOf, problemsOf } from "../../support/problems";

test.each([
  [0, "0s"],
  [1, "1s"],
  [59, "59s"],
  [60, "1m0s"],
  [61, "1m1s"],
  [600, "10m0s"],
])("%d seconds are %s to Go", (seconds, text) => {
  expect(goDuration(seconds)).toBe(text);
});

test.each([
  [1, "1.0"],
  [16, "16.0"],
  [0.5, "0.5"],
  [1.25, "1.25"],
])("%d cores are read back as %s", (cores, text) => {
  expect(coreCount(cores)).toBe(text);
});

test.each([
  ["plain", "plain"],
  ["${HOME}", "$${HOME}"],
  ["%{if}", "%%{if}"],
  ["$HOME %h $$ %%", "$HOME %h $$ %%"],
  ['"quotes" and \\ and \n', '"quotes" and \\ and \n'],
  ["größe \u{1F511}", "größe \u{1F511}"],
])("%j is written as %j", (text, written) => {
  expect(literal(text)).toBe(written);
});

test("fails for a reference that only Terraform could resolve", () => {
  const attempt = () => literal("http://${TfToken[TOKEN.3]}:80");
  expect(codesOf(problemsOf(attempt))).toEqual([["terraform/reference-in-literal", "http://${TfToken[TOKEN.3]}:80"]]);
});
