import { setTimeout as sleep } from "node:timers/promises";
import { readMeshFiles } from "../../inputs/pki";
import { dataOf, type NodePlan } from "../../lib/plan/node-plan";
import { type Deployment, remove, type Told } from "../deployment";
import { CliError, EXIT, Interrupted } from "../failure";
import { MeshClient } from "../mesh-client";
import { nodeContainers } from "../orphans";
import type { Session } from "../session";
import { init, synth, terraformEnvironment } from "../terraform";
import { drainNode, LEAVE_SECONDS, TELL_AGAIN_MILLISECONDS } from "../up/drain";
import type { ReachedEngine } from "../up/engines";
import { underName } from "../up/under-name";
import { plannedNodes, reachNodes } from "./nodes";

/** How long queries may take to leave for the other group; one that lacks something takes none. */
const DRAIN_SECONDS = 30;

interface DownNode {
  readonly plan: NodePlan;
  readonly engine: ReachedEngine;
}

/**
 * `mirador down`: removes the containers of nodes, one after the other, and keeps their data.
 * @returns the exit status
 * @throws CliError with every engine that does not answer, before anything was touched
 */
export async function down(session: Session, named: readonly string[]): Promise<number> {
  const { fleet, plans } = await plannedNodes(session, named);
  const { folder, environment, progress, interrupt } = session;
  const nodes = await progress.step(
    "machine",
    "asking all engines",
    async () => {
      const found = await reachNodes(fleet, plans, session);
      const troubles = found.flatMap(({ engine }) => ("code" in engine ? engine : []));
      if (troubles.length > 0) throw new CliError(troubles);
      return found.flatMap(({ plan, engine }): DownNode[] => ("code" in engine ? [] : [{ plan, engine }]));
    },
    (found) =>
      `${found.length === 1 ? "the engine answers" : `${found.length} engines answer`}; nothing was touched yet`,
  );
  await progress.step(
    "synth",
    "the program writes what Terraform reads",
    () => synth({ folder, env: environment }),
    () => "stacks are written",
  );
  const staying = fleet.nodes.filter(({ name }) => plans.every((plan) => plan.name !== name));
  const module = environment.MIRADOR_FLEET;
  const mesh =
    staying.length === 0
      ? undefined
      : new MeshClient(readMeshFiles(folder, { ...fleet, module }, new Date()), fleet.mesh.port);
  try {
    for (const { plan, engine } of nodes) {
      if (interrupt.aborted) throw new Interrupted("stopped between two nodes");
      const { name, prefix, network } = plan;
      const place = { folder, node: name, interrupt, env: terraformEnvironment(environment) };
      const told = fleet.nodes.length === 1 ? progress : underName(progress, name);
      const deployment: Deployment = { place, client: engine.client, fleet: fleet.name, node: name, prefix, network };
      await init(place);
      const tell = async (seconds: number) => (mesh ? drainNode(mesh, staying, name, seconds) : []);
      const deployed = (await nodeContainers(engine.client, deployment)).length > 0;
      if (mesh !== undefined && deployed) await drained(told, () => tell(LEAVE_SECONDS));
      const again = setInterval(() => void tell(LEAVE_SECONDS), TELL_AGAIN_MILLISECONDS);
      try {
        await remove({ ...deployment, progress: told });
      } catch (error) {
        await tell(0);
        throw error;
      } finally {
        clearInterval(again);
      }
      for (const line of await keptData(plan, engine)) told.note("down", `data kept: ${line}`);
    }
  } finally {
    mesh?.close();
  }
  progress.line(`\nmirador up ${named.join(" ")}`.trimEnd().concat(" brings it back with its data"));
  return EXIT.ok;
}

/** Until queries have left the node, or it is plain that they will not: the person has asked for it all the same. */
async function drained(told: Told, tell: () => Promise<readonly string[]>): Promise<void> {
  await told.step(
    "drain",
    "queries leave for the other group",
    async (step) => {
      for (const end = performance.now() + DRAIN_SECONDS * 1000; ; await sleep(1_000)) {
        const reasons = await tell();
        if (reasons.length === 0 || performance.now() >= end) return reasons;
        step.waiting(reasons.join("; "));
      }
    },
    (reasons) =>
      reasons.length === 0
        ? "queries have left"
        : `queries go there still, and answers may be incomplete for some seconds: ${reasons.join("; ")}`,
  );
}

/** What is still on the host, as the person would look for it. */
async function keptData(plan: NodePlan, { client }: ReachedEngine): Promise<readonly string[]> {
  const sources = dataOf(plan).map(({ source }) => source);
  const { Volumes } = await client.listVolumes();
  const present = new Set((Volumes ?? []).map(({ Name }) => Name));
  const volumes = sources.filter((source) => present.has(source));
  const folders = sources.filter((source) => source.startsWith("/"));
  return [
    ...(volumes.length === 0 ? [] : [`volumes ${volumes.join(", ")}`]),
    ...(folders.length === 0 ? [] : [`folders of the host ${folders.join(", ")}`]),
  ];
}
