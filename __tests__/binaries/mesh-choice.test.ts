import { describe, expect } from "vitest";
import { testWith } from "../support/binaries";
import { choiceOf, FROM_A, FROM_B, logsOf, SLOW, stateOf, twoNodes } from "../support/two-nodes";

describe("the group that two nodes read from, over a real mesh", () => {
  testWith("haproxy")("logs come from the group in use until it fails, and never go back by themselves", async () => {
    const { nodes } = await twoNodes();
    const [one, two] = nodes;
    for (const node of nodes) await expect.poll(() => logsOf(node), SLOW).toBe(FROM_A);
    expect(await choiceOf(two)).toBe("ok; logs from group a; traces from group a");

    // A hung storage behind a select role: status 200, and a body that is no answer.
    one.stores.answers = false;
    for (const node of nodes) {
      await expect.poll(() => logsOf(node), SLOW).toBe(FROM_B);
      await expect.poll(() => choiceOf(node), SLOW).toContain("logs from group b");
    }

    one.stores.answers = true;
    await expect.poll(() => one.at(8405, "/readyz"), SLOW).toMatchObject({ status: 200 });
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    for (const node of nodes) expect(await logsOf(node)).toBe(FROM_B);
  });

  testWith("haproxy")("the choice outlives a balancer that is killed", async () => {
    const { nodes } = await twoNodes();
    const [one] = nodes;
    one.stores.answers = false;
    await expect.poll(() => choiceOf(one), SLOW).toContain("logs from group b");
    one.stores.answers = true;
    await one.restart();
    expect(await choiceOf(one)).toContain("logs from group b");
    await expect.poll(() => logsOf(one), SLOW).toBe(FROM_B);
  });

  testWith("haproxy")("a store that started a moment ago is not read from: it may lack its last seconds", async () => {
    const { nodes } = await twoNodes();
    const [one, two] = nodes;
    await expect.poll(() => logsOf(two), SLOW).toBe(FROM_A);
    one.stores.uptimeSeconds = 1;
    for (const node of nodes) await expect.poll(() => choiceOf(node), SLOW).toContain("logs from group b");
    expect(await logsOf(one)).toBe(FROM_B);
    // Both at once: there is nothing better, so what is in use stays.
    two.stores.uptimeSeconds = 1;
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    for (const node of nodes) expect(await logsOf(node)).toBe(FROM_B);
  });

  testWith("haproxy")("a group that answers is not left for one that has not got everything yet", async () => {
    const { nodes } = await twoNodes();
    const [one, two] = nodes;
    // What any gateway has still to send counts, whichever node it runs on.
    one.stores.waiting = { "otlp_http/store_vl_b": 50_000_000 };
    for (const node of nodes) await expect.poll(() => stateOf(node), SLOW).toContain("firm logs a");
    await expect.poll(() => stateOf(one), SLOW).toContain("waiting logs b 50000000");
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    one.stores.uptimeSeconds = 1;
    await expect.poll(() => choiceOf(two), SLOW).toContain("traces from group b");
    expect(await choiceOf(one)).toContain("logs from group a");
    expect(await choiceOf(two)).toContain("logs from group a");
    one.stores.waiting = {};
    for (const node of nodes) await expect.poll(() => choiceOf(node), SLOW).toContain("logs from group b");
  });

  testWith("haproxy")("a group that answers and lacks much is left for one that has it", async () => {
    const { nodes } = await twoNodes();
    const [one, two] = nodes;
    for (const node of nodes) await expect.poll(() => stateOf(node), SLOW).toContain("firm logs a");
    // Its disk is full, so every gateway keeps what is meant for it.
    two.stores.waiting = { "otlp_http/store_vl_a": 50_000_000 };
    for (const node of nodes)
      await expect.poll(() => choiceOf(node), SLOW).toBe("ok; logs from group b; traces from group a");
    for (const node of nodes) await expect.poll(() => logsOf(node), SLOW).toBe(FROM_B);
    // Filled up again, it is as good as the other one, and no reason to go back.
    two.stores.waiting = {};
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    expect(await choiceOf(one)).toContain("logs from group b");
  });

  testWith("haproxy")("an age that the retention has outlived is none", async () => {
    const { nodes } = await twoNodes([1_700_000_000, 1_600_000_000]);
    for (const node of nodes) await expect.poll(() => stateOf(node), SLOW).toContain("firm logs a");
    for (const node of nodes) expect(await logsOf(node)).toBe(FROM_A);
  });
});
