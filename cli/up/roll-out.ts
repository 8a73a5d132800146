import { SIGNALS } from "../../lib/fleet/definition";
import type { Fleet } from "../../lib/fleet/fleet";
import type { Group } from "../../lib/plan/groups";
import type { NodePlan } from "../../lib/plan/node-plan";
import type { Told } from "../deployment";
import type { MeshClient } from "../mesh-client";
import type { Session } from "../session";
import { drainNode, LEAVE_SECONDS, TELL_AGAIN_MILLISECONDS } from "./drain";
import type { ReachedEngine } from "./engines";
import { FleetWatch, type NodeEyes } from "./fleet-watch";
import { eyesOn } from "./node-eyes";
import { type Rolled, type RollNode, roll } from "./roll";
import { underName } from "./under-name";

/** A node whose engine answers. */
export interface SeenNode {
  readonly plan: NodePlan;
  readonly engine: ReachedEngine;
  /** It has containers. */
  readonly deployed: boolean;
}

/** A node that something is to be done to. */
export interface ChangedNode extends RollNode {
  readonly plan: NodePlan;
  /** Something that works will be away for a moment. Without it nobody has to do without the node. */
  readonly takesAway: boolean;
}

/** What is to be done to a fleet, node by node. */
export interface RollOut<T extends ChangedNode> {
  readonly session: Session;
  readonly fleet: Fleet;
  /** Every node whose engine answers, those among them that stay as they are. */
  readonly nodes: readonly SeenNode[];
  readonly planned: readonly T[];
  /** Whether `planned` is in the order that the person wants; else a good one is found. */
  readonly inOrder: boolean;
  /** How long each wait for the fleet may take. */
  readonly waitSeconds: number;
  /** @default - a single node */
  readonly mesh?: MeshClient;
  readonly change: (node: T, told: Told) => Promise<void>;
}

/**
 * Changes nodes one after the other, each when the fleet can do without it: balancers are told before and while it is
 * away, and the next one comes when it is as good as before.
 * @throws RollStopped
 */
export async function rollOut<T extends ChangedNode>({
  session,
  fleet,
  nodes,
  planned,
  inOrder,
  waitSeconds,
  mesh,
  change,
}: RollOut<T>): Promise<Rolled> {
  const there = new Set(nodes.filter(({ deployed }) => deployed).map(({ plan }) => plan.name));
  const eyes = nodes.map(({ plan, engine }) => eyesOn(plan, engine.client, engine.aheadSeconds));
  const watch = new FleetWatch({
    nodes: () => eyes.filter(({ name }) => there.has(name)),
    signals: SIGNALS,
    batchBytes: fleet.batch.maxMiB * 1024 ** 2,
  });
  const byName = new Map(planned.map((node) => [node.name, node]));
  const planFor = (name: string): T => byName.get(name) ?? fail(name);
  const wholeGroup = (group: Group): boolean =>
    nodes.every((node) => node.plan.group !== group || there.has(node.plan.name)) &&
    nodes.length === fleet.nodes.length;
  const toldNodes = () => nodes.map(({ plan }) => plan).filter(({ name }) => there.has(name));
  const tell = async (name: string, seconds: number) =>
    mesh === undefined || there.size < 2 ? [] : drainNode(mesh, toldNodes(), name, seconds);
  const told = (name: string): Told =>
    fleet.nodes.length === 1 ? session.progress : underName(session.progress, name);
  return roll({
    nodes: inOrder ? planned : await bestOrder(planned, eyes, there),
    told,
    waitSeconds,
    interrupt: session.interrupt,
    // Two nodes that lack something would wait for each other for ever.
    isMissed: (name) => there.has(name) && there.size > 1 && planFor(name).takesAway,
    hindrances: async (name) => {
      const reasons = await watch.withoutNode(name, planFor(name).plan.group);
      return reasons.length > 0 ? reasons : tell(name, LEAVE_SECONDS);
    },
    deploy: async (name) => {
      const again = setInterval(() => void tell(name, LEAVE_SECONDS), TELL_AGAIN_MILLISECONDS);
      try {
        await change(planFor(name), told(name));
      } finally {
        there.add(name);
        clearInterval(again);
        watch.forget();
      }
    },
    unsettled: async (name) => {
      const { plan, takesAway } = planFor(name);
      const { group } = plan;
      if (!takesAway) return watch.readiness(name);
      return watch.afterNode(name, group, wholeGroup(group));
    },
    unready: (name) => watch.readiness(name),
    release: async (name) => {
      await tell(name, 0);
    },
  });
}

function fail(name: string): never {
  throw new Error(`${name} was not planned`);
}

async function bestOrder<T extends { readonly name: string; readonly plan: NodePlan }>(
  planned: readonly T[],
  eyes: readonly Pick<NodeEyes, "name" | "missing">[],
  there: ReadonlySet<string>,
): Promise<readonly T[]> {
  const well = new Set<string>();
  const look = async ({ name, missing }: (typeof eyes)[number]): Promise<void> => {
    const service = await missing().catch(() => "haproxy");
    if (service === undefined) well.add(name);
  };
  await Promise.all(eyes.filter(({ name }) => there.has(name)).map(look));
  return inBestOrder(planned, ({ name, plan: { group } }) => ({
    group,
    state: there.has(name) ? (well.has(name) ? "well" : "unwell") : "new",
  }));
}

interface Standing {
  readonly group: Group;
  readonly state: "new" | "unwell" | "well";
}

/**
 * New nodes first, then those that a run left half done, then the others: of these first the ones of the group that no new
 * node is in. Until they know a new node they take nothing from it, and what it keeps for their group would stand in the way of
 * every change in its own.
 */
export function inBestOrder<T>(nodes: readonly T[], standing: (node: T) => Standing): readonly T[] {
  const known = nodes.map((node) => ({ node, ...standing(node) }));
  const grown = new Set(known.filter(({ state }) => state === "new").map(({ group }) => group));
  const rank = ({ group, state }: Standing): number =>
    state === "new" ? 0 : state === "unwell" ? 1 : grown.has(group) ? 3 : 2;
  return known.toSorted((a, b) => rank(a) - rank(b)).map(({ node }) => node);
}
