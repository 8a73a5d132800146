import { expect, test } from "vitest";
import { groupOf, planGroups } from "../../../lib/plan/groups";

const names = (count: number) => Array.from({ length: count }, (_, i) => `node${i + 1}`);

test.each([
  [1, ["node1"], []],
  [2, ["node1"], ["node2"]],
  [3, ["node1", "node3"], ["node2"]],
  [4, ["node1", "node3"], ["node2", "node4"]],
  [10, ["node1", "node3", "node5", "node7", "node9"], ["node2", "node4", "node6", "node8", "node10"]],
])("%d nodes are in these groups", (count, a, b) => {
  expect(planGroups(names(count))).toEqual({ a, b });
});

test("a node that is added moves nobody", () => {
  for (let count = 1; count < 100; count++) {
    const before = planGroups(names(count));
    const after = planGroups(names(count + 1));
    expect(after.a.slice(0, before.a.length)).toEqual(before.a);
    expect(after.b.slice(0, before.b.length)).toEqual(before.b);
  }
});

test("the group of a position is the group that its node is listed in", () => {
  const groups = planGroups(names(10));
  names(10).forEach((name, index) => {
    expect(groups[groupOf(index)]).toContain(name);
  });
});
