import { loadPlanToLook } from "../../inputs/load-plan";
import { fleetLock, holdingLock } from "../run-lock";
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
  return holdingLock(folder, () => holdingEngines(session, fleet, plan.nodes, verb, work), fleetLock(fleet.name, verb));
}
