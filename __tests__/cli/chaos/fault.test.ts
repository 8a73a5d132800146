import type Docker from "dockerode";
import { expect, test } from "vitest";
import { Fault, type FaultKind, struckServices } from "../../../cli/chaos/fault";
import { whatComes } from "../../../cli/chaos/run";
import { defineFleet } from "../../../lib";
import type { DockerDefinition } from "../../../lib/fleet/definition";
import { servicesOf } from "../../../lib/plan/node-plan";
import { nodePlan, nodes, planOf } from "../../support/fleets";

const [PLAN = expect.fail()] = planOf(defineFleet({ name: "shop", nodes: nodes(3) })).nodes;

interface Place {
  readonly Aliases: readonly string[];
}

/** A host's engine, as far as faults are concerned. */
class FakeEngine {
  public readonly states = new Map<string, "running" | "paused" | "exited">();
  public readonly places = new Map<string, Place>();
  public refuses: string | undefined;
  public readonly calls: string[] = [];

  constructor(services: readonly string[]) {
    for (const service of services) {
      this.states.set(`shop_node1-${service}`, "running");
      this.places.set(`shop_node1-${service}`, { Aliases: [service, "0123456789ab"] });
    }
  }

  public get client(): Docker {
    return {
      getContainer: (name: string) => ({
        inspect: async () => {
          const place = this.places.get(name);
          const state = this.states.get(name);
          return {
            Id: "0123456789abcdef",
            State: { Running: state !== "exited", Paused: state === "paused" },
            NetworkSettings: { Networks: place === undefined ? {} : { [PLAN.network]: place } },
          };
        },
        kill: () => this.set(name, "exited"),
        pause: () => this.set(name, "paused"),
        start: () => this.set(name, "running"),
        unpause: () => this.set(name, "running"),
      }),
      getNetwork: () => ({
        disconnect: async ({ Container }: { Container: string }) => void this.places.delete(Container),
        connect: async ({ Container, EndpointConfig }: { Container: string; EndpointConfig: Place }) =>
          void this.places.set(Container, EndpointConfig),
      }),
    } as unknown as Docker;
  }

  private async set(name: string, state: "running" | "paused" | "exited"): Promise<void> {
    if (name === this.refuses) throw new Error(`the engine refuses ${name}`);
    this.calls.push(`${name} ${state}`);
    this.states.set(name, state);
  }
}

function faultOf(kind: FaultKind, services: readonly string[], engine: FakeEngine): Fault {
  return new Fault(kind, { plan: PLAN, engine: { address: "tcp://10.0.0.11:2376", client: engine.client } }, services);
}

test.each([
  ["kill", "exited"],
  ["hang", "paused"],
] as const)("%s strikes what is named, and makes it as it was", async (kind, struck) => {
  const engine = new FakeEngine(["gateway", "vlstorage", "haproxy"]);
  const fault = faultOf(kind, ["gateway", "vlstorage"], engine);
  await fault.begin();
  expect([...engine.states.values()]).toEqual([struck, struck, "running"]);
  await fault.undo();
  expect([...engine.states.values()]).toEqual(["running", "running", "running"]);
  const calls = engine.calls.length;
  await fault.undo();
  expect(engine.calls).toHaveLength(calls);
});

test("what the engine has started by itself is left alone", async () => {
  const engine = new FakeEngine(["gateway"]);
  const fault = faultOf("kill", ["gateway"], engine);
  await fault.begin();
  engine.states.set("shop_node1-gateway", "running");
  await fault.undo();
  expect(engine.calls).toEqual(["shop_node1-gateway exited"]);
});

test("cut gives a container its names back, but not the one that the engine makes", async () => {
  const engine = new FakeEngine(["haproxy"]);
  const fault = faultOf("cut", ["haproxy"], engine);
  await fault.begin();
  expect([...engine.places]).toEqual([]);
  await fault.undo();
  expect(engine.places.get("shop_node1-haproxy")).toEqual({ Aliases: ["haproxy"] });
});

test("a fault that was begun in part is told, and can be undone", async () => {
  const engine = new FakeEngine(["gateway", "vlstorage"]);
  engine.refuses = "shop_node1-gateway";
  const fault = faultOf("hang", ["gateway", "vlstorage"], engine);
  await expect(fault.begin()).rejects.toThrow(/chaos\/not-struck[\s\S]*the engine refuses shop_node1-gateway/);
  engine.refuses = undefined;
  await fault.undo();
  expect([...engine.states.values()]).toEqual(["running", "running"]);
});

test.each<[FaultKind, DockerDefinition, string]>([
  ["kill", { kind: "unix" }, "docker -H tcp://10.0.0.11:2376 start shop_node1-gateway shop_node1-haproxy"],
  [
    "hang",
    { kind: "ssh", host: "h", user: "deploy" },
    "ssh -o BatchMode=yes -p 22 deploy@h docker unpause shop_node1-gateway shop_node1-haproxy",
  ],
  [
    "cut",
    { kind: "context", name: "far" },
    `docker --context far network connect --alias gateway ${PLAN.network} shop_node1-gateway && docker --context far network connect --alias haproxy ${PLAN.network} shop_node1-haproxy`,
  ],
])("%s can be undone by hand", (kind, docker, command) => {
  const place = { plan: { ...PLAN, docker }, engine: { address: "tcp://10.0.0.11:2376", client: {} as Docker } };
  expect(new Fault(kind, place, ["gateway", "haproxy"]).byHand()).toBe(command);
});

test("without names all services are struck; of a cut node its only door", () => {
  const all = servicesOf(PLAN).map(({ service }) => service);
  expect(struckServices(PLAN, "kill", [])).toEqual(all);
  expect(struckServices(PLAN, "cut", [])).toEqual(["haproxy"]);
  expect(struckServices(PLAN, "cut", ["vlstorage"])).toEqual(["vlstorage"]);
  expect(() => struckServices(PLAN, "hang", ["gatewy"])).toThrow(/fleet\/unknown-service[\s\S]*did you mean gateway/);
});

test("a person is told what comes, and what it means where there is one node alone", () => {
  const one = { name: "shop", nodes: [{}] };
  expect(whatComes(PLAN, { ...one, nodes: [{}, {}] }, "cut", ["haproxy"], 30)).toEqual([
    "This takes off the network haproxy of node1 of the fleet shop for 30 s.",
    "Clients that use node1 alone may get no answer meanwhile.",
  ]);
  const services = servicesOf(nodePlan()).map(({ service }) => service);
  expect(whatComes(nodePlan(), one, "kill", services, 8).join("\n")).toMatch(
    /^This kills \(SIGKILL\) \d+ services of node1 of the fleet shop for 8 s\.\nThe fleet has no other node: /,
  );
});
