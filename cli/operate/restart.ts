import { setTimeout as sleep } from "node:timers/promises";
import { readMeshFiles } from "../../inputs/pki";
import { type NodePlan, servicesOf } from "../../lib/plan/node-plan";
import { chosenNodes } from "../chosen";
import type { Told } from "../deployment";
import { missingAt } from "../engine-exec";
import { lastLogLines } from "../engine-logs";
import { CliError, EXIT } from "../failure";
import { MeshClient } from "../mesh-client";
import type { Session } from "../session";
import { asked, engineLost, withinSeconds } from "../up/engines";
import { RollStopped } from "../up/roll";
import { rollOut, type SeenNode } from "../up/roll-out";
import { chosenServices, enginesSaid, plannedNodes, seeNodes } from "./nodes";

/** What {@link restart} starts again. */
export interface RestartOptions {
  /** @default - all, in the order in which a deploy starts them */
  readonly services: readonly string[];
  /** @default - all, in a good order */
  readonly nodes: readonly string[];
  /** How long each wait for the fleet, and for a service, may take. */
  readonly waitSeconds: number;
}

interface RestartedNode extends SeenNode {
  readonly name: string;
  readonly differs: boolean;
  /** Something that runs is stopped for a while: the others have to carry the fleet. */
  readonly takesAway: boolean;
  /** Of this node, in the order in which a deploy starts them. */
  readonly services: readonly string[];
  /** Those that have no container. */
  readonly absent: readonly string[];
}

const LIST_SECONDS = 15;
/** Beyond what a service may take to stop. */
const ENGINE_SECONDS = 60;
const LOOK_MILLISECONDS = 500;
/** Two looks in a row: HAProxy's checks need a moment to notice that a service is gone. */
const READY_LOOKS = 2;

/**
 * `mirador restart`: stops containers gracefully and starts them again, one after the other, and one node after the other.
 * @returns the exit status
 * @throws CliError `restart/not-deployed` before anything was touched, `restart/not-ready` in the middle
 */
export async function restart(session: Session, options: RestartOptions): Promise<number> {
  const { fleet, plans } = await plannedNodes(session, []);
  const ours = chosenNodes(plans, options.nodes);
  const wanted = chosenServices(ours, options.services);
  const { progress } = session;
  const nodes = await progress.step(
    "machine",
    "asking all engines",
    () => seeNodes(fleet, plans, session),
    enginesSaid,
  );
  const planned = await Promise.all(
    ours.flatMap(({ name }) => nodes.filter(({ plan }) => plan.name === name)).map((node) => plannedFor(node, wanted)),
  );
  const absent = planned.flatMap(({ name, absent: services }) => services.map((service) => `${service} of ${name}`));
  if (absent.length > 0) throw notDeployed(absent);
  const names = planned.map(({ name }) => name).join(", ");
  progress.note(
    "restart",
    `${wanted.length === 1 ? wanted[0] : `${wanted.length} services`} on ${names}, one after the other`,
  );
  const files = { ...fleet, module: session.environment.MIRADOR_FLEET };
  const mesh =
    fleet.nodes.length === 1
      ? undefined
      : new MeshClient(readMeshFiles(session.folder, files, new Date()), fleet.mesh.port);
  try {
    const { changed } = await rollOut<RestartedNode>({
      ...{ session, fleet, nodes, planned, waitSeconds: options.waitSeconds },
      inOrder: options.nodes.length > 0,
      ...(mesh === undefined ? {} : { mesh }),
      change: (node, told) => restartNode(node, told, options.waitSeconds),
    });
    progress.line(`\nStarted again: ${wanted.join(", ")} on ${changed.join(", ")}`);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof RollStopped)) throw error;
    const { changed, failed, untouched } = error.rolled;
    progress.line(
      `\nstopped at ${failed}; done: ${changed.join(", ") || "none"}; untouched: ${untouched.join(", ") || "none"}`,
    );
    throw error.cause;
  } finally {
    mesh?.close();
  }
}

