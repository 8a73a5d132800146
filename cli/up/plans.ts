import { type NodePlan, servicesOf } from "../../lib/plan/node-plan";
import { type Deployment, planDeployment } from "../deployment";
import { CliError, Interrupted, type Trouble } from "../failure";
import { inTurns } from "../in-turns";
import { differs, type NodeChanges, takesAway } from "../plan/changes";
import { changesSaid } from "../plan/words";
import type { Session } from "../session";
import { terraformEnvironment } from "../terraform";
import type { ReachedEngine } from "./engines";
import type { FoundNode } from "./preflight";
import type { RollNode } from "./roll";
import { beginStacks, PLANS_AT_ONCE } from "./stacks";

/** A node whose engine answers. */
export interface UpNode extends FoundNode {
  readonly engine: ReachedEngine;
}

/** A node of those that were chosen, compared with its engine. */
export interface PlannedNode extends RollNode {
  readonly deployment: Deployment;
  readonly plan: NodePlan;
  readonly changes: NodeChanges;
  readonly takesAway: boolean;
}

/** Compares the stack of each node with its engine; what is wrong with any of them is told at once. */
export async function planAll(
  session: Session,
  nodes: readonly UpNode[],
  stacks = beginStacks(
    session,
    nodes.map(({ plan }) => plan),
  ),
): Promise<readonly PlannedNode[]> {
  const { folder, environment, progress, interrupt } = session;
  const env = terraformEnvironment(environment);
  const step = progress.step(
    "plan",
    "the program writes what Terraform reads",
    async (step) => {
      await stacks.written;
      const waiting = new Set(nodes.map(({ plan: { name } }) => name));
      const answers = await inTurns(nodes, PLANS_AT_ONCE, async ({ plan, engine }): Promise<PlannedNode | CliError> => {
        step.waiting(`terraform compares ${[...waiting].join(", ")} with what runs there`);
        const place = { folder, node: plan.name, interrupt, env };
        const { fleet, name, prefix, network } = plan;
        const deployment = { place, client: engine.client, fleet, node: name, prefix, network };
        try {
          const changes = await planDeployment(deployment, await stacks.compared(plan));
          stacks.remember(plan);
          const services = new Set<string>(servicesOf(plan).map(({ service }) => service));
          const takes = takesAway(changes, services);
          return { name, differs: differs(changes), takesAway: takes, deployment, plan, changes };
        } catch (error) {
          if (error instanceof CliError) return error;
          if (error instanceof Interrupted) throw error;
          return notPlanned(name, error as Error);
        } finally {
          waiting.delete(plan.name);
        }
      });
      const failures = answers.filter((answer): answer is CliError => answer instanceof CliError);
      const planned = answers.filter((answer): answer is PlannedNode => !(answer instanceof CliError));
      for (const { name, changes } of planned) step.line(`${name}: ${changesSaid(changes)}`);
      const lost = planned.flatMap(({ name, changes }) => removedData(name, changes));
      const troubles = [...failures.flatMap((failure) => failure.troubles), ...lost];
      if (troubles.length > 0) throw new CliError(troubles);
      return planned;
    },
    (planned) => `${planned.filter(({ differs }) => differs).length} of ${planned.length} nodes differ`,
  );
  return step.finally(stacks.stop);
}

/** Of Terraform, whose first words name no node, or of an engine that went away meanwhile. */
function notPlanned(node: string, { message }: Error): CliError {
  return new CliError({
    code: "up/not-compared",
    what: `${node} could not be compared with what runs there: ${message.trim()}`,
    where: `stack ${node}`,
    fix: `mend what it says and run the same command again; the same by hand: npx cdktf diff ${node}`,
  });
}

/** Nothing of ours hands data to Terraform; what somebody added to a stack may. */
export function removedData(node: string, { removedVolumes }: Pick<NodeChanges, "removedVolumes">): readonly Trouble[] {
  const data = removedVolumes.filter((name) => name.endsWith("-data"));
  if (data.length === 0) return [];
  return [
    {
      code: "plan/removes-data",
      what: `a deploy of ${node} would remove ${data.join(", ")} with all that is stored there`,
      where: `stack ${node}`,
      fix: "take the docker_volume resources out of the stack (terraform state rm …): containers name data volumes, and Docker makes them",
    },
  ];
}
