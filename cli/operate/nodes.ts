import { loadPlan } from "../../inputs/load-plan";
import type { Fleet } from "../../lib/fleet/fleet";
import type { NodePlan } from "../../lib/plan/node-plan";
import { chosenNodes } from "../chosen";
import { routeTo } from "../engine-route";
import type { Trouble } from "../failure";
import type { Session } from "../session";
import { type ReachedEngine, reachEngine } from "../up/engines";

/** A node and its engine, or why that does not answer. */
export interface NodeOnEngine {
  readonly plan: NodePlan;
  readonly engine: ReachedEngine | Trouble;
}

/** The fleet, and those of its nodes that a command names; no engine is asked yet, and no certificate is made. */
export async function plannedNodes(
  { folder, environment }: Session,
  named: readonly string[],
): Promise<{ readonly fleet: Fleet; readonly plans: readonly NodePlan[] }> {
  const { fleet, plan } = await loadPlan(folder, environment, { mayCreate: false });
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
