import { describe, expect, test } from "vitest";
import type { Drift } from "../../cli/plan/run";
import { useFleet } from "./support/deployed";
import { context } from "./support/shared-rig";

describe(`plan and drift on three nodes (${context.title})`, () => {
  const { stack } = useFleet();

  async function drift(): Promise<{ readonly status: number | null; readonly found: readonly Drift[] }> {
    const { status, output } = await stack.mirador("drift", "--json");
    return { status, found: JSON.parse(output.slice(output.indexOf("{\n"))).drift };
  }

  test("nothing differs after a deploy", async () => {
    expect(await drift()).toEqual({ status: 0, found: [] });
    expect(await stack.mirador("plan")).toMatchObject({ status: 0 });
  });

  test("a stopped, an edited and a deleted container are each named, and healed by up", async () => {
    await stack.container("node1", "vlselect").stop();
    const edited = stack.container("node2", "spanmetrics");
    const { Memory } = (await edited.inspect()).HostConfig;
    await edited.update({ Memory: 2 * (Memory ?? 0), MemorySwap: 2 * (Memory ?? 0) });
    await stack.container("node3", "vmadapter").remove({ force: true });

    const { status, found } = await drift();
    expect(status).toBe(2);
    const named = found.filter(({ from }) => from === "host").map(({ node, what, how }) => [node, what, how]);
    expect(named).toEqual([
      ["node1", "vlselect", "it does not run"],
      ["node2", "spanmetrics", expect.stringMatching(/^memory \d+ → \d+/)],
      ["node3", "vmadapter", "its container is gone"],
    ]);
    const planned = await stack.mirador("plan");
    expect(planned.status).toBe(2);
    expect(planned.output).toMatch(/^node1\n {2}vlselect is started \(on the host: it does not run\)/m);
    expect(planned.output).toMatch(/^node2\n {2}spanmetrics is changed while it runs \(on the host: memory /m);
    expect(planned.output).toMatch(/^node3\n {2}vmadapter is made \(on the host: its container is gone\)/m);
    expect(planned.output).toMatch(/^ {2}stays up: .*gateway/m);

    // Two nodes are not well; what only mends them waits for nobody.
    expect(await stack.mirador("up")).toMatchObject({ status: 0 });
    expect(await drift()).toEqual({ status: 0, found: [] });
    expect((await edited.inspect()).HostConfig.Memory).toBe(Memory);
  });

  test("a change of the fleet is told with what it takes away", async () => {
    const { retention = {} } = stack.fleet;
    stack.change({ retention: { ...retention, logs: "1d" } });
    try {
      const { status, output } = await stack.mirador("plan", "node2");
      expect(status).toBe(2);
      expect(output).toMatch(/^ {2}vlstorage restarts as a new container \(-retentionPeriod \d+d → 1d\)$/m);
      expect(output).toMatch(/^ {2}lost: vlstorage removes what is older than 1d \(\d+d until now\)$/m);
      expect(output).not.toContain("node1\n");
    } finally {
      stack.change({ retention });
    }
  });

  test("a container that only is paused is named too", async () => {
    const paused = stack.container("node2", "servicegraph");
    await paused.pause();
    try {
      const { status, found } = await drift();
      expect(status).toBe(2);
      expect(found).toContainEqual({ node: "node2", what: "servicegraph", how: "is paused", from: "running" });
    } finally {
      await paused.unpause();
    }
  });
});
