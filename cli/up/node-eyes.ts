import type Docker from "dockerode";
import type { NodePlan } from "../../lib/plan/node-plan";
import type { AccessPointName } from "../../lib/plan/ports";
import { AGENT_SIGNALS, AGENTS, type AgentName, type AgentSignal } from "../../lib/victoria/agents";
import { withinSeconds } from "./engines";
import type { NodeEyes } from "./fleet-watch";
import { agentSizes, queueSizes } from "./queues";

const ANSWER_SECONDS = 5;
/** As planned for any fleet of several nodes. */
const GROUPS = ["a", "b"] as const;
const STORES = new Set(["vmstorage", "vmsingle", "vlstorage", "vtstorage"]);

/** Metrics of one of a node's agents; they are behind no access point. */
export type AgentMetrics = (agent: AgentName) => Promise<string>;

/**
 * Looks at a node through its access points, and at its stores through its engine.
 * @param agent asks through the mesh. @default - the node has no agents
 */
export function eyesOn(plan: NodePlan, client: Docker, aheadSeconds: number, agent?: AgentMetrics): NodeEyes {
  return {
    name: plan.name,
    group: plan.group,
    ready: async () => {
      const response = await ask(originOf(plan, "stats"), "/readyz");
      return { ok: response.ok, text: (await response.text()).trim() };
    },
    queues: async () => {
      const response = await ask(originOf(plan, "gatewayMetrics"), "/metrics");
      const text = await response.text();
      if (!response.ok) throw new Error(`status ${response.status}`);
      const agents =
        agent === undefined ? [] : await Promise.all(AGENT_SIGNALS.map((signal) => agentOf(signal, agent)));
      return new Map([...queueSizes(text), ...agents.flatMap((sizes) => [...sizes])]);
    },
    storeAges: () => withinSeconds(storeAges(plan, client, aheadSeconds), ANSWER_SECONDS),
  };
}

/** An agent that does not answer stands in nobody's way: `/readyz` tells of it, and an older node has none. */
async function agentOf(signal: AgentSignal, metrics: AgentMetrics): Promise<ReadonlyMap<string, number>> {
  const { service } = AGENTS[signal];
  return agentSizes(await metrics(service).catch(() => ""), service, GROUPS);
}

/** @returns such as `http://10.0.0.11:8404` */
export function originOf({ accessPoints }: Pick<NodePlan, "accessPoints">, name: AccessPointName): string {
  const point = accessPoints.find((candidate) => candidate.name === name);
  return point === undefined ? "" : new URL(point.url).origin;
}

/** A connection of its own: one that is kept would survive the reload that is asked about. */
function ask(origin: string, path: string): Promise<Response> {
  const signal = AbortSignal.timeout(ANSWER_SECONDS * 1000);
  return fetch(origin + path, { headers: { connection: "close" }, signal });
}

async function storeAges(
  { fleet, name }: NodePlan,
  client: Docker,
  aheadSeconds: number,
): Promise<ReadonlyMap<string, number>> {
  const label = [`mirador.fleet=${fleet}`, `mirador.node=${name}`, "mirador.service"];
  const containers = await client.listContainers({ filters: { label } });
  const stores = containers.filter(({ Labels }) => STORES.has(Labels["mirador.service"] ?? ""));
  const ages = stores.map(async ({ Id, Labels }) => {
    const { State } = await client.getContainer(Id).inspect();
    const seconds = Date.now() / 1000 + aheadSeconds - Date.parse(State.StartedAt) / 1000;
    return [Labels["mirador.service"] ?? "", seconds] as const;
  });
  return new Map(await Promise.all(ages));
}
