import { describe, expect, test } from "vitest";
import { NO_CHANGE } from "../../e2e/support/stack";
import { useFleet } from "../support/deployed";
import { fleetOn } from "../support/fleets";
import { context, faults, rig } from "../support/shared-rig";
import { HOLD_SECONDS, survive } from "../support/survive";

const pair = fleetOn(rig.hosts.slice(0, 2), "pair", context.metricsLayout);

describe(`two nodes (${context.title})`, () => {
  const { stack } = useFleet(pair);

  test("need nothing more: every second plan is empty", async () => {
    for (const node of stack.nodes) expect(await stack.plan(node), node).toEqual(NO_CHANGE);
  });

  test("kill -9 of vlstorage on one node", async () => {
    const begin = () => faults.kill(stack.container("node1", "vlstorage"));
    await survive(stack, { name: "two nodes: kill vlstorage", begin });
  });

  test.each(["node1", "node2"])("the host of %s crashes and comes back", async (node) => {
    const host = stack.host(node);
    await survive(stack, {
      name: `two nodes: crash of ${node}`,
      struck: [node],
      begin: () => faults.crash(host),
      holdSeconds: HOLD_SECONDS,
      end: () => faults.boot(host),
    });
  });
});
