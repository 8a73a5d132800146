import { setTimeout as sleep } from "node:timers/promises";
import type { Container } from "dockerode";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { beginCaChange, finishCaChange, issueByNextCa } from "../../../inputs/pki/rotate";
import type { FleetDefinition } from "../../../lib";
import type { Ended } from "../../e2e/support/process";
import { NO_CHANGE } from "../../e2e/support/stack";
import { FleetStack } from "../support/fleet-stack";
import { fleetOn } from "../support/fleets";
import type { Host } from "../support/host";
import { COUNTED, countAt, FleetLoad, type LoadReport } from "../support/load";
import { FleetProbes } from "../support/probe";
import { context, faults, rig } from "../support/shared-rig";
import { say, sayCounts } from "../support/summary";
import { readiness, untilReady } from "../support/trial";

/** Items a second, spread over the nodes. */
const RATES = { spans: 300, logs: 300, samples: 1_000 } as const;
const LOAD_SECONDS = 800;
const CALM_SECONDS = 5;

const FLEET = fleetOn(rig.hosts, "rolling", context.metricsLayout);
const stack = new FleetStack(context, rig, FLEET);

/** Ids of a node's services. */
async function ids(node: string): Promise<Readonly<Record<string, string>>> {
  const names = await stack.services(node);
  const entries = names.map(async (name) => [name, (await stack.container(node, name).inspect()).Id] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function replaced(work: () => Promise<unknown>): Promise<Readonly<Record<string, readonly string[]>>> {
  const before = await Promise.all(stack.nodes.map(ids));
  await work();
  const after = await Promise.all(stack.nodes.map(ids));
  return Object.fromEntries(
    stack.nodes.map((node, index) => [
      node,
      Object.keys(before[index] ?? {}).filter((name) => before[index]?.[name] !== after[index]?.[name]),
    ]),
  );
}

interface Expected {
  /** Without drain a query may meet a store that stops. @default false */
  readonly queriesMayFail?: boolean;
}

/** Work under load at every node, by both protocols; then every item is looked for at every node. */
async function underLoad(
  what: string,
  work: () => Promise<unknown>,
  { queriesMayFail = false }: Expected = {},
): Promise<void> {
  const name = what.replaceAll(/\W+/g, "-");
  // One try for each request: whatever the fleet does not bridge counts as failed.
  const load = FleetLoad.begin(context, stack, name, { ...RATES, seconds: LOAD_SECONDS, retrySeconds: 0 });
  const probes = new FleetProbes(stack);
  try {
    await sleep(CALM_SECONDS * 1000);
    await work();
    await Promise.all(stack.nodes.map((node) => untilReady(stack, node)));
    await sleep(CALM_SECONDS * 1000);
    const reports = await load.stop();
    const seen = await probes.stop();
    for (const [node, { signals }] of reports) sayLoad(`${what}, sent to ${node}`, signals);
    for (const { node, kind, name: signal, errors, longestGapMs } of seen) {
      const [first] = errors;
      if (first !== undefined)
        say(
          what,
          `${kind} ${signal} at ${node}: ${errors.length} errors, gap ${longestGapMs} ms, first: ${first.reason}`,
        );
    }
    const failedQueries = seen.flatMap(({ node, kind, name: signal, errors }) =>
      kind === "read" ? errors.map(({ reason }) => `${signal} at ${node}: ${reason}`) : [],
    );
    if (!queriesMayFail) expect.soft(failedQueries).toEqual([]);
    const after = await countAt(context, stack, [...reports.values()], { seconds: 120 });
    sayCounts(`${what}, after`, after);
    expect(failuresIn(reports)).toEqual([]);
    for (const { node, signals } of after) {
      for (const signal of COUNTED) {
        const { lost, errors } = signals[signal];
        expect({ node, signal, lost, errors }).toEqual({ node, signal, lost: 0, errors: [] });
      }
    }
  } finally {
    load.abandon();
    await probes.stop();
  }
}

function sayLoad(what: string, signals: LoadReport["signals"]): void {
  const told = Object.entries(signals).map(
    ([signal, { sentRequests, failedRequests, rejectedItems, refused, longestGapMs, latencyMs }]) =>
      `${signal} ${sentRequests} requests, ${failedRequests} failed, ${rejectedItems} items rejected, refused ${JSON.stringify(refused)}, gap ${Math.round(longestGapMs)} ms, p99 ${Math.round(latencyMs.p99)} ms`,
  );
  say(what, told.join("; "));
}

function failuresIn(reports: ReadonlyMap<string, LoadReport>): readonly string[] {
  return [...reports].flatMap(([node, { signals }]) =>
    Object.entries(signals).flatMap(([signal, { failedRequests, rejectedItems, refused, byProtocol }]) => [
      ...(failedRequests + rejectedItems === 0
        ? []
        : [`${node} ${signal}: ${failedRequests} requests failed, ${JSON.stringify(refused)}`]),
      ...["grpc", "http"].flatMap((protocol) =>
        (byProtocol[protocol]?.ackedRequests ?? 0) > 10 ? [] : [`${node} ${signal}: hardly anything by ${protocol}`],
      ),
    ]),
  );
}

const SETTINGS: FleetDefinition = {
  batch: { flushMilliseconds: 250 },
  haproxy: { algorithm: "leastconn", checkIntervalSeconds: 3 },
};
const STORES: FleetDefinition = { retention: { metrics: "31d", logs: "4d", traces: "3d" } };

describe(`three nodes, changed one after the other (${context.title})`, () => {
  const stores = [context.metricsLayout === "cluster" ? "vmstorage" : "vmsingle", "vlstorage", "vtstorage"];

  /** What the command said when there was nothing yet. */
  let first: Ended;

  beforeAll(async () => {
    await faults.healAll();
    await stack.forget();
    first = await stack.mirador("up");
  });

  afterAll(() => stack.forget());

  test("mirador up deploys all of them from nothing, and then there is nothing to change", async () => {
    expect(first).toMatchObject({ status: 0, output: expect.stringContaining("Changed: node1, node2, node3;") });
    for (const node of stack.nodes) expect(await readiness(stack, node), node).toEqual({ status: 200, text: "ready" });
    const second = await stack.mirador("up");
    expect(second).toMatchObject({
      status: 0,
      output: expect.stringContaining("Nothing to change: node1, node2, node3"),
    });
    for (const node of stack.nodes) expect(await stack.plan(node), node).toEqual(NO_CHANGE);
  });

  test("settings of collectors and HAProxy: mirador up fails no request", async () => {
    stack.change(SETTINGS);
    const changed = await replaced(() =>
      underLoad("settings by up", async () => expect((await stack.mirador("up")).status).toBe(0)),
    );
    expect(changed).toEqual({ node1: ["gateway"], node2: ["gateway"], node3: ["gateway"] });
  });

  test("flags of the stores: mirador up fails no request", async () => {
    stack.change(STORES);
    const changed = await replaced(() =>
      underLoad("stores by up", async () => expect((await stack.mirador("up")).status).toBe(0)),
    );
    expect(changed.node1).toEqual(expect.arrayContaining(stores));
    expect(changed.node2).toEqual(expect.arrayContaining(stores));
  });

  test("another authority of the mesh, in its three steps: mirador up fails no request", async () => {
    const changed = await replaced(() =>
      underLoad("another authority", async () => {
        for (const step of [beginCaChange, issueByNextCa, finishCaChange]) {
          await stack.changeCertificates(step);
          expect((await stack.mirador("up")).status).toBe(0);
        }
      }),
    );
    expect(changed).toEqual({ node1: [], node2: [], node3: [] });
  });

  test("both at once by plain deploys, in another order and without any wait: no request fails", async () => {
    stack.change({
      batch: { flushMilliseconds: 500 },
      haproxy: { algorithm: "random" },
      retention: FLEET.retention ?? {},
    });
    await underLoad("plain deploys", () => stack.deployAll(["node3", "node1", "node2"]), { queriesMayFail: true });
    for (const node of stack.nodes) expect(await stack.plan(node), node).toEqual(NO_CHANGE);
  });

  test("fails with everything that is wrong on any host at once, and touches nothing", async () => {
    const before = await Promise.all(stack.nodes.map(ids));
    const [one, two, three] = FLEET.nodes;
    if (one === undefined || two === undefined || three === undefined) throw new Error("three nodes are needed");
    const foreign = await listener(stack.host("node3"), 8_999);
    try {
      // The first two have changed places, and the port is somebody else's at the third.
      stack.change({ nodes: [two, one, three], ports: { stats: 8_999 } });
      const { status, output } = await stack.mirador("up");
      expect(status).toBe(1);
      expect(output).toMatch(/data\/other-group\n +what +rolling_node1-/);
      expect(output).toMatch(/data\/other-group\n +what +rolling_node2-/);
      expect(output).toMatch(
        /machine\/port-taken\n +what +port 8999 on \S+ of node3 is taken by the container foreign/,
      );
    } finally {
      await foreign.remove({ force: true });
      stack.change({ nodes: FLEET.nodes, ports: {} });
    }
    expect(await Promise.all(stack.nodes.map(ids))).toEqual(before);
  });

  test("ports that clients see are others afterwards, and mirador up finds every node all the same", async () => {
    stack.change({ ports: { stats: 8_998, gatewayMetrics: 8_997 } });
    const { status, output } = await stack.mirador("up");
    expect({ status, output }).toMatchObject({ status: 0, output: expect.stringContaining("Changed: ") });
    for (const node of stack.nodes) expect(await readiness(stack, node), node).toEqual({ status: 200, text: "ready" });
  });
});

/** A container of somebody else's that holds a port. */
async function listener(host: Host, port: number): Promise<Container> {
  const [image] = (await host.docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []).filter(isHaproxy);
  const container = await host.docker.createContainer({
    name: "foreign",
    Image: image ?? "",
    Entrypoint: ["sleep", "600"],
    ExposedPorts: { "80/tcp": {} },
    HostConfig: { PortBindings: { "80/tcp": [{ HostPort: `${port}` }] } },
  });
  await container.start();
  return container;
}

const isHaproxy = (ref: string): boolean => ref.includes("haproxy");
