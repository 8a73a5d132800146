import { describe, expect, test } from "vitest";
import { CliError, Interrupted } from "../../../cli/failure";
import { type RollNode, type RollRequest, RollStopped, roll } from "../../../cli/up/roll";

const node = (name: string, more: Partial<RollNode> = {}): RollNode => ({
  name,
  differs: true,
  ...more,
});

/** Notes what is done, in order; a test overrides what goes otherwise. */
function world(nodes: readonly RollNode[], overrides: Partial<RollRequest> = {}) {
  const done: string[] = [];
  const note =
    (what: string) =>
    async (name: string): Promise<readonly string[]> => {
      done.push(`${what} ${name}`);
      return [];
    };
  const request: RollRequest = {
    nodes,
    told: () => ({
      step: async (_, __, work) => work({ waiting: (text) => done.push(text), line: () => undefined }),
      note: () => undefined,
    }),
    isMissed: () => true,
    hindrances: note("may"),
    deploy: async (name) => {
      done.push(`deploy ${name}`);
    },
    unsettled: note("settled"),
    unready: note("ready"),
    release: async (name) => {
      done.push(`release ${name}`);
    },
    waitSeconds: 5,
    lookMilliseconds: 1,
    ...overrides,
  };
  return { request, done };
}

async function stopped(request: RollRequest): Promise<RollStopped> {
  const error = await roll(request).catch((caught: unknown) => caught);
  if (!(error instanceof RollStopped)) throw new Error(`no RollStopped but ${error}`);
  return error;
}

test("one node after the other, each settled before the next is looked at", async () => {
  const { request, done } = world([node("node1"), node("node2")]);
  expect(await roll(request)).toEqual({ changed: ["node1", "node2"], unchanged: [], untouched: [] });
  expect(done).toEqual(
    ["node1", "node2"].flatMap((name) => ["may", "deploy", "settled", "release"].map((what) => `${what} ${name}`)),
  );
});

test("nodes with nothing to change are left alone", async () => {
  const { request, done } = world([node("node1", { differs: false }), node("node2")]);
  expect(await roll(request)).toEqual({ changed: ["node2"], unchanged: ["node1"], untouched: [] });
  expect(done.filter((what) => what.includes("node1"))).toEqual(["ready node1"]);
});

test("a node with nothing to change that is not ready is no success", async () => {
  const nodes = [node("node1"), node("node2", { differs: false })];
  const unready = async () => ["node2 is not ready (vlstorage)"];
  const { request, done } = world(nodes, { unready, waitSeconds: 0 });
  const { rolled, cause } = await stopped(request);
  expect(rolled).toEqual({ changed: ["node1"], unchanged: [], failed: "node2", untouched: [] });
  expect((cause as CliError).message).toMatch(/up\/node-not-settled[\s\S]*node2 is not ready \(vlstorage\)/);
  expect(done).not.toContain("deploy node2");
});

test("Ctrl-C ends it before the next step, whatever it waits for", async () => {
  const interruption = new AbortController();
  const deploy = async (): Promise<void> => interruption.abort();
  const { request, done } = world([node("node1"), node("node2")], { deploy, interrupt: interruption.signal });
  const { rolled, cause } = await stopped(request);
  expect(cause).toBeInstanceOf(Interrupted);
  expect(rolled).toEqual({ changed: [], unchanged: [], failed: "node1", untouched: ["node2"] });
  expect(done).toEqual(["may node1", "release node1"]);
});

test("a node that is not there yet is missed by nobody: nothing is waited for before it", async () => {
  const { request, done } = world([node("node1")], { isMissed: () => false });
  await roll(request);
  expect(done).toEqual(["deploy node1", "settled node1", "release node1"]);
});

test("waits as long as something stands in the way, and says what", async () => {
  const reasons = [["node2 is not ready (gateway)"], ["2.0 MiB of logs wait at node3 for group b"], []];
  const { request, done } = world([node("node1")], { hindrances: async () => reasons.shift() ?? [] });
  await roll(request);
  expect(done.slice(0, 3)).toEqual([
    "waiting: node2 is not ready (gateway)",
    "waiting: 2.0 MiB of logs wait at node3 for group b",
    "deploy node1",
  ]);
});

describe("the first failure ends it, with how far it came", () => {
  const nodes = ["node1", "node2", "node3"].map((name) => node(name));

  test("a fleet that does not get well: the node is not touched", async () => {
    const hindrances = async (name: string) => (name === "node2" ? ["node3 is not ready (vlstorage)"] : []);
    const { request, done } = world(nodes, { hindrances, waitSeconds: 0 });
    const { rolled, cause } = await stopped(request);
    expect(rolled).toEqual({ changed: ["node1"], unchanged: [], failed: "node2", untouched: ["node3"] });
    expect(done).not.toContain("deploy node2");
    expect(done.at(-1)).toBe("release node2");
    expect((cause as CliError).message).toMatch(
      /up\/fleet-not-well[\s\S]*node3 is not ready \(vlstorage\)[\s\S]*--wait/,
    );
  });

  test("a deploy that fails: its own error is the reason, and the balancers are told that nobody leaves", async () => {
    const failure = new CliError({ code: "terraform/container-failed", what: "w", fix: "f" });
    const { request, done } = world(nodes, { deploy: () => Promise.reject(failure) });
    const { rolled, cause } = await stopped(request);
    expect(cause).toBe(failure);
    expect(rolled).toEqual({ changed: [], unchanged: [], failed: "node1", untouched: ["node2", "node3"] });
    expect(done).toEqual(["may node1", "release node1"]);
  });

  test("a node that does not get as good as before", async () => {
    const { request } = world(nodes, { unsettled: async () => ["node1 is not ready (gateway)"], waitSeconds: 0 });
    const { cause } = await stopped(request);
    expect((cause as CliError).message).toMatch(/up\/node-not-settled[\s\S]*node1 is not ready \(gateway\)/);
  });
});
