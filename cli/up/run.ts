import { loadPlan } from "../../inputs/load-plan";
import { readMeshFiles } from "../../inputs/pki";
import { servicesOf } from "../../lib/plan/node-plan";
import { chosenNodes } from "../chosen";
import { deploy } from "../deployment";
import { CliError, EXIT } from "../failure";
import { checkNode, checkTerraform } from "../machine";
import { MeshClient } from "../mesh-client";
import type { Session } from "../session";
import { formatWarning } from "./findings";
import { type PlannedNode, planAll, type UpNode } from "./plans";
import { preflight } from "./preflight";
import { type Rolled, RollStopped } from "./roll";
import { rollOut } from "./roll-out";

export interface UpOptions {
  /** Nodes in the order in which they are changed. @default - all, in a good order */
  readonly nodes: readonly string[];
  readonly waitSeconds: number;
  /** Only tell what would change. */
  readonly check: boolean;
}

/**
 * Brings the fleet, or some of its nodes, to what the definition says, one node after the other.
 * @returns the exit status
 */
export async function up(session: Session, options: UpOptions): Promise<number> {
  const started = performance.now();
  const { progress } = session;
  const { fleet, plan, stateFolder } = await loadPlan(session.folder, session.environment);
  for (const warning of plan.warnings) progress.note("note", warning);
  const chosen = chosenNodes(plan.nodes, options.nodes);
  const meshFleet = { ...fleet, module: session.environment.MIRADOR_FLEET };
  const mesh = plan.nodes.length > 1 ? readMeshFiles(session.folder, meshFleet, new Date()) : undefined;
  const names = chosen.map(({ name }) => name);
  const found = await progress.step(
    "machine",
    "looking at terraform and all hosts",
    async (step) => {
      checkNode(process.versions.node);
      await checkTerraform(session.environment);
      const { environment } = session;
      const { nodes: plans, belowFloor } = plan;
      const request = { fleet, plans, belowFloor, chosen: names, stateFolder, environment, waiting: step.waiting };
      const looked = await preflight({ ...request, ...(mesh === undefined ? {} : { mesh }) });
      for (const warning of looked.findings.warnings)
        for (const line of formatWarning(warning).split("\n")) step.line(line);
      if (looked.findings.errors.length > 0) throw new CliError(looked.findings.errors);
      return looked;
    },
    ({ nodes, pulled }) =>
      `${nodes.length === 1 ? "the host is" : `${nodes.length} hosts are`} fit${pulled > 0 ? `, ${pulled} images pulled` : ""}; nothing was touched yet`,
  );
  const nodes = found.nodes.filter((node): node is UpNode => node.engine !== undefined);
  const ours = names.flatMap((name) => nodes.find(({ plan: { name: own } }) => own === name) ?? []);
  const planned = await planAll(session, ours);
  if (options.check) return planned.some(({ differs }) => differs) ? EXIT.differences : EXIT.ok;
  const client = mesh === undefined ? undefined : new MeshClient(mesh, fleet.mesh.port);
  try {
    const rolled = await rollOut<PlannedNode>({
      ...{ session, fleet, nodes, planned, waitSeconds: options.waitSeconds },
      inOrder: options.nodes.length > 0,
      ...(client === undefined ? {} : { mesh: client }),
      change: async ({ deployment, plan }, progress) => {
        await deploy({ ...deployment, progress, services: servicesOf(plan).length });
      },
    });
    progress.line(`\n${summaryOf(rolled, (performance.now() - started) / 1000)}`);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof RollStopped)) throw error;
    for (const line of stoppedAt(error.rolled)) progress.line(line);
    throw error.cause;
  } finally {
    client?.close();
  }
}

export function summaryOf({ changed, unchanged }: Rolled, seconds: number): string {
  const time = `${seconds.toFixed(0)} s in all`;
  if (changed.length === 0) return `Nothing to change: ${unchanged.join(", ")} as the fleet says, ${time}`;
  const rest = unchanged.length > 0 ? `; ${unchanged.join(", ")} had nothing to change` : "";
  return `Changed: ${changed.join(", ")}${rest}; ${time}`;
}

/** What a person needs to know before the reason. */
export function stoppedAt({ changed, unchanged, failed, untouched }: Rolled): readonly string[] {
  const done = [...changed, ...unchanged];
  return [
    "",
    `stopped at   ${failed}`,
    `as wanted    ${done.join(", ") || "none"}`,
    `untouched    ${untouched.join(", ") || "none"}`,
    "go on        mend what is told below and run the same command again; it completes what is missing",
  ];
}
