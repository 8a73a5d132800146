import { availableParallelism } from "node:os";
import { type NodePlan, servicesOf } from "../../lib/plan/node-plan";
import { type Deployment, planDeployment } from "../deployment";
import { CliError, Interrupted, type Trouble } from "../failure";
import { differs, type NodeChanges, takesAway } from "../plan/changes";
import { changesSaid } from "../plan/words";
import type { Session } from "../session";
import { init, synth, terraformEnvironment } from "../terraform";
import type { ReachedEngine } from "./engines";
import type { FoundNode } from "./preflight";
import type { RollNode } from "./roll";

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

/** Each is a Terraform with its provider, at work for about a second and else waiting for a far engine. */
const PLANS_AT_ONCE = availableParallelism() + 1;

/**
 * Begins to write all stacks, for {@link planAll}: engines can be asked meanwhile. Whoever gives up before that has to wait
 * for it all the same: the lock of the stacks is still held for it.
 */
export function writeStacks({ folder, environment }: Pick<Session, "folder" | "environment">): Promise<void> {
  const written = synth({ folder, env: environment });
  // Who waits for it hears of it; until then nobody does.
  written.catch(() => {});
  return written;
}

/** Compares the stack of each node with its engine; what is wrong with any of them is told at once. */
export async function planAll(
  session: Session,
  nodes: readonly UpNode[],
  written = writeStacks(session),
): Promise<readonly PlannedNode[]> {
  const { folder, environment, progress, interrupt } = session;
  return progress.step(
    "plan",
    "the program writes what Terraform reads",
    async (step) => {
      await written;
      const env = terraformEnvironment(environment);
      const waiting = new Set(nodes.map(({ plan: { name } }) => name));
      const answers = await inTurns(nodes, PLANS_AT_ONCE, async ({ plan, engine }): Promise<PlannedNode | CliError> => {
        step.waiting(`terraform compares ${[...waiting].join(", ")} with what runs there`);
        const place = { folder, node: plan.name, interrupt, env };
        const { fleet, name, prefix, network } = plan;
        const deployment = { place, client: engine.client, fleet, node: name, prefix, network };
        try {
          await init(place);
          const changes = await planDeployment(deployment);
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

/** Works on so many items at a time. @returns what came of each, in their order */
export async function inTurns<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results = new Map<number, R>();
  const left = [...items.entries()];
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) results.set(next[0], await work(next[1]));
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return items.flatMap((_, index) => results.get(index) ?? []);
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
