import { CommanderError } from "commander";
import { expect, test } from "vitest";
import { FAULT_KINDS } from "../../../cli/chaos/fault";
import { EXIT, Interrupted } from "../../../cli/failure";
import { commandLine } from "../../../cli/mirador";
import { inOrder, orderlyEnd } from "../../../cli/orderly";
import { outcomeOf } from "../../../cli/session";

function parse(...argv: string[]): { readonly text: string; readonly asked: boolean; readonly exitCode: number } {
  let text = "";
  let asked = false;
  const program = commandLine(
    () => {
      asked = true;
    },
    (more) => {
      text += more;
    },
  );
  try {
    program.parse(argv, { from: "user" });
    return { text, asked, exitCode: EXIT.ok };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { text, asked, exitCode: outcomeOf(error).exitCode };
  }
}

test.each(["chaos", "open"])("%s --help says what it does and how it ends", async (verb) => {
  const { exitCode, text } = parse(verb, "--help");
  expect(exitCode).toBe(EXIT.ok);
  await expect(text).toMatchFileSnapshot(`../__fixtures__/${verb}-help.txt`);
});

test.each(FAULT_KINDS)("chaos %s of a node, of services and for a time is understood", (kind) => {
  expect(parse("chaos", kind, "node2")).toMatchObject({ asked: true });
  expect(parse("chaos", kind, "node2", "gateway", "vlstorage", "--for", "10m", "--yes", "--json")).toMatchObject({
    asked: true,
  });
});

test.each([
  [["chaos"]],
  [["chaos", "kill"]],
  [["chaos", "melt", "node2"]],
  [["chaos", "kill", "node2", "--for", "0s"]],
  [["chaos", "kill", "node2", "--for", "30"]],
  [["chaos", "kill", "node2", "--for", "601s"]],
  [["chaos", "kill", "node2", "--for", "1h"]],
  [["open", "grafana"]],
  [["open", "logs", "node1", "node2"]],
])("fails with 64 on %j", (argv) => {
  expect(parse(...argv)).toMatchObject({ asked: false, exitCode: EXIT.usage });
});

test("while something has to come to its end, it is told; afterwards Ctrl-C ends the process again", async () => {
  expect(orderlyEnd()).toBeUndefined();
  await inOrder("the fault is undone first", async () => expect(orderlyEnd()).toBe("the fault is undone first"));
  await expect(inOrder("this too", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(orderlyEnd()).toBeUndefined();
});

test("an interruption says what is the case now", () => {
  expect(outcomeOf(new Interrupted("stopped", "the fault was undone"))).toEqual({
    text: "interrupted; the fault was undone",
    exitCode: EXIT.interrupted,
  });
  expect(outcomeOf(new Interrupted()).text).toBe("interrupted; the same command again completes what was begun");
});
