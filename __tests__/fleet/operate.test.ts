import { describe, expect, onTestFinished, test } from "vitest";
import type { NodeHealth } from "../../cli/operate/health";
import type { NodeLook } from "../../cli/operate/look";
import { ACCESS_POINT_NAMES } from "../../lib/plan/ports";
import { useFleet } from "./support/deployed";
import { context, faults } from "./support/shared-rig";
import { waitFor } from "./support/wait";

describe(`the operator's command on three nodes (${context.title})`, () => {
  const { stack } = useFleet();

  async function status(...args: readonly string[]): Promise<{ status: number | null; nodes: readonly NodeLook[] }> {
    const ended = await stack.mirador("status", "--json", ...args);
    return { status: ended.status, nodes: JSON.parse(ended.output).nodes };
  }

  test("status shows every service of every node", async () => {
    const { status: code, nodes } = await status();
    expect(code).toBe(0);
    expect(nodes.map(({ node, group, ready }) => ({ node, group, ready }))).toEqual([
      { node: "node1", group: "a", ready: true },
      { node: "node2", group: "b", ready: true },
      { node: "node3", group: "a", ready: true },
    ]);
    for (const { node, services } of nodes) {
      expect(services.map(({ service }) => service).toSorted(), node).toEqual((await stack.services(node)).toSorted());
      for (const look of services) {
        expect(look, node).toMatchObject({ state: "running", healthy: true, restarts: expect.any(Number) });
        expect(look.memory, `${node} ${look.service}`).toBeGreaterThan(100_000);
        expect(look.memory, `${node} ${look.service}`).toBeLessThan(look.memoryLimit ?? 0);
        expect(look.version, `${node} ${look.service}`).toMatch(/^\d+\.\d+/);
      }
      const queues = services.flatMap(({ service, queue }) => (queue === undefined ? [] : service));
      expect(queues.toSorted(), node).toEqual(["gateway", "vlagent", "vmagent"]);
      const storing = services.filter(({ disk }) => (disk?.free ?? 0) > 0).map(({ service }) => service);
      expect(storing, node).toEqual(
        expect.arrayContaining(["gateway", "vlagent", "vlstorage", "vmagent", "vtstorage"]),
      );
      expect(storing, node).not.toContain("vlselect");
    }
    const { output } = await stack.mirador("status", "node2");
    expect(output).toMatch(/^node2 +b +ready +/m);
    expect(output).toMatch(/^node2 +vlstorage +up \d+ \S+.* +up +\d/m);
    expect(output).not.toContain("node1");
  });

  test("status shows a stopped and a deleted container, and what the node waits for", async () => {
    const [stopped, deleted] = [stack.container("node2", "vlselect"), stack.container("node3", "spanmetrics")];
    await stopped.stop();
    await deleted.remove({ force: true });
    try {
      await waitFor("both are missed", { seconds: 30 }, async () =>
        (await status("node2", "node3")).nodes.every(({ missing }) => missing !== undefined),
      );
      const { status: code, nodes } = await status();
      expect(code).toBe(0);
      expect(nodes.map(({ ready, missing }) => [ready, missing])).toEqual([
        [true, undefined],
        [false, "vlselect"],
        [false, "spanmetrics"],
      ]);
      const rows = nodes.flatMap(({ services }) => services.filter(({ state }) => state !== "running"));
      expect(rows).toEqual([
        {
          service: "vlselect",
          state: "exited",
          exitCode: expect.any(Number),
          restarts: expect.any(Number),
          version: expect.anything(),
        },
        { service: "spanmetrics", state: "missing", restarts: 0, version: "" },
      ]);
    } finally {
      await stopped.start();
      await stack.deploy("node3");
    }
  });

  test("what only looks needs no password, and says that a deploy would", async () => {
    const change = { haproxy: { stats: { passwordFile: "/nowhere/password" } } };
    const { status: code, output } = await stack.miradorAs(change, {}, "status");
    expect(code).toBe(0);
    expect(output).toContain("note: a deploy would be refused for secret/missing");
    for (const node of stack.nodes) expect(output).toMatch(new RegExp(`^${node} +[ab] +ready`, "m"));
    expect(await stack.miradorAs(change, {}, "down", "node3")).toMatchObject({
      status: 65,
      output: expect.stringContaining("secret/missing"),
    });
  });

  test("health is what clients get, and tells a node that is not whole", async () => {
    const well = await stack.mirador("health", "--json");
    expect(well.status).toBe(0);
    const { up, nodes } = JSON.parse(well.output);
    expect([up, nodes.map(({ node, rows }: NodeHealth) => [node, rows.length])]).toEqual([
      true,
      stack.nodes.map((node) => [node, ACCESS_POINT_NAMES.length + 1]),
    ]);
    await stack.container("node2", "vtselect").stop();
    try {
      await waitFor("node2 is not ready", { seconds: 30 }, async () => {
        const { status: code, output } = await stack.mirador("health");
        return code === 1 && /^node2 +every service +\S+\/readyz +vtselect: not ready$/m.test(output);
      });
      // Another node answers in its place, so that clients miss nothing.
      const { output } = await stack.mirador("health", "node2");
      expect(output).toContain(`1 of ${ACCESS_POINT_NAMES.length + 1} not up`);
    } finally {
      await stack.container("node2", "vtselect").start();
    }
  });

  test("an engine that hangs is named, and the other nodes are shown all the same", async () => {
    const host = stack.host("node3");
    await faults.hang(host);
    const { status: code, output } = await stack.mirador("status").finally(() => faults.resume(host));
    expect(code).toBe(1);
    expect(output).toMatch(/^node1 +a +ready/m);
    expect(output).toMatch(/^node3 +a +unknown +does not answer/m);
    expect(output).toMatch(/error machine\/engine-unreachable\n +what +no Docker engine answers for node3/);
  });

  test("repair makes both groups equal, whatever was done to them before", async () => {
    expect(await stack.mirador("repair")).toMatchObject({ status: 0 });
    expect(await stack.mirador("repair", "--check")).toMatchObject({ status: 0 });
  });

  test("logs of all nodes come in the order of time", async () => {
    const { status: code, output } = await stack.mirador("logs", "--tail", "5", "--timestamps");
    expect(code).toBe(0);
    const lines = output.trimEnd().split("\n");
    const times = lines.map((line) => / \| (\S+Z) /.exec(line)?.[1] ?? line);
    expect(times).toEqual(times.toSorted());
    const sources = new Set(lines.map((line) => line.split("|")[0]?.trim()));
    for (const node of stack.nodes) expect(sources).toContain(`${node} gateway`);

    const one = await stack.mirador("logs", "vlstorage", "haproxy", "--node", "node2", "--tail", "3");
    expect(
      new Set(
        one.output
          .trimEnd()
          .split("\n")
          .map((line) => line.split("|")[0]?.trim()),
      ),
    ).toEqual(new Set(["node2 vlstorage", "node2 haproxy"]));
    const unknown = await stack.mirador("logs", "vlstore");
    expect(unknown).toMatchObject({ status: 64, output: expect.stringContaining("fleet/unknown-service") });
    expect(unknown.output).toContain("vlstorage");
  });

  test("logs --follow goes on, also with a container that was started again, until Ctrl-C", async () => {
    const following = await stack.startMirador("logs", "spanmetrics", "--follow", "--since", "1s");
    onTestFinished(() => void following.process.kill("SIGKILL"));
    const container = stack.container("node2", "spanmetrics");
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    await container.restart();
    const READY = "Everything is ready";
    await following.seen(READY);
    await container.restart();
    await waitFor("the second start", { seconds: 30 }, () => following.heard().split(READY).length === 3);
    following.process.kill("SIGINT");
    const { status: code, output } = await following.ended;
    expect(code).toBe(130);
    const lines = output.trimEnd().split("\n");
    expect(lines.filter((line) => !/^node[123] spanmetrics \| /.test(line))).toEqual([]);
    // Nothing is told twice, though the stream ended and was opened again.
    expect(lines.filter((line) => line.startsWith("node2") && line.includes(READY))).toHaveLength(2);
  });

  test("down takes a node away, keeps its data and says so; up brings it back with it", async () => {
    const host = stack.host("node3");
    const containers = async () =>
      (await host.docker.listContainers({ all: true, filters: { label: [`mirador.fleet=${stack.fleet.name}`] } }))
        .length;
    const volumes = async () => ((await host.docker.listVolumes()).Volumes ?? []).map(({ Name }) => Name).toSorted();
    const before = await volumes();
    expect(await containers()).toBeGreaterThan(10);
    const taken = await stack.mirador("down", "node3");
    expect(taken).toMatchObject({ status: 0, output: expect.stringMatching(/node3 +data kept: volumes fleet_node3-/) });
    expect(await containers()).toBe(0);
    expect((await volumes()).filter((name) => name.endsWith("-data"))).toEqual(
      before.filter((name) => name.endsWith("-data")),
    );
    expect(await stack.mirador("down", "node3")).toMatchObject({
      status: 0,
      output: expect.stringMatching(/node3 +no container was there/),
    });
    expect(await stack.mirador("up")).toMatchObject({ status: 0, output: expect.stringContaining("Changed: node3;") });
    expect((await status()).nodes.map(({ ready }) => ready)).toEqual([true, true, true]);
  });
});
