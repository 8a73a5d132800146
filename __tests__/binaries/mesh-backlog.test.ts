import { describe, expect } from "vitest";
import { testWith } from "../support/binaries";
import { choiceOf, FROM_A, FROM_B, logsOf, SLOW, stateOf, twoNodes } from "../support/two-nodes";

describe("what a group still lacks, over a real mesh", () => {
  testWith("haproxy")(
    "a group that takes nothing is left when little waits for it, one that is only slow is not",
    async () => {
      const { nodes } = await twoNodes();
      const [one, two] = nodes;
      for (const node of nodes) await expect.poll(() => stateOf(node), SLOW).toContain("firm logs a");
      for (let look = 0; look < 10; look++) {
        two.stores.waiting = { "otlp_http/store_vl_a": 900_000 - look * 50_000 };
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
      for (const node of nodes) expect(await choiceOf(node)).toContain("logs from group a");
      two.stores.waiting = { "otlp_http/store_vl_a": 200_000 };
      for (const node of nodes) await expect.poll(() => choiceOf(node), SLOW).toContain("logs from group b");
      expect(await logsOf(one)).toBe(FROM_B);
    },
  );

  testWith("haproxy")("a node that has lost its disk asks the others before it reads from its own group", async () => {
    const { nodes } = await twoNodes();
    const [one, two] = nodes;
    one.stores.answers = false;
    for (const node of nodes) await expect.poll(() => choiceOf(node), SLOW).toContain("logs from group b");
    await expect.poll(() => stateOf(two), SLOW).toContain("firm logs b");
    one.stores.answers = true;
    one.forget();
    await one.restart();
    await expect.poll(() => choiceOf(one), SLOW).toBe("ok; logs from group b; traces from group b");
    expect(await stateOf(one)).toContain("firm logs b");
  });

  testWith("haproxy")("what an agent has still to send counts as well", async () => {
    const { nodes } = await twoNodes();
    const [one, two] = nodes;
    for (const node of nodes) await expect.poll(() => stateOf(node), SLOW).toContain("firm logs a");
    two.stores.waiting = { "otlp_http/store_vl_a": 1_000, "otlp_http/store_vl_b": 0 };
    two.stores.pending = [2_000_000, 0];
    await expect.poll(() => stateOf(two), SLOW).toContain("waiting logs a 2001000\nwaiting logs b 0\n");
    for (const node of nodes)
      await expect.poll(() => choiceOf(node), SLOW).toBe("ok; logs from group b; traces from group a");
    expect(await stateOf(one)).toContain("firm logs b");
  });

  testWith("haproxy")(
    "a fleet that grew reads from the group with a past, and from the other one only meanwhile",
    async () => {
      const grown = Math.floor(Date.now() / 1000) - 100;
      const { nodes } = await twoNodes([grown, 0]);
      const [one, two] = nodes;
      for (const node of nodes)
        await expect.poll(() => choiceOf(node), SLOW).toBe("ok; logs from group b; traces from group b");
      // Its store was restarted: no reason to show an empty one.
      two.stores.uptimeSeconds = 1;
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      // Nor is a change of its node, and whoever changes it need not wait.
      for (const node of nodes) await expect.poll(() => node.leave("node2"), SLOW).toBe("drained\n");
      for (const node of nodes) expect(await logsOf(node)).toBe(FROM_B);
      two.stores.answers = false;
      for (const node of nodes) await expect.poll(() => logsOf(node), SLOW).toBe(FROM_A);
      two.stores.answers = true;
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      expect(await choiceOf(one)).toContain("logs from group a");
      two.stores.uptimeSeconds = 20;
      for (const node of nodes) await node.back("node2");
      for (const node of nodes)
        await expect.poll(() => choiceOf(node), SLOW).toBe("ok; logs from group b; traces from group b");
    },
  );
});
