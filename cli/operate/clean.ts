import { dataOf, type NodePlan } from "../../lib/plan/node-plan";
import { EXIT } from "../failure";
import type { Session } from "../session";
import type { SeenNode } from "../up/roll-out";
import { type Ask, askInTerminal, confirmed } from "./confirm";
import { takeDown } from "./down";
import { plannedNodes } from "./nodes";

/** What {@link clean} removes. */
export interface CleanOptions {
  /** @default - all */
  readonly nodes: readonly string[];
  /** Nobody is asked. */
  readonly yes: boolean;
}

/**
 * `mirador clean`: removes the containers of nodes and their data.
 * @returns the exit status
 * @throws CliError `clean/not-confirmed` before anything was touched
 */
export async function clean(session: Session, { nodes, yes }: CleanOptions, ask: Ask = askInTerminal): Promise<number> {
  const { fleet, plans } = await plannedNodes(session, nodes);
  const { progress } = session;
  if (!yes) {
    const names = plans.map(({ name }) => name).join(", ");
    const left = fleet.nodes.length - plans.length;
    const what = [
      `This removes ${names} of the fleet ${fleet.name} with all metrics, logs and traces stored there.`,
      ...(left > 0
        ? [`${left} ${left === 1 ? "node keeps" : "nodes keep"} what is stored there; see mirador repair.`]
        : []),
    ];
    await confirmed(fleet.name, what, { code: "clean/not-confirmed", where: "mirador clean" }, ask);
  }
  await takeDown(session, nodes, async (node, told) => {
    for (const line of await removeData(node)) told.note("clean", line);
  });
  progress.line("\nmirador up begins anew, with no data");
  return EXIT.ok;
}

/** Volumes go; folders of the host stay, for nothing here has made them. @returns what was done, for the person */
async function removeData({ plan, engine }: SeenNode): Promise<readonly string[]> {
  const { Volumes } = await engine.client.listVolumes();
  const planned = new Set(dataSources(plan));
  // Also of parts that the fleet does not have any more.
  const own = (name: string): boolean => name.startsWith(`${plan.prefix}-`) && name.endsWith("-data");
  const volumes = (Volumes ?? []).map(({ Name }) => Name).filter((name) => planned.has(name) || own(name));
  for (const name of volumes) await engine.client.getVolume(name).remove();
  const folders = dataSources(plan).filter((source) => source.startsWith("/"));
  return [
    volumes.length === 0 ? "there were no data volumes" : `data removed: volumes ${volumes.join(", ")}`,
    ...(folders.length === 0 ? [] : [`data kept: folders of the host, which are never removed: ${folders.join(", ")}`]),
  ];
}

const dataSources = (plan: NodePlan): readonly string[] => dataOf(plan).map(({ source }) => source);
