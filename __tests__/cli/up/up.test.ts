import { CommanderError } from "commander";
import { describe, expect, test } from "vitest";
import { chosenNodes } from "../../../cli/chosen";
import { EXIT } from "../../../cli/failure";
import { inTurns } from "../../../cli/in-turns";
import { commandLine } from "../../../cli/mirador";
import { outcomeOf } from "../../../cli/session";
import { removedData } from "../../../cli/up/plans";
import { addressTroubles } from "../../../cli/up/preflight";
import { inBestOrder } from "../../../cli/up/roll-out";
import { stoppedAt, summaryOf } from "../../../cli/up/run";

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
    program.parse(["up", ...argv], { from: "user" });
    return { text, asked, exitCode: EXIT.ok };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { text, asked, exitCode: outcomeOf(error).exitCode };
  }
}

test.each([
  ["a third node", ["3a new", "2b well", "1a well"]],
  ["nodes of both groups", ["3a new", "4b new", "1a well", "2b well"]],
  ["nothing, and one is half done", ["2b unwell", "1a well", "3a well"]],
])("the best order of a fleet that got %s", (_, expected) => {
  const nodes = expected.toSorted();
  const order = inBestOrder(nodes, (node) => ({
    group: node.startsWith("a", 1) ? "a" : "b",
    state: node.endsWith("new") ? "new" : node.endsWith("unwell") ? "unwell" : "well",
  }));
  expect(order).toEqual(expected);
});

test("help says what it does, in which order, and how it ends", async () => {
  const { exitCode, text } = parse("--help");
  expect(exitCode).toBe(EXIT.ok);
  await expect(text).toMatchFileSnapshot("../__fixtures__/up-help.txt");
});

test.each([[[]], [["node1", "node3"]], [["--wait", "90s"]], [["--check", "node2"]]])("%j is understood", (argv) => {
  expect(parse(...argv)).toMatchObject({ asked: true, exitCode: EXIT.ok });
});

test.each([[["--wait", "10"]], [["--wait", "soon"]], [["--nope"]]])("fails with 64 on %j", (argv) => {
  expect(parse(...argv)).toMatchObject({ asked: false, exitCode: EXIT.usage });
});

describe("nodes", () => {
  const all = ["node1", "node2", "node3"].map((name) => ({ name }));

  test("are all of them, or those that are named, once each and in that order", () => {
    expect(chosenNodes(all, [])).toEqual(all);
    expect(chosenNodes(all, ["node3", "node1", "node3"])).toEqual([{ name: "node3" }, { name: "node1" }]);
  });

  test("fails for names that the fleet does not have, all at once", () => {
    expect(() => chosenNodes(all, ["nod1", "node2", "xyz"])).toThrow(
      /fleet\/unknown-node[\s\S]*nod1, xyz[\s\S]*did you mean node1\? name some of: node1 node2 node3$/,
    );
  });
});

test("an address that the host does not have is told with those that it has", () => {
  const about = { name: "node2", where: "fleet.nodes[1]" };
  const addresses = ["127.0.0.1", "10.0.0.12", "172.17.0.1"];
  expect(addressTroubles(about, "10.0.0.12", { addresses })).toEqual([]);
  // The kernel did not tell any.
  expect(addressTroubles(about, "10.0.0.12", { addresses: [] })).toEqual([]);
  expect(addressTroubles(about, "10.0.0.13", { addresses })).toMatchObject([
    {
      code: "machine/address-not-here",
      what: "10.0.0.13 is no address of the host of node2, which has 10.0.0.12, 172.17.0.1",
      where: "fleet.nodes[1].address",
    },
  ]);
});

test("no more items are worked on than were asked for, and the results keep their order", async () => {
  let [now, most] = [0, 0];
  const results = await inTurns([30, 1, 10, 1, 1], 2, async (milliseconds) => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    now--;
    return milliseconds * 2;
  });
  expect(results).toEqual([60, 2, 20, 2, 2]);
  expect(most).toBe(2);
});

test("at the end every node is accounted for", () => {
  const rolled = { changed: ["node2"], unchanged: ["node1"], untouched: [] };
  expect(summaryOf(rolled, 61.4)).toBe("Changed: node2; node1 had nothing to change; 61 s in all");
  expect(summaryOf({ ...rolled, changed: [] }, 4)).toBe("Nothing to change: node1 as the fleet says, 4 s in all");
  const stopped = stoppedAt({ ...rolled, failed: "node3", untouched: ["node4"] });
  expect(stopped.slice(1, 4)).toEqual(["stopped at   node3", "as wanted    node2, node1", "untouched    node4"]);
});

test("a deploy that would remove data is refused; HAProxy's own volume is not data", () => {
  const removedVolumes = ["mirador_node1-haproxy-config", "mirador_node1-logs-data"];
  expect(removedData("node1", { removedVolumes })).toMatchObject([
    {
      code: "plan/removes-data",
      what: expect.stringMatching(/^a deploy of node1 would remove mirador_node1-logs-data /),
    },
  ]);
  expect(removedData("node1", { removedVolumes: removedVolumes.slice(0, 1) })).toEqual([]);
});
