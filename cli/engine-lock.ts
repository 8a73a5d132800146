import { hostname, userInfo } from "node:os";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import type { NodePlan } from "../lib/plan/node-plan";
import { CliError, type Trouble } from "./failure";
import { reachNode } from "./operate/nodes";
import type { Session } from "./session";
import { withinSeconds } from "./up/engines";

/** Not `mirador.node`: it is no part of a node, and no deploy takes it for one. */
const LABEL = "mirador.lock";
const VERB = `${LABEL}.verb`;
const HOLDER = `${LABEL}.holder`;
const SINCE = `${LABEL}.since`;
/** A holder that has just ended leaves its name for a moment. */
const GOING_SECONDS = 4;
/** An engine that does not answer is told by the verb itself. */
const ANSWER_SECONDS = 5;

interface Lock {
  readonly container: Docker.Container;
  readonly stream: Duplex;
}

/**
 * Runs a verb while no other one works on these nodes, from whichever machine. On each engine that answers a container
 * stands for the holder: its name is the lock, and it ends with the connection that holds its standard input open. So
 * whatever becomes of the holder, nothing is left to be cleared. Nodes without images have nothing to protect yet.
 * @param typed the verb as a person typed it
 * @param reach how a node's engine is reached
 * @throws CliError `fleet/locked` for each node that another one works on
 */
export async function holdingEngines<T>(
  session: Session,
  fleet: Parameters<typeof reachNode>[0],
  plans: readonly NodePlan[],
  typed: string,
  work: () => Promise<T>,
  reach: (plan: NodePlan) => ReturnType<typeof reachNode> = (plan) => reachNode(fleet, plan, session, 1),
): Promise<T> {
  const taken = await Promise.all(plans.map((plan) => take(reach(plan), plan, typed).catch(() => undefined)));
  const locks = taken.filter((one): one is Lock => one !== undefined && "container" in one);
  const troubles = taken.filter((one): one is Trouble => one !== undefined && "code" in one);
  try {
    if (troubles.length > 0) throw new CliError(troubles);
    return await work();
  } finally {
    await Promise.all(locks.map(release));
  }
}

async function take(
  reached: ReturnType<typeof reachNode>,
  plan: NodePlan,
  typed: string,
): Promise<Lock | Trouble | undefined> {
  const engine = await withinSeconds(reached, ANSWER_SECONDS);
  if ("code" in engine) return undefined;
  const { client, address } = engine;
  const request = {
    name: `${plan.prefix}-lock`,
    Image: plan.images.haproxy.ref,
    Entrypoint: ["cat"],
    Cmd: [],
    User: "65534:65534",
    Labels: { [LABEL]: "", [VERB]: typed, [HOLDER]: holderText(), [SINCE]: new Date().toISOString() },
    OpenStdin: true,
    StdinOnce: true,
    HostConfig: {
      AutoRemove: true,
      NetworkMode: "none",
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges:true"],
      Memory: 16 * 1024 ** 2,
      LogConfig: { Type: "none", Config: {} },
    },
  };
  return waitFor(client, request, { node: plan.name, address });
}

/** Until the name is free, or somebody holds it. */
async function waitFor(
  client: Docker,
  request: Docker.ContainerCreateOptions & { readonly name: string },
  { node, address }: { readonly node: string; readonly address: string },
): Promise<Lock | Trouble> {
  let seen: string | undefined;
  let end = performance.now() + GOING_SECONDS * 1000;
  let [cleared, lost] = [false, false];
  for (; ; await sleep(250)) {
    const container = await client.createContainer(request).catch((error: { readonly statusCode?: number }) => {
      if (error.statusCode === 409) return undefined;
      throw error;
    });
    if (container !== undefined) {
      try {
        return await hold(container);
      } catch (error) {
        // Another one took it for left behind, because this engine is so slow; whoever is the next holds it now.
        if (lost || (error as { readonly statusCode?: number }).statusCode !== 404) throw error;
        lost = true;
        continue;
      }
    }
    const found = await inspected(client, request.name);
    if (found?.State.Running) return locked(node, request.name, address, found.Config.Labels);
    if (found !== undefined && found.Id !== seen) {
      seen = found.Id;
      end = performance.now() + GOING_SECONDS * 1000;
    }
    if (performance.now() < end) continue;
    if (cleared || found?.State.Status !== "created") return locked(node, request.name, address, {});
    // Its holder was cut off after it had made it and before it started it. Without force: who starts it now, holds it.
    await client
      .getContainer(found.Id)
      .remove()
      .catch(() => undefined);
    cleared = true;
  }
}

/** Attached first: a container that has nobody at its standard input would end at once. */
async function hold(container: Docker.Container): Promise<Lock> {
  try {
    const stream = await container.attach({ stream: true, stdin: true, hijack: true });
    // The engine may go away; the verb will tell.
    stream.on("error", () => undefined);
    await container.start();
    return { container, stream: stream as Duplex };
  } catch (error) {
    await container.remove({ force: true }).catch(() => undefined);
    throw error;
  }
}

async function release({ container, stream }: Lock): Promise<void> {
  stream.destroy();
  // Removed by name and not only let go: the next command may come at once.
  await container.remove({ force: true }).catch(() => undefined);
}

/** @returns nothing when it has just gone */
async function inspected(client: Docker, name: string): Promise<Docker.ContainerInspectInfo | undefined> {
  return client
    .getContainer(name)
    .inspect()
    .catch(() => undefined);
}

function locked(node: string, name: string, address: string, labels: Readonly<Record<string, string>>): Trouble {
  const { [VERB]: verb = "another command", [HOLDER]: holder = "somebody", [SINCE]: since = "now" } = labels;
  return {
    code: "fleet/locked",
    what: `${verb} works on ${node}: ${holder}, since ${since}`,
    where: address,
    fix: `wait until it has ended; it lets go by itself even if it was killed. Should it be cut off from the engine for good: docker rm -f ${name}, there`,
  };
}

function holderText(): string {
  return `${userInfo().username} at ${hostname()}, process ${process.pid}`;
}
