import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { SERVICE_NAMES } from "../../lib/plan/services";
import { NO_CHANGE } from "../e2e/support/stack";
import { FleetStack } from "./support/fleet-stack";
import { fleetOn } from "./support/fleets";
import { COUNTED, type NodeCounts } from "./support/load";
import { WRONG_ANSWER } from "./support/probe";
import { context, faults, rig } from "./support/shared-rig";
import { FaultTable, say } from "./support/summary";
import { type Fault, readiness, tryFault, untilReady } from "./support/trial";
import { timed } from "./support/wait";

/** Items a second, spread over the nodes. */
const RATES = { spans: 300, logs: 300, samples: 1_000 } as const;
/**
 * Every gateway gets a share of every node's clients, and what one has acknowledged just before its host goes waits on
 * that host's disk. Seconds of one node's load that may so be missing while the host is away, and not after.
 */
const WAITING_SECONDS = 1;
/** How long a fault lasts under load. */
const HOLD_SECONDS = 30;

const stack = new FleetStack(context, rig, fleetOn(rig.hosts, "fleet", context.metricsLayout));
const table = new FaultTable();

async function allReady(): Promise<void> {
  await Promise.all(stack.nodes.map((node) => untilReady(stack, node)));
}

/** Tries a fault; nothing that was acknowledged may be missing, wherever one asks. */
async function survive(fault: Fault): Promise<void> {
  const trial = await tryFault(context, stack, RATES, fault);
  table.add(fault.name, trial);
  for (const probe of trial.probes) {
    expect(probe.errors.filter(({ reason }) => reason.startsWith(WRONG_ANSWER)).slice(0, 3)).toEqual([]);
    const [first] = probe.errors;
    if (first === undefined) continue;
    const when = `the first ${(first.atMs / 1000).toFixed(1)} s after the start of ${probe.kind}s: ${first.reason}`;
    say(fault.name, `${probe.kind} ${probe.name} at ${probe.node}: ${probe.errors.length} errors, ${when}`);
  }
  for (const [node, reports] of trial.reports) {
    for (const { signals } of reports) {
      for (const [signal, { failedRequests, ackedItems }] of Object.entries(signals)) {
        expect({ node, signal, failedRequests }).toEqual({ node, signal, failedRequests: 0 });
        expect(ackedItems, `${signal} acknowledged by ${node}`).toBeGreaterThan(100);
      }
    }
  }
  const mayWait = fault.struck === undefined ? 0 : WAITING_SECONDS;
  expect(lossesIn(trial.during, mayWait), "during").toEqual([]);
  expect(lossesIn(trial.after), "after").toEqual([]);
}

/** @param mayWait seconds of a node's load that are not missed */
function lossesIn(counts: readonly NodeCounts[], mayWait = 0): readonly string[] {
  return counts.flatMap(({ node, signals }) =>
    COUNTED.flatMap((signal) => {
      const { acked, lost, errors } = signals[signal];
      if (lost <= (RATES[signal] / stack.nodes.length) * mayWait && errors.length === 0) return [];
      return [`${node}: ${lost} of ${acked} ${signal}${errors.length > 0 ? `; ${errors.join("; ")}` : ""}`];
    }),
  );
}

describe(`three nodes (${context.title})`, () => {
  /** What the first node said of itself when it was the only one. */
  let alone: Awaited<ReturnType<typeof readiness>>;

  beforeAll(async () => {
    await faults.healAll();
    await stack.forget();
    const [first = "", ...others] = stack.nodes;
    const one = await timed(() => stack.deploy(first));
    alone = await readiness(stack, first);
    const rest = await timed(() => stack.deployAll(others));
    say("deployed", `the first node in ${one.seconds.toFixed(1)} s, the others in ${rest.seconds.toFixed(1)} s`);
    await allReady();
  });

  afterEach(async () => {
    await faults.healAll();
    await allReady();
  });

  afterAll(async () => {
    table.print(context.title);
    await stack.forget();
  });

  test("the first is ready before there are others", () => {
    expect(alone).toEqual({ status: 200, text: "ready" });
  });

  test("need nothing more: every second plan is empty", async () => {
    for (const node of stack.nodes) expect(await stack.plan(node), node).toEqual(NO_CHANGE);
  });

  test("count the same everywhere when nothing is wrong", async () => {
    await survive({ name: "nothing", begin: async () => undefined, holdSeconds: 5 });
  });

  test.for(SERVICE_NAMES)("kill -9 of %s on one node", async (service, { skip }) => {
    if (!(await stack.services("node1")).includes(service)) skip(`node1 has no ${service}`);
    await survive({ name: `kill ${service}`, begin: () => faults.kill(stack.container("node1", service)) });
  });

  test("a host crashes and comes back", async () => {
    const host = stack.host("node2");
    await survive({
      name: "crash of a host",
      struck: ["node2"],
      begin: () => faults.crash(host),
      holdSeconds: HOLD_SECONDS,
      end: () => faults.boot(host),
    });
  });

  test.each([`${context.metricsLayout === "cluster" ? "vmstorage" : "vmsingle"}`, "vlstorage", "vtstorage"])(
    "%s hangs",
    async (service) => {
      const host = stack.host("node1");
      const container = stack.container("node1", service);
      await survive({
        name: `${service} hangs`,
        begin: () => faults.freeze(host, container),
        holdSeconds: HOLD_SECONDS,
        end: () => faults.thaw(host, container),
      });
    },
  );

  test("a host hangs", async () => {
    const host = stack.host("node2");
    await survive({
      name: "hang of a host",
      struck: ["node2"],
      begin: () => faults.hang(host),
      holdSeconds: HOLD_SECONDS,
      end: () => faults.resume(host),
    });
  });

  test("a host is cut off and joins again", async () => {
    const host = stack.host("node2");
    await survive({
      name: "cut of a host",
      struck: ["node2"],
      begin: () => faults.cut(host),
      holdSeconds: HOLD_SECONDS,
      end: () => faults.join(host),
    });
  });
});
