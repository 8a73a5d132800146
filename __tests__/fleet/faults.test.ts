import { describe, expect, test } from "vitest";
import { NO_CHANGE } from "../e2e/support/stack";
import { useFleet } from "./support/deployed";
import { GroupStores } from "./support/groups";
import { context, faults } from "./support/shared-rig";
import { HOLD_SECONDS, survive } from "./support/survive";
import { untilReady } from "./support/trial";

/** How long a group is away: long enough for queues that fill and are drained; a run of CI has less time. */
const OUTAGE_SECONDS = context.full ? 600 : 60;

describe(`three nodes (${context.title})`, () => {
  const { stack, deployment } = useFleet();

  test("the first is ready before there are others, whichever it is", () => {
    expect(deployment().alone).toEqual({ status: 200, text: "ready" });
  });

  test("need nothing more: every second plan is empty", async () => {
    for (const node of stack.nodes) expect(await stack.plan(node), node).toEqual(NO_CHANGE);
  });

  test("count the same everywhere when nothing is wrong", async () => {
    await survive(stack, { name: "nothing", begin: async () => undefined, holdSeconds: 5, doubleShare: 0 });
  });

  test("kill -9 of every container of one node in turn", async () => {
    const begin = async (): Promise<void> => {
      for (const service of await stack.services("node1")) {
        await faults.kill(stack.container("node1", service));
        await untilReady(stack, "node1");
      }
    };
    await survive(stack, { name: "kill of each container", begin });
  });

  test("a storage hangs", async () => {
    const host = stack.host("node1");
    const container = stack.container("node1", "vlstorage");
    await survive(stack, {
      name: "vlstorage hangs",
      begin: () => faults.freeze(host, container),
      holdSeconds: HOLD_SECONDS,
      end: () => faults.thaw(host, container),
    });
  });

  test("a host crashes and comes back", async () => {
    const host = stack.host("node2");
    await survive(stack, {
      name: "crash of a host",
      struck: ["node2"],
      begin: () => faults.crash(host),
      holdSeconds: HOLD_SECONDS,
      end: () => faults.boot(host),
    });
  });

  test("a host is cut off and joins again", async () => {
    const host = stack.host("node2");
    await survive(stack, {
      name: "cut of a host",
      struck: ["node2"],
      begin: () => faults.cut(host),
      holdSeconds: HOLD_SECONDS,
      end: () => faults.join(host),
    });
  });

  test(`all stores of a group are away for ${OUTAGE_SECONDS} s`, { timeout: 2_700_000 }, async () => {
    const stores = new GroupStores(stack, faults);
    await survive(stack, {
      name: `outage of group a for ${OUTAGE_SECONDS} s`,
      begin: () => stores.stop("a"),
      holdSeconds: OUTAGE_SECONDS,
      end: () => stores.start("a"),
      // Hosts that share two cores and a disk drain about twice as fast as is sent.
      drainSeconds: 180 + OUTAGE_SECONDS,
      eachGroup: true,
    });
  });
});
