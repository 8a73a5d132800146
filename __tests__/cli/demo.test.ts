import { CommanderError } from "commander";
import { expect, test } from "vitest";
import { parseArguments } from "../../cli/demo";
import { CliError, EXIT, Interrupted } from "../../cli/failure";
import { outcomeOf } from "../../cli/session";
import { SynthError } from "../../cli/terraform";
import { ProblemError } from "../../lib/problem";

function parse(...argv: string[]): { action?: string; text: string; exitCode?: number } {
  let text = "";
  const write = (more: string): void => {
    text += more;
  };
  try {
    return { ...parseArguments(argv, write), text };
  } catch (error) {
    return { text, exitCode: outcomeOf(error).exitCode };
  }
}

test.each([
  [[], "up"],
  [["--down"], "down"],
  [["--clean"], "clean"],
  [["--down", "--clean"], "clean"],
])("%j means %s", (argv, action) => {
  expect(parse(...argv).action).toBe(action);
});

test.each([[["--nope"]], [["node1"]]])("fails with 64 on %j, and says where help is", (argv) => {
  const { exitCode, text } = parse(...argv);
  expect(exitCode).toBe(EXIT.usage);
  expect(text).toContain("npm run demo -- --help");
});

test("help says what it does, what it reads and how it ends", async () => {
  const { exitCode, text } = parse("--help");
  expect(exitCode).toBe(EXIT.ok);
  await expect(text).toMatchFileSnapshot("./__fixtures__/demo-help.txt");
});

const problem = { code: "fleet/no-nodes", what: "w", where: "fleet", fix: "f" } as const;

test.each([
  ["a wrong fleet", new ProblemError([problem]), EXIT.wrongFleet],
  ["a wrong fleet, told by the program", new SynthError("error fleet/no-nodes", 65), EXIT.wrongFleet],
  ["a broken world", new CliError({ code: "a/b", what: "w", fix: "f" }), EXIT.failed],
  ["an interruption", new Interrupted(), EXIT.interrupted],
  ["wrong usage", new CommanderError(1, "commander.unknownOption", "unknown"), EXIT.usage],
  ["a bug", new TypeError("x is not a function"), EXIT.failed],
])("%s has its own exit status", (_, error, exitCode) => {
  expect(outcomeOf(error).exitCode).toBe(exitCode);
});

test("an error reads as code, what, last lines, where and fix", () => {
  const error = new CliError({ code: "a/b", what: "one\ntwo", tail: ["said"], where: "here", fix: "do this" });
  expect(error.message).toBe(
    ["error a/b", "  what   one", "         two", "    | said", "  where  here", "  fix    do this"].join("\n"),
  );
});
