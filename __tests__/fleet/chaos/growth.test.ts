import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ServiceName } from "../../../lib/plan/services";
import { emptyHosts } from "../support/deployed";
import { FleetStack } from "../support/fleet-stack";
import { fleetOn } from "../support/fleets";
import { GroupStores } from "../support/groups";
import { COUNTED, type CountedSignal, countAt, FleetLoad, type LoadReport } from "../support/load";
import { reach } from "../support/reach";
import { context, faults, rig } from "../support/shared-rig";
import { sayCounts } from "../support/summary";
import { waitFor } from "../support/wait";

const RATES = { spans: 200, logs: 200, samples: 500 } as const;
/** Data that is this much older than the second node counts as written before it. */
const ALONE_SECONDS = 60;
/** A store is read from again so long after its start, and the checks and the nodes' exchange come on top. */
const SETTLED_SECONDS = 40;

const definition = fleetOn(rig.hosts, "growth", context.metricsLayout);
const upTo = (count: number) => ({ nodes: definition.nodes.slice(0, count) });

describe(`a node that becomes two and three (${context.title})`, () => {
  const stack = new FleetStack(context, rig, { ...definition, ...upTo(1) });
  const stores = new GroupStores(stack, faults);
  const sent: LoadReport[] = [];

  async function send(name: string, work: () => Promise<unknown>): Promise<void> {
    const load = FleetLoad.begin(context, stack, name, { ...RATES, nodes: ["node1"], seconds: 800 });
    try {
      await work();
      sent.push(...(await load.stop()).values());
    } finally {
      load.abandon();
    }
  }

  async function expectAll(what: string, signals: readonly CountedSignal[] = COUNTED): Promise<void> {
    const counts = await countAt(context, stack, sent, { seconds: 120 });
    sayCounts(what, counts);
    for (const { node, signals: counted } of counts)
      for (const signal of signals)
        expect({ node, signal, ...counted[signal] }).toMatchObject({ node, signal, lost: 0, errors: [] });
  }

  const choices = () =>
    Promise.all(stack.nodes.map(async (node) => (await reach(stack.url(node, "stats", "/healthz"))).text.trim()));

  async function untilAllReadFrom(group: string): Promise<void> {
    await waitFor(`every node reads from group ${group}`, { seconds: SETTLED_SECONDS }, async () => {
      const all = await choices();
      return all.every((text) => text.includes(`logs from group ${group}; traces from group ${group}`)) || undefined;
    });
  }

  beforeAll(async () => {
    await faults.healAll();
    await emptyHosts();
    await stack.forget();
  });

  afterAll(() => stack.forget());

  test("holds what was written while it was alone, and what is written while it grows", async () => {
    expect(await stack.mirador("up")).toMatchObject({ status: 0 });
    await send("alone", () => sleep(ALONE_SECONDS * 1000));
    await expectAll("one node");
    stack.change(upTo(2));
    await send("growing", async () => expect(await stack.mirador("up")).toMatchObject({ status: 0 }));
    await untilAllReadFrom("a");
    await expectAll("two nodes");
  });

  test("shows all of it again after the stores of the first node were away for a while", async () => {
    const restarted: readonly ServiceName[] = ["vlstorage", "vtstorage"];
    for (const service of restarted) await faults.stop(stack.container("node1", service));
    await untilAllReadFrom("b");
    for (const service of restarted) await faults.start(stack.container("node1", service));
    await untilAllReadFrom("a");
    await expectAll("two nodes, the first one's stores restarted");
  });

  test("becomes three without a change of the second's group", async () => {
    stack.change(upTo(3));
    await send("growing-again", async () => expect(await stack.mirador("up")).toMatchObject({ status: 0 }));
    await expectAll("three nodes");
  });

  test("has its logs and traces in both groups after a repair", async () => {
    expect(await stack.mirador("repair", "--all")).toMatchObject({ status: 0 });
    await stores.stop("a");
    await untilAllReadFrom("b");
    await expectAll("three nodes, group b alone", ["logs", "spans"]);
    await stores.start("a");
  });
});
