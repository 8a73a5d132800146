import { spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import type Docker from "dockerode";
import { expect, test } from "vitest";
import { FleetWatch, type NodeEyes } from "../../../cli/up/fleet-watch";
import { eyesOn } from "../../../cli/up/node-eyes";
import { defineFleet } from "../../../lib";
import { SIGNALS } from "../../../lib/fleet/definition";
import { storeExporter } from "../../../lib/otel/gateway";
import { nodes, planOf } from "../../support/fleets";
import { temporaryFolder } from "../../support/folders";

const MIB = 1024 ** 2;
const PLANS = planOf(defineFleet({ name: "shop", nodes: nodes(3) })).nodes;

/** Answers from a file, as the URL that is asked says; whatever has none refuses the connection. */
const WGET = `#!/bin/sh
for url; do :; done
exec cat "$ANSWERS/$(echo "$url" | sed 's#^http://##; s#/#_#g')" 2>/dev/null
`;

/** A node as its engine shows it: scripts run in a shell, and what they ask is answered from here. */
class FakeNode {
  /** What its HAProxy waits for; undefined means that there is no HAProxy. */
  public missing: string | undefined = "nothing";
  /** Bytes that wait for a group; undefined means that the gateway does not answer. */
  public waiting: Partial<Record<"a" | "b", number>> | undefined = {};
  /** Bytes on the disk of its vlagent for group b; undefined means that there is no agent. */
  public agentWaiting: number | undefined;
  public storeAge = 3_600;
  public readonly eyes: NodeEyes;
  private readonly plan: (typeof PLANS)[number];

  constructor(index: number) {
    const plan = PLANS[index];
    if (plan === undefined) throw new Error(`there is no node ${index}`);
    this.plan = plan;
    this.eyes = eyesOn(plan, this.engine() as Docker, 0);
  }

  /** By the names of {@link WGET}. */
  private answers(): Readonly<Record<string, string>> {
    const files: Record<string, string> = {};
    if (this.missing !== undefined) files["127.0.0.1:8405_waiting-for"] = this.missing;
    if (this.waiting !== undefined) {
      const lines = Object.entries(this.waiting).map(
        ([group, bytes]) =>
          `otelcol_exporter_queue_size{exporter="${storeExporter("logs", group as "a" | "b")}"} ${bytes}\n`,
      );
      files["gateway:8888_metrics"] = `otelcol_process_uptime 5\n${lines.join("")}`;
    }
    if (this.agentWaiting !== undefined)
      files["vlagent:9429_metrics"] =
        `up 1\nvlagent_remotewrite_pending_data_bytes{path="/q",url="2:secret-url"} ${this.agentWaiting}\n`;
    return files;
  }

  private engine() {
    const services = ["vlstorage", "gateway"];
    return {
      listContainers: async () => services.map((service) => ({ Id: service, Labels: { "mirador.service": service } })),
      getContainer: (name: string) => ({
        inspect: async () => ({ State: { StartedAt: new Date(Date.now() - this.storeAge * 1000).toISOString() } }),
        exec: async ({ Cmd }: { Cmd: readonly string[] }) => {
          expect(name).toBe(`${this.plan.prefix}-haproxy`);
          if (this.missing === undefined) throw new Error("no such container");
          return this.run(Cmd);
        },
      }),
    } as unknown;
  }

  private run([shell = "", ...words]: readonly string[]) {
    const folder = temporaryFolder({ wget: WGET, ...this.answers() });
    chmodSync(join(folder, "wget"), 0o755);
    const environment = { PATH: `${folder}:${process.env.PATH}`, ANSWERS: folder };
    const { status, stdout } = spawnSync(shell, words, { env: environment });
    const head = Buffer.alloc(8);
    head.writeUInt8(1, 0);
    head.writeUInt32BE(stdout.length, 4);
    return {
      start: async () => Readable.from([Buffer.concat([head, stdout])]),
      inspect: async () => ({ ExitCode: status }),
    };
  }
}

async function fleet() {
  const all = [new FakeNode(0), new FakeNode(1), new FakeNode(2)] as const;
  const eyes = all.map((each) => each.eyes);
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
  node3.missing = "gateway";
  node3.waiting = { b: 30 * MIB };
  expect(await twice(() => watch.withoutNode("node1", "a"))).toEqual([
    "node3 is not ready (gateway)",
    "vlstorage of node2 started 4 s ago",
    "30.0 MiB of logs wait at node3 for group b",
  ]);
});

test("a node that does not answer stands in the way of the others", async () => {
  const { all, watch, twice } = await fleet();
  all[1].missing = undefined;
  all[1].waiting = undefined;
  const found = await twice(() => watch.withoutNode("node1", "a"));
  expect(found).toHaveLength(2);
  expect(found[0]).toMatch(/^node2 does not answer \(.+\)$/);
  expect(found[1]).toMatch(/^the gateway of node2 does not tell its queues/);
});

test("what is wrong with the node itself does not stand in its way; what waits on it for the other group does", async () => {
  const { all, watch, twice } = await fleet();
  all[0].missing = "vlstorage";
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
  all[0].missing = "vlstorage";
  all[1].waiting = { a: 20 * MIB };
  expect(await twice(() => watch.afterNode("node1", "a", true))).toEqual([
    "node1 is not ready (vlstorage)",
    "20.0 MiB of logs wait at node2 for group a",
  ]);
  all[0].missing = "nothing";
  // Its group is not whole yet, so what waits for it cannot be sent.
  expect(await watch.afterNode("node1", "a", false)).toEqual([]);
});

test("what an agent keeps for the other group counts as well", async () => {
  const { all, watch, twice } = await fleet();
  all[1].waiting = { b: MIB };
  all[1].agentWaiting = 11 * MIB;
  expect(await twice(() => watch.withoutNode("node1", "a"))).toEqual(["12.0 MiB of logs wait at node2 for group b"]);
});
