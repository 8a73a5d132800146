import { setTimeout as sleep } from "node:timers/promises";
import { SIGNALS } from "../../lib/fleet/definition";
import type { Fleet } from "../../lib/fleet/fleet";
import { type NodePlan, servicesOf } from "../../lib/plan/node-plan";
import { CliError } from "../failure";
import { healthOf } from "../operate/health";
import { serviceContainers } from "../operate/look";
import { asked } from "../up/engines";
import { FleetWatch } from "../up/fleet-watch";
import { eyesOn } from "../up/node-eyes";
import type { SeenNode } from "../up/roll-out";

/** What passes by itself, such as a store that was started a moment ago. */
const PATIENCE_SECONDS = 20;
const LOOK_MILLISECONDS = 1_000;

/**
 * Waits a little until the fleet is as well as it has to be before it is hurt on purpose: every service of every node is
 * there, every access point works, and the others hold everything that the struck node holds.
 * @throws CliError `chaos/fleet-not-well`
 */
export async function untilWell(
  fleet: Fleet,
  nodes: readonly SeenNode[],
  struck: NodePlan,
  waiting: (text: string) => void,
): Promise<void> {
  const absent = nodes.filter(({ deployed }) => !deployed).map(({ plan }) => `${plan.name} is not deployed`);
  if (absent.length > 0) throw notWell(absent);
  const eyes = nodes.map(({ plan, engine }) => eyesOn(plan, engine.client, engine.aheadSeconds));
  const batchBytes = fleet.batch.maxMiB * 1024 ** 2;
  const watch = new FleetWatch({ nodes: () => eyes, signals: SIGNALS, batchBytes });
  const single = nodes.length === 1;
  for (const end = performance.now() + PATIENCE_SECONDS * 1000; ; await sleep(LOOK_MILLISECONDS)) {
    const reasons = [
      ...(await notRunning(nodes)),
      ...(single ? [] : await watch.withoutNode(struck.name, struck.group)),
      ...(await watch.readiness(struck.name)),
    ];
    // Clients are asked for last: an answer of theirs changes in a moment.
    if (reasons.length === 0) reasons.push(...(await atAccessPoints(nodes)));
    if (reasons.length === 0) return;
    if (performance.now() >= end) throw notWell(reasons);
    waiting(reasons.join("; "));
  }
}

/** Balancers need seconds to notice that a service is gone; its engine knows at once. */
async function notRunning(nodes: readonly SeenNode[]): Promise<readonly string[]> {
  const found = nodes.map(async ({ plan, engine }) => {
    const containers = await asked(engine, () => serviceContainers(engine.client, plan));
    if ("code" in containers) throw new CliError(containers);
    return servicesOf(plan).flatMap(({ service }) => {
      const state = containers.get(service)?.State ?? "missing";
      return state === "running" ? [] : [`${service} of ${plan.name} is ${state}`];
    });
  });
  return (await Promise.all(found)).flat();
}

async function atAccessPoints(nodes: readonly SeenNode[]): Promise<readonly string[]> {
  const found = await Promise.all(nodes.map(({ plan }) => healthOf(plan)));
  return found.flatMap(({ node, rows }) =>
    rows.filter(({ state }) => state !== "up").map(({ what, url, state }) => `${what} of ${node} at ${url}: ${state}`),
  );
}

function notWell(reasons: readonly string[]): CliError {
  return new CliError({
    code: "chaos/fleet-not-well",
    what: `nothing was touched, because the fleet is not well:\n${reasons.join("\n")}`,
    fix: "npm run mirador -- health and npm run mirador -- status say more; npm run mirador -- up makes what is missing",
  });
}
