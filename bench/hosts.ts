import { setTimeout as sleep } from "node:timers/promises";
import type { FleetContext } from "../__tests__/fleet/support/context";
import { FleetStack } from "../__tests__/fleet/support/fleet-stack";
import { fleetOn } from "../__tests__/fleet/support/fleets";
import setUpHosts from "../__tests__/fleet/support/global-setup";
import { Rig } from "../__tests__/fleet/support/rig";
import { untilReady } from "../__tests__/fleet/support/trial";
import type { Session } from "./session";

/** Three Docker hosts in network namespaces of this machine, for as long as `work` takes. */
export async function withHosts<T>(work: (context: FleetContext) => Promise<T>): Promise<T> {
  const made: { context?: FleetContext } = {};
  const tearDown = await setUpHosts({
    provide: (_, value) => {
      made.context = value as FleetContext;
    },
  });
  try {
    if (made.context === undefined) throw new Error("the hosts were made without a word");
    return await work(made.context);
  } finally {
    await tearDown();
  }
}

/** A fleet of so many of those hosts, ready and with its jobs done, for as long as `work` takes. */
export async function withFleet<T>(
  session: Session,
  context: FleetContext,
  count: number,
  work: (stack: FleetStack) => Promise<T>,
): Promise<T> {
  const rig = new Rig(context.rig);
  const fleet = fleetOn(rig.hosts.slice(0, count), `bench${count}`, context.metricsLayout);
  const stack = new FleetStack(context, rig, fleet);
  await stack.forget();
  try {
    await stack.deployAll();
    for (const node of stack.nodes) await untilReady(stack, node);
    await untilJobsEnded(session, stack);
    return await work(stack);
  } finally {
    await stack.forget();
  }
}

/** Jobs stay a minute and a half, so that Terraform sees them healthy; what Docker asks them meanwhile takes from the others. */
async function untilJobsEnded(session: Session, stack: FleetStack): Promise<void> {
  const label = [`mirador.fleet=${stack.fleet.name}`, "mirador.job"];
  const filters = JSON.stringify({ label, status: ["running"] });
  const running = () => stack.nodes.map((node) => stack.host(node).docker.listContainers({ filters }));
  while ((await Promise.all(running())).flat().length > 0) await sleep(1_000, undefined, session);
}
