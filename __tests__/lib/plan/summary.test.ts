import { expect, test } from "vitest";
import { defineFleet } from "../../../lib";
import { summarizeFleet } from "../../../lib/plan/summary";
import { nodes } from "../../support/fleets";

test("one node survives nothing, and says so", () => {
  expect(summarizeFleet(defineFleet({ nodes: nodes(1) }))).toEqual([
    "node1  10.0.0.11        group a  metrics 1/1, logs 1/1, traces 1/1",
    "survives: no node. A store that is killed loses its last seconds; while the node is away nothing answers",
  ]);
});

test("three nodes: what each holds, and what may die", () => {
  expect(summarizeFleet(defineFleet({ nodes: nodes(3), layouts: { metrics: "single" } }))).toEqual([
    "node1  10.0.0.11        group a  metrics 1/1, logs 1/2, traces 1/2",
    "node2  10.0.0.12        group b  metrics 1/1, logs 1/1, traces 1/1",
    "node3  10.0.0.13        group a  metrics -, logs 2/2, traces 2/2",
    "survives: any one node, and any number of nodes of one group: the other group holds everything",
    "survives not: a node of each group at the same time (group a: node1, node3; group b: node2)",
  ]);
});
