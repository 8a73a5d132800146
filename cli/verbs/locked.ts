import { loadPlanToLook } from "../../inputs/load-plan";
import { fleetLock, holdingLock, stacksLock } from "../run-lock";
import type { Session } from "../session";

/**
 * Runs a verb that touches nodes, and no other such verb of the same fleet meanwhile: neither of this checkout, nor of
 * another one or another machine.
 * @param typed the verb as the person typed it, for whoever comes second
 * @throws CliError `fleet/locked`
 */
export async function whileLocked<T>(session: Session, typed: readonly string[], work: () => Promise<T>): Promise<T> {
  const { folder, environment } = session;
  const { fleet, plan } = await loadPlanToLook(folder, environment);
  const verb = ["mirador", ...typed].join(" ");
  const { holdingEngines } = await import("../engine-lock");
  const onEngines = () => holdingEngines(session, fleet, plan.nodes, verb, work);
  return holdingLock(folder, () => whileWriting(session, typed, onEngines), fleetLock(fleet.name, verb));
}

/**
 * Runs a verb that only looks, and has the program write the stacks for it: not while somebody deploys from them.
 * @throws CliError `fleet/locked`
 */
export async function whileWriting<T>(
  { folder, environment }: Session,
  typed: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  return holdingLock(folder, work, stacksLock(environment, ["mirador", ...typed].join(" ")));
}
