import type Docker from "dockerode";
import type { NodePlan } from "../../lib/plan/node-plan";
import { PORTS } from "../../lib/plan/ports";
import { AGENTS } from "../../lib/victoria/agents";
import { endpointUrl } from "../../lib/victoria/endpoints";
import { missingAt, runInside } from "../engine-exec";
import { agentSizes, queueSizes } from "../queues";
import { withinSeconds } from "./engines";
import type { NodeEyes } from "./fleet-watch";

const ANSWER_SECONDS = 5;
/** Of each question that is put to a program of the node. */
const ASK_SECONDS = 4;
/** As planned for any fleet of several nodes. */
const GROUPS = ["a", "b"] as const;
const STORES = new Set(["vmstorage", "vmsingle", "vlstorage", "vtstorage"]);

/**
 * Looks at a node through its engine alone. Ports, certificates and names of the access points and of the mesh may be
 * others in the plan than on the node as it runs; the engine and the names within the node's own network are not.
 */
export function eyesOn(plan: NodePlan, client: Docker, aheadSeconds: number): NodeEyes {
  const haproxy = `${plan.prefix}-haproxy`;
  return {
    name: plan.name,
    group: plan.group,
    missing: () => missingAt(client, haproxy),
    queues: async () => {
      const seconds = (plan.agents.length + 1) * ASK_SECONDS + 1;
      return sizesIn(await runInside(client, haproxy, queuesScript(plan), seconds), plan);
    },
    storeAges: () => withinSeconds(storeAges(plan, client, aheadSeconds), ANSWER_SECONDS),
  };
}

/**
 * Asked from HAProxy's container, which is in the node's network and can ask. An agent that does not answer stands in
 * nobody's way: readiness tells of it, and an older node has none.
 */
function queuesScript({ agents }: NodePlan): string {
  return [
    `ask() { timeout ${ASK_SECONDS} wget -q -O - "$1" || return 1; }`,
    `all=$(ask ${endpointUrl({ service: "gateway", port: PORTS.collectorMetrics }, "/metrics")}) || exit 1`,
    'echo "$all" | grep "^otelcol_exporter_queue_size"',
    ...agents.flatMap(({ signal }) => [
      `echo "@${AGENTS[signal].service}"`,
      `ask ${endpointUrl(AGENTS[signal], "/metrics")} 2>/dev/null | grep "_remotewrite_pending_data_bytes"`,
    ]),
    "exit 0",
  ].join("\n");
}

/** @param text what {@link queuesScript} prints */
function sizesIn(text: string, { agents }: NodePlan): ReadonlyMap<string, number> {
  const [gateway = "", ...parts] = text.split(/^@/m);
  return new Map([
    ...queueSizes(gateway),
    ...agents.flatMap(({ signal }) => {
      const { service } = AGENTS[signal];
      return [...agentSizes(parts.find((part) => part.startsWith(`${service}\n`)) ?? "", service, GROUPS)];
    }),
  ]);
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
