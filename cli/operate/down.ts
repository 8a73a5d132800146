import { setTimeout as sleep } from "node:timers/promises";
import { readMeshFiles } from "../../inputs/pki";
import { dataOf, type NodePlan } from "../../lib/plan/node-plan";
import { type Deployment, remove, type Told } from "../deployment";
import { EXIT, Interrupted } from "../failure";
import { MeshClient } from "../mesh-client";
import type { Session } from "../session";
import { synth, terraformEnvironment } from "../terraform";
import { drainNode, LEAVE_SECONDS, TELL_AGAIN_MILLISECONDS } from "../up/drain";
import type { ReachedEngine } from "../up/engines";
import type { SeenNode } from "../up/roll-out";
import { underName } from "../up/under-name";
import { enginesSaid, plannedNodes, seeNodes } from "./nodes";

/** How long queries may take to leave for the other group; one that lacks something takes none. */
const DRAIN_SECONDS = 30;

/**
 * `mirador down`: removes the containers of nodes, one after the other, and keeps their data.
 * @returns the exit status
 * @throws CliError with every engine that does not answer, before anything was touched
 */
export async function down(session: Session, named: readonly string[]): Promise<number> {
  await takeDown(session, named, async ({ plan, engine }, told) => {
    for (const line of await keptData(plan, engine)) told.note("down", `data kept: ${line}`);
  });
  session.progress.line(`\nmirador up ${named.join(" ")}`.trimEnd().concat(" brings it back with its data"));
  return EXIT.ok;
}

/**
 * Removes the containers of nodes, one node after the other.
 * @param after is called for each node when its containers are gone
 */
export async function takeDown(
  session: Session,
  named: readonly string[],
  after: (node: SeenNode, told: Told) => Promise<void>,
): Promise<void> {
  const { fleet, plans } = await plannedNodes(session, named);
  const { folder, environment, progress, interrupt } = session;
  const nodes = await progress.step(
    "machine",
    "asking all engines",
    () => seeNodes(fleet, plans, session),
    enginesSaid,
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
    for (const node of nodes) {
      const { plan, engine, deployed } = node;
      if (interrupt.aborted) throw new Interrupted("stopped between two nodes");
      const { name, prefix, network } = plan;
      const place = { folder, node: name, interrupt, env: terraformEnvironment(environment) };
      const told = fleet.nodes.length === 1 ? progress : underName(progress, name);
      const deployment: Deployment = { place, client: engine.client, fleet: fleet.name, node: name, prefix, network };
      const tell = async (seconds: number) => (mesh ? drainNode(mesh, staying, name, seconds) : []);
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
      await after(node, told);
    }
  } finally {
    mesh?.close();
  }
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
