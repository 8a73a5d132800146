import { expect, test } from "vitest";
import { nearest } from "../../lib/nearest";

test.each([
  ["gatewy", "gateway"],
  ["nod1", "node1"],
  ["vmstorrage", "vmstorage"],
  ["isolatonforst", "isolationforest"],
  ["x", undefined],
  ["prometheus", undefined],
])("%s was probably meant to be %s", (name, meant) => {
  expect(nearest(name, ["node1", "node2", "gateway", "vmstorage", "isolationforest"])).toBe(meant);
});

test("nothing is near where nothing is known", () => {
  expect(nearest("node1", [])).toBeUndefined();
});
