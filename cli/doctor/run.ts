import { type LoadedPlan, loadPlanToLook, type PlanToLook } from "../../inputs/load-plan";
import { readMeshFiles } from "../../inputs/pki";
import { ProblemError } from "../../lib/problem";
import { chosenNodes } from "../chosen";
import { EXIT, type Trouble } from "../failure";
import { reachNodes } from "../operate/nodes";
import { nodeContainers } from "../orphans";
import type { Session } from "../session";
import { clockFindings } from "../up/clocks";
import { asked, sharedEngines } from "../up/engines";
import { leftNodeTroubles, nodesInState, nodesOnEngine } from "../up/left-nodes";
import { lookAtMesh, meshFindings } from "../up/mesh-look";
import { type Check, checked, checksText } from "./check";
import { programChecks, providerCheck } from "./machine";
import { nodeChecks } from "./node";

/** What {@link doctor} looks at. */
export interface DoctorOptions {
  /** @default - all */
  readonly nodes: readonly string[];
  readonly json: boolean;
}

/**
 * `mirador doctor`: looks at everything that a deploy needs, and changes nothing.
 * @returns the exit status: 1 when anything is wrong
 */
export async function doctor(session: Session, { nodes, json }: DoctorOptions): Promise<number> {
  const checks = await examine(session, nodes);
  const well = checks.every(({ state }) => state !== "error");
  const text = json ? JSON.stringify({ well, checks }, null, 2) : checksText(checks).join("\n");
  process.stdout.write(`${text}\n`);
  return well ? EXIT.ok : EXIT.failed;
}

/** @throws CliError `fleet/unknown-node` */
export async function examine(session: Session, named: readonly string[]): Promise<readonly Check[]> {
  const loaded = await loadPlanToLook(session.folder, session.environment).catch((error: unknown) => {
    if (error instanceof ProblemError) return error;
    throw error;
  });
  if (loaded instanceof ProblemError) {
    const errors: readonly Trouble[] = loaded.problems;
    return [...(await programChecks(session, undefined)), checked("fleet", "definition", { errors }, "")];
  }
  const { fleet, plan, problems } = loaded;
  const plans = chosenNodes(plan.nodes, named);
  const [programs, hosts] = await Promise.all([programsAndProvider(session, loaded), hostsOf(session, loaded, plans)]);
  const notes = plan.warnings.map(
    (what): Trouble => ({ code: "fleet/note", what, fix: "nothing has to be done where it is meant so" }),
  );
  return [
    ...programs,
    checked("fleet", "definition", { warnings: notes }, `${fleet.name}, ${fleet.nodes.length} nodes`),
    checked("fleet", "floors of images", { warnings: plan.belowFloor }, "none has a known fault"),
    checked("fleet", "secrets and certificates", { errors: problems }, "can be used"),
    ...hosts,
  ];
}

/** Without secrets and certificates there is no stack to ask Terraform about. */
async function programsAndProvider(session: Session, { fleet, plan, problems }: PlanToLook): Promise<readonly Check[]> {
  const programs = await programChecks(session, fleet);
  const [node] = plan.nodes;
  const usable = problems.length === 0 && programs.every(({ state }) => state === "ok");
  return node === undefined || !usable ? programs : [...programs, await providerCheck(session, node.name)];
}

async function hostsOf(
  session: Session,
  { fleet, plan, stateFolder, problems }: PlanToLook,
  plans: LoadedPlan["plan"]["nodes"],
): Promise<readonly Check[]> {
  const reached = await reachNodes(fleet, plans, session);
  const engines = reached.flatMap(({ engine }) => ("code" in engine ? [] : engine));
  const several = plan.nodes.length > 1;
  const files =
    several && problems.length === 0 ? readMeshFiles(session.folder, meshFleet(session, fleet), new Date()) : undefined;
  const [each, shared, left, mesh] = await Promise.all([
    Promise.all(
      reached.map(async ({ plan: node, engine }) => {
        if ("code" in engine) return [checked(node.name, "engine", { errors: [engine] }, "")];
        const containers = await asked(engine, () =>
          nodeContainers(engine.client, { fleet: fleet.name, node: node.name }),
        );
        if ("code" in containers) return [checked(node.name, "engine", { errors: [containers] }, "")];
        return nodeChecks(fleet, { plan: node, engine, deployed: containers.length > 0 });
      }),
    ),
    sharedEngines(engines),
    Promise.all(engines.map((engine) => asked(engine, () => nodesOnEngine(engine.client, fleet.name, engine.address)))),
    Promise.all(
      files === undefined
        ? []
        : plans.map(async (node) =>
            meshFindings(node, fleet.mesh.port, await lookAtMesh(node, fleet.mesh.port, files)),
          ),
    ),
  ]);
  const inState = fleet.backend === undefined ? nodesInState(stateFolder, fleet) : [];
  const leftNodes = leftNodeTroubles(fleet, [...inState, ...left.flatMap((found) => ("code" in found ? [] : found))]);
  return [
    ...each.flat(),
    checked("fleet", "clocks", clockFindings(engines), "within a minute of each other"),
    ...(several ? [checked("fleet", "engines", { errors: shared }, "each node has its own")] : []),
    checked(
      "fleet",
      "nodes taken out",
      { errors: [...leftNodes, ...left.flatMap((found) => ("code" in found ? found : []))] },
      "none is left",
    ),
    ...(files !== undefined
      ? [
          checked(
            "fleet",
            "mesh",
            { errors: mesh.flatMap(({ errors }) => errors), warnings: mesh.flatMap(({ warnings: some }) => some) },
            "nobody else is at its ports",
          ),
        ]
      : []),
  ];
}

const meshFleet = ({ environment }: Session, fleet: LoadedPlan["fleet"]) => ({
  ...fleet,
  module: environment.MIRADOR_FLEET,
});
