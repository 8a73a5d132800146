import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MeshClient } from "../../../cli/mesh-client";
import { readMeshFiles } from "../../../inputs/pki";
import { MESH_PORT } from "../../../lib/mesh/services";
import { type Member, planMembers, storageMembers } from "../../../lib/plan/groups";
import { FleetStack } from "../support/fleet-stack";
import { fleetOn } from "../support/fleets";
import { context, faults, rig } from "../support/shared-rig";
import { say } from "../support/summary";
import { untilReady } from "../support/trial";
import { waitFor } from "../support/wait";

const fleet = fleetOn(rig.hosts, "native", context.metricsLayout);
const stack = new FleetStack(context, rig, fleet);
const members = planMembers(fleet.nodes);
const CLUSTER = context.metricsLayout === "cluster";

const SIGNALS = ["metrics", "logs"] as const;
type Native = (typeof SIGNALS)[number];
interface Acked {
  readonly node: string;
  readonly signal: Native;
  readonly item: number;
  readonly at: number;
}

/** Numbered items at every node's native ports, each number once in all, ten requests a second of ten items each. */
class NativeLoad {
  public readonly acked: Acked[] = [];
  public readonly failed: string[] = [];
  private readonly stopped = new AbortController();
  private readonly senders: readonly Promise<void>[];
  private next = 0;

  constructor(public readonly run: string) {
    this.senders = stack.nodes.flatMap((node) => SIGNALS.map((signal) => this.send(node, signal)));
  }

  public async stop(): Promise<void> {
    this.stopped.abort();
    await Promise.all(this.senders);
  }

