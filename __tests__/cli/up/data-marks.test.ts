import { expect, test } from "vitest";
import { dataTroubles } from "../../../cli/up/data-marks";
import type { DataVolume } from "../../../lib/plan/service-plan";

const NODE = { name: "node1", where: "fleet.nodes[0]" };
const VOLUME: DataVolume = {
  source: "f_node1-logs-data",
  owner: "1000:1000",
  format: "logs",
  group: "a",
  members: ["node1", "node3"],
};
const troubles = (marks: object) => dataTroubles(NODE, [VOLUME], { [VOLUME.source]: marks });

test("data that is as wanted, that is new, or that nothing is written on, is fine", () => {
  expect(troubles({ format: "logs", group: "a", members: ["node1"] })).toEqual([]);
  expect(troubles({})).toEqual([]);
  expect(dataTroubles(NODE, [VOLUME], {})).toEqual([]);
});

test("fails with all of it at once: another format, a member that is gone", () => {
  const found = troubles({ format: "metrics-single", group: "a", members: ["node1", "node5"] });
  expect(found.map(({ code }) => code)).toEqual(["data/other-format", "data/member-gone"]);
  expect(found[1]?.what).toContain("node5 held a part of the data of node1's group");
  expect(found[1]?.fix).toContain("echo node1 node3 > f_node1-logs-data/.mirador-members");
});

test("fails for another group, and does not miss that group's members then", () => {
  const found = troubles({ group: "b", members: ["node2"] });
  expect(found).toMatchObject([{ code: "data/other-group", where: "fleet.nodes[0]" }]);
});
