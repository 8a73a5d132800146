import { join } from "node:path";
import { expect, test } from "vitest";
import { leftNodeTroubles, nodesInState } from "../../../cli/up/left-nodes";
import { temporaryFolder } from "../../support/folders";

const state = (...ids: readonly string[]) =>
  JSON.stringify({
    resources: [{ type: "docker_container", instances: ids.map((id) => ({ attributes: { id } })) }],
  });
const FLEET = {
  name: "shop",
  nodes: [{ name: "node1", address: "10.0.0.11", docker: { kind: "unix" }, pulls: true }],
} as const;

test("a state file with containers is a node; one of a node that was destroyed is none", () => {
  const folder = temporaryFolder({
    "shop/node1.tfstate": state("1"),
    "shop/node4.tfstate": state("2", "3"),
    "shop/node5.tfstate": state(),
    "shop/node4.tfstate.backup": state("9"),
    "node6.tfstate": state("6"),
    "other/node7.tfstate": state("7"),
  });
  const found = nodesInState(folder, FLEET);
  expect(found.map(({ name }) => name)).toEqual(["node1", "node4"]);
  expect(nodesInState(folder, { name: "mirador" }).map(({ name }) => name)).toEqual(["node6"]);
  expect(nodesInState(join(folder, "none"), FLEET)).toEqual([]);
});

test("fails for a node that the fleet does not name any more, once, with every place where it was found", () => {
  const found = [
    { name: "node1", where: "state1" },
    { name: "node4", where: "state4" },
    { name: "node4", where: "ssh://host4" },
  ];
  expect(leftNodeTroubles(FLEET, found)).toMatchObject([
    { code: "fleet/node-taken-out", where: "state4, ssh://host4", what: expect.stringContaining("node4 is not in") },
  ]);
});