  private async send(node: string, signal: Native): Promise<void> {
    for (let due = performance.now(); !this.stopped.signal.aborted; due += 100) {
      await sleep(Math.max(0, due - performance.now()));
      const items = Array.from({ length: 10 }, () => this.next++);
      const [url, type, body] =
        signal === "metrics"
          ? [
              stack.url(node, "metricsInsert", "/insert/0/prometheus/api/v1/import/prometheus"),
              "text/plain",
              // A series of its own for each: a time would collapse two items of one.
              items.map((n) => `native_item{run="${this.run}",item="${n}"} ${n}\n`).join(""),
            ]
          : [
              stack.url(node, "logsInsert", "/insert/jsonline?_stream_fields=run&_msg_field=text"),
              "application/stream+json",
              items.map((n) => JSON.stringify({ run: this.run, text: `item ${n}`, item: String(n) })).join("\n"),
            ];
      try {
        const init = { method: "POST", headers: { "content-type": type, connection: "close" }, body };
        const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
        if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
        const at = performance.now();
        for (const item of items) this.acked.push({ node, signal, item, at });
      } catch (error) {
        this.failed.push(`${signal} at ${node}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
}

/** What one group's stores hold of a run, asked of themselves through the mesh; what is there twice is here twice. */
async function heldBy(mesh: MeshClient, group: "a" | "b", signal: Native, run: string): Promise<readonly number[]> {
  const holders = storageMembers(members, group, signal === "metrics" ? context.metricsLayout : "cluster");
  const answers = await Promise.all(holders.map((holder) => itemsAt(mesh, holder, signal, run)));
  return answers.flat();
}

async function itemsAt(mesh: MeshClient, node: Member, signal: Native, run: string): Promise<readonly number[]> {
  if (signal === "logs") {
    const path = `/select/logsql/query?query=run:=${run}&limit=1000000`;
    const text = await mesh.text(node, "vlstorage", { path });
    return lines(text).map((line) => Number(JSON.parse(line).item));
  }
  const match = encodeURIComponent(`native_item{run="${run}"}`);
  // Not collapsed, so that a sample that was stored twice is seen twice where the series has two times.
  const path = `${CLUSTER ? "/select/0/prometheus" : ""}/api/v1/export?reduce_mem_usage=1&match[]=${match}`;
  const text = await mesh.text(node, CLUSTER ? "vmselect" : "vmsingle", { path });
  return lines(text).flatMap((line) => JSON.parse(line).values as number[]);
}

const lines = (text: string): readonly string[] => text.split("\n").filter((line) => line !== "");

interface Counted {
  readonly missing: readonly Acked[];
  readonly double: number;
}

/** Waits until a group holds what was acknowledged, or has had all the time it may take. */
async function count(
  mesh: MeshClient,
  load: NativeLoad,
  signal: Native,
  group: "a" | "b",
  seconds = 45,
): Promise<Counted> {
  const acked = load.acked.filter((each) => each.signal === signal);
  let held: readonly number[] = [];
  const missing = (): readonly Acked[] => {
    const there = new Set(held);
    return acked.filter(({ item }) => !there.has(item));
  };
  await waitFor(`${signal} in group ${group}`, { seconds, everyMilliseconds: 1_000 }, async () => {
    held = await heldBy(mesh, group, signal, load.run);
    return missing().length === 0;
  }).catch(() => undefined);
  // vmselect merges both groups: what it shows says nothing about copies.
  const double = CLUSTER && signal === "metrics" ? 0 : held.length - new Set(held).size;
  const found = { missing: missing(), double };
  const told = `${acked.length} acknowledged, ${found.missing.length} missing, ${double} double`;
  say(load.run, `${signal} in group ${group}: ${told}`);
  return found;
}

describe(`native protocols at three nodes (${context.title})`, () => {
  let mesh: MeshClient;

  beforeAll(async () => {
    await faults.healAll();
    await stack.forget();
    await stack.deployAll();
    await Promise.all(stack.nodes.map((node) => untilReady(stack, node)));
    const files = readMeshFiles(join(context.folder, fleet.name), { ...fleet, mesh: {} }, new Date());
    mesh = new MeshClient(files, fleet.mesh?.port ?? MESH_PORT);
  });

  afterAll(async () => {
    mesh?.close();
    await stack.forget();
  });

  async function inBothGroupsOnce(load: NativeLoad): Promise<void> {
    expect(load.failed.slice(0, 3)).toEqual([]);
    for (const signal of SIGNALS)
      for (const group of ["a", "b"] as const) {
        expect(load.acked.filter((each) => each.signal === signal).length).toBeGreaterThan(500);
        const { missing, double } = await count(mesh, load, signal, group);
        expect({ signal, group, missing: missing.length, double }).toEqual({ signal, group, missing: 0, double: 0 });
      }
  }

  test("what is sent to any node is in both groups, once", async () => {
    const load = new NativeLoad("calm");
    await sleep(8_000);
    await load.stop();
    await inBothGroupsOnce(load);
  });

  test("a group whose stores are stopped for 20 s is filled up, and no request fails meanwhile", async () => {
    const stores = [CLUSTER ? "vmstorage" : "vmsingle", "vlstorage"].map((service) =>
      stack.container("node2", service),
    );
    const load = new NativeLoad("stopped");
    await sleep(3_000);
    await Promise.all(stores.map((store) => faults.stop(store)));
    await sleep(20_000);
    await Promise.all(stores.map((store) => faults.start(store)));
    await sleep(5_000);
    await load.stop();
    await inBothGroupsOnce(load);
    await untilReady(stack, "node2");
  });

  test("an agent that is stopped in order loses nothing, and another node's takes over", async () => {
    const agents = ["vmagent", "vlagent"].map((service) => stack.container("node1", service));
    const load = new NativeLoad("order");
    await sleep(3_000);
    await Promise.all(agents.map((agent) => faults.stop(agent)));
    await sleep(3_000);
    await Promise.all(agents.map((agent) => faults.start(agent)));
    await sleep(5_000);
    await load.stop();
    await inBothGroupsOnce(load);
    await untilReady(stack, "node1");
  });

  test("an agent that is killed loses what it took in its last two seconds at most", async () => {
    const agents = ["vmagent", "vlagent"].map((service) => stack.container("node1", service));
    const load = new NativeLoad("killed");
    await sleep(4_000);
    const killed = performance.now();
    await Promise.all(agents.map((agent) => faults.kill(agent)));
    const back = performance.now();
    await sleep(5_000);
    await load.stop();
    // A request in the moment of the kill is cut; its sender is told.
    expect(load.failed.length).toBeLessThanOrEqual(2);
    for (const signal of SIGNALS)
      for (const group of ["a", "b"] as const) {
        const { missing, double } = await count(mesh, load, signal, group, 15);
        const ages = missing.map(({ at }) => killed - at);
        if (ages.length > 0)
          say("killed", `${signal} in group ${group}: lost from ${(Math.max(...ages) / 1000).toFixed(2)} s before it`);
        expect(missing.filter(({ node, at }) => node !== "node1" || at < killed - 2_000 || at > back)).toEqual([]);
        expect(double).toBe(0);
      }
  });

  test("shows and does nothing but writing at the native ports", async () => {
    for (const node of stack.nodes) {
      const status = async (point: "metricsInsert" | "logsInsert", path: string) =>
        (await fetch(stack.url(node, point, path), { headers: { connection: "close" } })).status;
      for (const path of ["/targets", "/config", "/metrics", "/select/0/prometheus/api/v1/query?query=up"])
        expect([path, await status("metricsInsert", path)]).toEqual([path, 501]);
      expect(await status("metricsInsert", "/-/reload")).toBe(403);
      expect(await status("logsInsert", "/internal/insert")).toBe(403);
      expect(await status("logsInsert", "/select/logsql/query?query=*")).toBe(501);
    }
  });

  test("needs nothing more: every second plan is empty", async () => {
    for (const node of stack.nodes) expect(await stack.plan(node)).toEqual({ add: 0, change: 0, destroy: 0 });
  });
});
