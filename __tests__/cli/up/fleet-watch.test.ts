import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type Docker from "dockerode";
import { expect, onTestFinished, test } from "vitest";
import { FleetWatch, type NodeEyes } from "../../../cli/up/fleet-watch";
import { eyesOn } from "../../../cli/up/node-eyes";
import { defineFleet } from "../../../lib";
import { SIGNALS } from "../../../lib/fleet/definition";
import { storeExporter } from "../../../lib/otel/gateway";
import { nodes, planOf } from "../../support/fleets";

const MIB = 1024 ** 2;
const PLANS = planOf(defineFleet({ name: "shop", nodes: nodes(3) })).nodes;

/** A node as it shows itself: its stats page, its gateway's metrics and its engine. */
class FakeNode {
  public ready: string | undefined = "ready";
  /** Bytes that wait for a group; undefined means that the gateway does not answer. */
  public waiting: Partial<Record<"a" | "b", number>> | undefined = {};
  /** Bytes on the disk of its vlagent for group b; undefined means that there is no agent. */
  public agentWaiting: number | undefined;
  public storeAge = 3_600;
  public readonly eyes: Promise<NodeEyes>;

  constructor(index: number) {
    this.eyes = this.listen(index);
  }

  private async listen(index: number): Promise<NodeEyes> {
    const server = createServer((request, response) => {
      const text = request.url === "/readyz" ? this.ready : this.metrics();
      if (text === undefined) response.destroy();
      else response.writeHead(text === "ready" || request.url === "/metrics" ? 200 : 503).end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const plan = PLANS[index];
    if (plan === undefined) throw new Error(`there is no node ${index}`);
    const here = plan.accessPoints.map((point) => ({ ...point, url: `http://127.0.0.1:${port}` }));
    return eyesOn({ ...plan, accessPoints: here }, this.engine() as Docker, 0, async (agent) => {
      if (agent !== "vlagent" || this.agentWaiting === undefined) throw new Error("nobody there");
      return `vlagent_remotewrite_pending_data_bytes{path="/q",url="2:secret-url"} ${this.agentWaiting}\n`;
    });
  }

  private metrics(): string | undefined {
    if (this.waiting === undefined) return undefined;
    const lines = Object.entries(this.waiting).map(
      ([group, bytes]) =>
        `otelcol_exporter_queue_size{exporter="${storeExporter("logs", group as "a" | "b")}"} ${bytes}`,
    );
    return `${lines.join("\n")}\n`;
  }

  private engine() {
    const services = ["vlstorage", "gateway"];
    return {
      listContainers: async () => services.map((service) => ({ Id: service, Labels: { "mirador.service": service } })),
      getContainer: () => ({
        inspect: async () => ({ State: { StartedAt: new Date(Date.now() - this.storeAge * 1000).toISOString() } }),
      }),
    } as unknown;
  }
}

async function fleet() {
  const all = [new FakeNode(0), new FakeNode(1), new FakeNode(2)] as const;
  const eyes = await Promise.all(all.map((each) => each.eyes));
  const watch = new FleetWatch({ nodes: () => eyes, signals: SIGNALS, batchBytes: 2 * MIB });
  /** What a second look finds: the first one only remembers. */
  const twice = async (look: () => Promise<readonly string[]>): Promise<readonly string[]> => {
    await look();
    return look();
  };
  return { all, watch, twice };
}

test("a fleet that is well can do without a node, after two looks", async () => {
  const { watch } = await fleet();
  expect(await watch.withoutNode("node1", "a")).toContain("a second look at the queues of node2");
  expect(await watch.withoutNode("node1", "a")).toEqual([]);
});

test("everything that stands in the way is told at once", async () => {
  const { all, watch, twice } = await fleet();
  const [, node2, node3] = all;
  node2.storeAge = 4.5;
  node3.ready = "gateway: not ready";
  node3.waiting = { b: 30 * MIB };
  expect(await twice(() => watch.withoutNode("node1", "a"))).toEqual([
    "node3 is not ready (gateway: not ready)",
    "vlstorage of node2 started 4 s ago",
    "30.0 MiB of logs wait at node3 for group b",
  ]);
});

test("a node that does not answer stands in the way of the others", async () => {
  const { all, watch, twice } = await fleet();
  all[1].ready = undefined;
  all[1].waiting = undefined;
  const found = await twice(() => watch.withoutNode("node1", "a"));
  expect(found).toHaveLength(2);
  expect(found[0]).toMatch(/^node2 does not answer \(.+\)$/);
  expect(found[1]).toMatch(/^the gateway of node2 does not tell its queues/);
});

test("what is wrong with the node itself does not stand in its way; what waits on it for the other group does", async () => {
  const { all, watch, twice } = await fleet();
  all[0].ready = "vlstorage: not ready";
  all[0].waiting = undefined;
  expect(await twice(() => watch.withoutNode("node1", "a"))).toEqual([]);
  all[0].waiting = { b: 9 * MIB };
  expect(await twice(() => watch.withoutNode("node1", "a"))).toEqual(["9.0 MiB of logs wait at node1 for group b"]);
});

test("what waits for the group that the node belongs to does not keep it: nobody will answer from there", async () => {
  const { all, watch, twice } = await fleet();
  all[1].waiting = { a: 90 * MIB };
  expect(await twice(() => watch.withoutNode("node1", "a"))).toEqual([]);
});

test("after a change the node is as good as before when it is ready and its group has got everything", async () => {
  const { all, watch, twice } = await fleet();
  all[0].ready = "vlstorage: not ready";
  all[1].waiting = { a: 20 * MIB };
  expect(await twice(() => watch.afterNode("node1", "a", true))).toEqual([
    "node1 is not ready (vlstorage: not ready)",
    "20.0 MiB of logs wait at node2 for group a",
  ]);
  all[0].ready = "ready";
  // Its group is not whole yet, so what waits for it cannot be sent.
  expect(await watch.afterNode("node1", "a", false)).toEqual([]);
});

test("what an agent keeps for the other group counts as well", async () => {
  const { all, watch, twice } = await fleet();
  all[1].waiting = { b: MIB };
  all[1].agentWaiting = 11 * MIB;
  expect(await twice(() => watch.withoutNode("node1", "a"))).toEqual(["12.0 MiB of logs wait at node2 for group b"]);
});
