import { expect, test } from "vitest";
import { nodePlan } from "../support/fleets";
import { containerOf, synthNode } from "../support/synth";

test("a store without a shell is asked by its own program, and no deploy waits for that", () => {
  const vlstorage = containerOf(synthNode(nodePlan({})), "vlstorage");
  expect(vlstorage).toMatchObject({
    healthcheck: { test: ["CMD", "/victoria-logs-prod", "-health", "-httpListenAddr=:9491"], interval: "30s" },
  });
  expect(vlstorage).not.toHaveProperty("wait");
});
