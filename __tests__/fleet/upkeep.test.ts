import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { CanaryCell } from "../../cli/operate/canary-round";
import type { NodeVolumes } from "../../cli/operate/volumes";
import { ACCESS_POINT_NAMES } from "../../lib/plan/ports";
import { useFleet } from "./support/deployed";
import { context } from "./support/shared-rig";

describe(`verbs for the upkeep of three nodes (${context.title})`, () => {
  const { stack } = useFleet();

  test("test finds at every node what each node took", async () => {
    const { status, output } = await stack.mirador("test", "--json");
    const { found, items } = JSON.parse(output.slice(output.indexOf("{\n"))) as {
      found: boolean;
      items: readonly CanaryCell[];
    };
    expect([status, found]).toEqual([0, true]);
    const pairs = stack.nodes.flatMap((from) => stack.nodes.map((at) => `${from} ${at}`));
    for (const word of ["trace", "log", "metric"]) {
      const own = items.filter((item) => item.word === word && item.seconds !== undefined);
      expect(own.map(({ sentAt, foundAt }) => `${sentAt} ${foundAt}`).toSorted(), word).toEqual(pairs.toSorted());
    }
  });

  test("test names what is not taken, and where", async () => {
    const haproxy = stack.container("node2", "haproxy");
    await haproxy.kill();
    try {
      const { status, output } = await stack.mirador("test", "node2");
      expect(status).toBe(1);
      expect(output).toMatch(/error canary\/not-found\n +what +the trace could not be sent by OTLP gRPC at 10\./);
    } finally {
      await haproxy.start();
    }
  });

  test("access shows every access point of every node, and keeps the password to itself", async () => {
    const { status, output } = await stack.mirador("access");
    expect(status).toBe(0);
    for (const node of stack.nodes)
      expect(output.split("\n").filter((line) => line.startsWith(`${node} `))).toHaveLength(ACCESS_POINT_NAMES.length);
    expect(output).toMatch(/^export OTEL_EXPORTER_OTLP_ENDPOINT=http:\/\/10\.77\.0\.11:4318$/m);
    const password = (await stack.mirador("access", "--reveal")).output.trim();
    expect(password.length).toBeGreaterThan(11);
    expect(output).not.toContain(password);
    const stats = `http://${stack.host("node1").address}:8404/stats`;
    const page = await fetch(stats.replace("/stats", "/"));
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("<h1>node1</h1>")]);
    const login = { authorization: `Basic ${Buffer.from(`admin:${password}`).toString("base64")}` };
    expect((await fetch(stats, { headers: login })).status).toBe(200);
  });

  test("volumes measures what is there", async () => {
    const { status, output } = await stack.mirador("volumes", "--json");
    expect(status).toBe(0);
    const { nodes } = JSON.parse(output) as { nodes: readonly NodeVolumes[] };
    for (const { node, volumes } of nodes) {
      // The single layout keeps the metrics of a group at its first node.
      const metrics = context.metricsLayout === "cluster" || node !== "node3" ? ["metrics"] : [];
      expect(volumes.map(({ holds }) => holds).toSorted(), node).toEqual(
        ["haproxy", "logs", "queue", "traces", "vlagent", "vmagent", ...metrics].toSorted(),
      );
      for (const { holds, source, bytes, free, total } of volumes) {
        expect(source, holds).toContain(node);
        expect(bytes, holds).toBeGreaterThan(0);
        expect(free, holds).toBeGreaterThan(bytes);
        expect(total, holds).toBeGreaterThan(free);
      }
    }
    const { output: table } = await stack.mirador("volumes", "node2");
    expect(table).toMatch(/^node2 +metrics +[\d.]+ [KM]iB +\S.* 30 d +/m);
  });

  test("reload starts new workers of HAProxy, and drops nothing", async () => {
    const pids = async () =>
      (await stack.container("node1", "haproxy").top()).Processes.map((process: readonly string[]) => process[1]);
    const master = async () => (await stack.container("node1", "haproxy").inspect()).State.Pid;
    const [before, first] = [await pids(), await master()];
    const failures: string[] = [];
    let asked = 0;
    const asking = setInterval(() => {
      asked += 1;
      const body = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
      fetch(`http://${stack.host("node1").address}:4318/v1/logs`, body).then(
        ({ ok, status: code }) => (ok ? undefined : failures.push(`HTTP ${code}`)),
        (error: Error) => failures.push(String(error.cause ?? error)),
      );
    }, 50);
    const { status, output } = await stack.mirador("reload", "node1").finally(() => clearInterval(asking));
    expect({ status, output }).toMatchObject({
      status: 0,
      output: expect.stringContaining("HAProxy has read its files again"),
    });
    const after = await pids();
    expect(await master()).toBe(first);
    expect(after.some((pid: string | undefined) => !before.includes(pid))).toBe(true);
    expect(asked).toBeGreaterThan(20);
    expect(failures).toEqual([]);
  });

  test("restart starts services again, one node after the other, and starts what was stopped", async () => {
    const started = async (node: string, service: string) =>
      (await stack.container(node, service).inspect()).State.StartedAt;
    const times = () =>
      Promise.all(stack.nodes.flatMap((node) => [started(node, "gateway"), started(node, "spanmetrics")]));
    const others = () => Promise.all(stack.nodes.map((node) => started(node, "vlstorage")));
    const [before, untouched] = [await times(), await others()];
    await stack.container("node3", "spanmetrics").stop();
    // The fleet has to be whole before a node of it is taken away: the stopped one comes first.
    const mended = await stack.mirador("restart", "spanmetrics", "--node", "node3");
    expect(mended).toMatchObject({ status: 0 });
    const { status, output } = await stack.mirador("restart", "gateway", "spanmetrics");
    expect({ status, output }).toMatchObject({
      status: 0,
      output: expect.stringContaining("Started again: gateway, spanmetrics on node"),
    });
    const after = await times();
    for (const [index, time] of after.entries()) expect(time > (before[index] ?? "")).toBe(true);
    expect(await others()).toEqual(untouched);
    expect(await stack.mirador("health")).toMatchObject({ status: 0 });
  });

  test("restart names what is not deployed, and touches nothing", async () => {
    await stack.container("node2", "servicegraph").remove({ force: true });
    try {
      const { status, output } = await stack.mirador("restart", "servicegraph");
      expect(status).toBe(1);
      expect(output).toMatch(/error restart\/not-deployed\n +what +there is no container of servicegraph of node2/);
    } finally {
      await stack.deploy("node2");
    }
  });

  test("two operators at two machines do not work on a fleet at once; one who is killed holds nobody up", async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), "mirador-elsewhere-"));
    onTestFinished(() => rm(elsewhere, { recursive: true }));
    const held = async () => {
      const lists = stack.nodes.map((node) => stack.host(node).docker.listContainers({ all: true }));
      return (await Promise.all(lists)).flat().filter(({ Labels }) => "mirador.lock" in Labels).length;
    };
    const first = await stack.startMirador("restart", "spanmetrics", "servicegraph");
    await first.seen("one after the other");
    expect(await held()).toBe(stack.nodes.length);
    const second = await stack.miradorFrom(elsewhere, "reload", "node2");
    expect(second.status).toBe(1);
    expect(second.output).toMatch(
      /error fleet\/locked\n +what +mirador restart spanmetrics servicegraph works on node1: \S+ at \S+, process \d+, since 20/,
    );
    first.process.kill("SIGKILL");
    await first.ended;
    expect(await stack.miradorFrom(elsewhere, "reload", "node2")).toMatchObject({ status: 0 });
    expect(await held()).toBe(0);
    // What was begun is completed by the same command again.
    expect(await stack.mirador("restart", "spanmetrics", "servicegraph")).toMatchObject({ status: 0 });
  });
});
