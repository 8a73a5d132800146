import { loadPlan, loadPlanToLook } from "../../inputs/load-plan";
import type { Fleet } from "../../lib/fleet/fleet";
import { type NodePlan, servicesOf } from "../../lib/plan/node-plan";
import type { FleetPlan } from "../../lib/plan/plan-fleet";
import { chosen, chosenNodes } from "../chosen";
import { routeTo } from "../engine-route";
import { CliError, type Trouble } from "../failure";
import { nodeContainers } from "../orphans";
import type { Session } from "../session";
import { asked, type ReachedEngine, reachEngine, withinSeconds } from "../up/engines";
import type { SeenNode } from "../up/roll-out";

/** An engine that told who it is may still hang. */
const LIST_SECONDS = 15;

/** A node and its engine, or why that does not answer. */
export interface NodeOnEngine {
  readonly plan: NodePlan;
  readonly engine: ReachedEngine | Trouble;
}

/** The fleet, and those of its nodes that a command names; no engine is asked yet, and no certificate is made. */
export async function plannedNodes(
  { folder, environment }: Session,
  named: readonly string[],
): Promise<{ readonly fleet: Fleet; readonly plans: readonly NodePlan[]; readonly plan: FleetPlan }> {
  const { fleet, plan } = await loadPlan(folder, environment, { mayCreate: false });
  return { fleet, plans: chosenNodes(plan.nodes, named), plan };
}

/**
 * The same for a verb that only looks. Secrets and certificates that cannot be used are told on the standard error output,
 * and stop nothing.
 */
export async function nodesToLookAt(
  { folder, environment }: Session,
  named: readonly string[],
): Promise<{ readonly fleet: Fleet; readonly plans: readonly NodePlan[] }> {
  const { fleet, plan, problems } = await loadPlanToLook(folder, environment);
  const codes = [...new Set(problems.map(({ code }) => code))].join(", ");
  if (codes !== "") console.error(`note: a deploy would be refused for ${codes}; npm run mirador -- doctor says more`);
  return { fleet, plans: chosenNodes(plan.nodes, named) };
}

/** Asks the engines of all nodes at once. */
export async function reachNodes(
  fleet: Pick<Fleet, "nodes">,
  plans: readonly NodePlan[],
  session: Session,
): Promise<readonly NodeOnEngine[]> {
  return Promise.all(plans.map(async (plan) => ({ plan, engine: await reachNode(fleet, plan, session) })));
}

/**
 * Asks the engine of a node.
 * @param streams that will stay open on it. @default 0
 */
export async function reachNode(
  { nodes }: Pick<Fleet, "nodes">,
  plan: NodePlan,
  { environment }: Session,
  streams = 0,
): Promise<ReachedEngine | Trouble> {
  const where = `fleet.nodes[${nodes.findIndex(({ name }) => name === plan.name)}]`;
  const route = () => routeTo(plan.docker, environment, streams === 0 ? undefined : streams + 3);
  return reachEngine({ node: plan, where, route });
}

/**
 * Nodes that are going to be touched, or that must carry the fleet meanwhile: each of them has to answer.
 * @throws CliError with every engine that does not answer, before anything was touched
 */
export async function seeNodes(
  fleet: Pick<Fleet, "name" | "nodes">,
  plans: readonly NodePlan[],
  session: Session,
): Promise<readonly SeenNode[]> {
  const looks = await Promise.all(
    (await reachNodes(fleet, plans, session)).map(async ({ plan, engine }) => {
      if ("code" in engine) return engine;
      return asked(engine, async () => {
        const list = nodeContainers(engine.client, { fleet: fleet.name, node: plan.name });
        return { plan, engine, deployed: (await withinSeconds(list, LIST_SECONDS)).length > 0 };
      });
    }),
  );
  const troubles = looks.flatMap((look) => ("code" in look ? look : []));
  if (troubles.length > 0) throw new CliError(troubles);
  return looks.flatMap((look) => ("code" in look ? [] : look));
}

/** @param found as {@link seeNodes} gives them */
export const enginesSaid = (found: readonly SeenNode[]): string =>
  `${found.length === 1 ? "the engine answers" : `${found.length} engines answer`}; nothing was touched yet`;

/**
 * The services that a command names; without names all of them, in the order in which a deploy starts them.
 * @param besides other names that may be named
 * @throws CliError `fleet/unknown-service`
 */
export function chosenServices(
  plans: readonly NodePlan[],
  named: readonly string[],
  besides: readonly string[] = [],
): readonly string[] {
  const services = [...new Set(plans.flatMap((plan) => servicesOf(plan).map(({ service }) => service)))];
  if (named.length === 0) return services;
  const all = [...services, ...besides].map((name) => ({ name }));
  return chosen(all, named, { code: "fleet/unknown-service", what: "service" }).map(({ name }) => name);
}

/**
 * The engine of the machine that the command runs on, whether a node is on it or not.
 * @throws CliError `machine/engine-unreachable`
 */
export async function hereEngine({ environment }: Pick<Session, "environment">): Promise<ReachedEngine> {
  const docker = { kind: "unix" } as const;
  const engine = await reachEngine({
    node: { name: "this machine", docker },
    where: "this machine",
    route: () => routeTo(docker, environment),
  });
  if ("code" in engine) throw new CliError({ ...engine, where: "this machine" });
  return engine;
}
