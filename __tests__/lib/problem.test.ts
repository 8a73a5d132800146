import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { formatProblem, formatProblems, type Problem, ProblemError } from "../../lib";
import { PROBLEM_CODES, refuse } from "../../lib/problem";
import { ROOT } from "../support/folders";

const problem: Problem = {
  code: "fleet/no-nodes",
  what: "the fleet has no nodes",
  where: "fleet.nodes",
  fix: "add one",
};

const sources = ["lib", "inputs", "constructs", "cli"]
  .filter((folder) => existsSync(join(ROOT, folder)))
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && file !== "problem.ts")
      .map((file) => readFileSync(join(ROOT, folder, file), "utf8")),
  )
  .join("\n");

test.each(PROBLEM_CODES)("%s is reported somewhere", (code) => {
  expect(sources).toContain(`"${code}"`);
});

const ERRORS = join(ROOT, "docs", "errors.md");
test.each(PROBLEM_CODES)("%s is explained in docs/errors.md", (code) => {
  expect(readFileSync(ERRORS, "utf8")).toContain(`\`${code}\``);
});

test("docs/errors.md explains every code that is reported, and no other", () => {
  const explained = [...readFileSync(ERRORS, "utf8").matchAll(/`([a-z]+\/[a-z-]+)`/g)].map(([, code]) => code);
  expect(explained.filter((code) => !sources.includes(`"${code}"`))).toEqual([]);
  const reported = [...sources.matchAll(/code: "([a-z]+\/[a-z-]+)"/g)].map(([, code]) => code);
  expect(reported.filter((code) => !explained.includes(code))).toEqual([]);
});

test("says what, where and how to mend it", () => {
  expect(formatProblem(problem)).toBe(
    "error fleet/no-nodes\n  what   the fleet has no nodes\n  where  fleet.nodes\n  fix    add one",
  );
});

test("shows what a terminal would obey by its code point, wherever it stands", () => {
  const sly = "a\nb\u001b[31m\u009b\u007f\u202E\u2028";
  const shown = "a\\u{a}b\\u{1b}[31m\\u{9b}\\u{7f}\\u{202e}\\u{2028}";
  expect(formatProblem({ ...problem, what: sly, where: sly, fix: sly }).split("\n")).toEqual([
    "error fleet/no-nodes",
    `  what   ${shown}`,
    `  where  ${shown}`,
    `  fix    ${shown}`,
  ]);
});

test.each([
  [1, "1 problem; nothing was changed"],
  [2, "2 problems; nothing was changed"],
])("%d of them end with the count", (count, last) => {
  const lines = formatProblems(Array.from({ length: count }, () => problem)).split("\n");
  expect(lines.at(-1)).toBe(last);
  expect(lines.filter((line) => line.startsWith("error "))).toHaveLength(count);
});

test("an error that holds them is told from any other, also across two copies of the package", () => {
  const error = new ProblemError([problem]);
  const foreign = Object.assign(new Error("x"), { name: "ProblemError", problems: [problem] });
  expect([error, foreign, new Error("x"), { problems: [] }, undefined].map(ProblemError.is)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test("nothing is refused without a problem", () => {
  expect(() => refuse([])).not.toThrow();
  expect(() => refuse([problem])).toThrow(ProblemError);
});