async function plannedFor(node: SeenNode, wanted: readonly string[]): Promise<RestartedNode> {
  const { plan, engine } = node;
  const { fleet, name } = plan;
  const label = [`mirador.fleet=${fleet}`, `mirador.node=${name}`, "mirador.service"];
  const list = () => engine.client.listContainers({ all: true, filters: { label } });
  const containers = await asked(engine, () => withinSeconds(list(), LIST_SECONDS));
  if ("code" in containers) throw new CliError(containers);
  const states = new Map(containers.map(({ Labels, State }) => [Labels["mirador.service"], State]));
  // Not every node has every service: in the single layout metrics are at the first one of a group.
  const services = servicesOf(plan).flatMap(({ service }) => (wanted.includes(service) ? service : []));
  return {
    ...{ ...node, name, services, differs: services.length > 0 },
    // What does not run is missed by nobody, so two nodes that lack something do not wait for each other.
    takesAway: services.some((service) => states.get(service) === "running"),
    absent: services.filter((service) => !states.has(service)),
  };
}

async function restartNode({ plan, engine, services }: RestartedNode, told: Told, waitSeconds: number): Promise<void> {
  await told.step(
    "restart",
    "stops and starts again",
    async (step) => {
      for (const service of services) {
        const started = performance.now();
        const container = engine.client.getContainer(`${plan.prefix}-${service}`);
        step.waiting(`${service} stops and starts again`);
        // Without a time of ours the engine gives it the one that the container was made with.
        const seconds = stopSecondsOf(plan, service) + ENGINE_SECONDS;
        await withinSeconds(container.restart(), seconds).catch((error: Error) => {
          throw new CliError(engineLost(engine, error));
        });
        await untilReady(plan, engine, service, waitSeconds, step.waiting);
        step.line(service, (performance.now() - started) / 1000);
      }
    },
    () => `${services.length === 1 ? "the service is" : `${services.length} services are`} back, the node is ready`,
  );
}

async function untilReady(
  plan: NodePlan,
  { client }: SeenNode["engine"],
  service: string,
  seconds: number,
  waiting: (text: string) => void,
): Promise<void> {
  const haproxy = `${plan.prefix}-haproxy`;
  let ready = 0;
  let missing: string | undefined;
  for (const end = performance.now() + seconds * 1000; ; ) {
    // Its checks ask every few seconds: one look right after the restart may be of the time before.
    await sleep(ready === 0 && missing === undefined ? settleMilliseconds(plan) : LOOK_MILLISECONDS);
    missing = await missingAt(client, haproxy).catch(() => "haproxy");
    ready = missing === undefined ? ready + 1 : 0;
    if (ready >= READY_LOOKS) return;
    if (missing !== undefined) waiting(`${service} was started again; the node waits for ${missing}`);
    if (performance.now() >= end) {
      const culprit = `${plan.prefix}-${missing ?? service}`;
      throw new CliError({
        code: "restart/not-ready",
        what: `${service} of ${plan.name} was started again, and the node waits for ${missing ?? service} since ${seconds} s`,
        where: culprit,
        tail: await lastLogLines(client, culprit),
        fix: `see all it said: npm run mirador -- logs ${missing ?? service} --node ${plan.name}; what the fleet wants is made by: npm run mirador -- up ${plan.name}`,
      });
    }
  }
}

const stopSecondsOf = (plan: NodePlan, name: string): number =>
  servicesOf(plan).find(({ service }) => service === name)?.stopSeconds ?? 0;

const settleMilliseconds = ({ haproxy }: NodePlan): number => haproxy.settleSeconds * 1000;

function notDeployed(absent: readonly string[]): CliError {
  return new CliError({
    code: "restart/not-deployed",
    what: `there is no container of ${absent.join(", ")}; nothing was touched`,
    where: "the engines",
    fix: "npm run mirador -- up makes what is missing",
  });
}
