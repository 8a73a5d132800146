import { readEnvironment } from "../../inputs/environment";
import { loadFleet } from "../../inputs/load-fleet";
import { fleetLock, holdingLock } from "../run-lock";
import type { Session } from "../session";

/**
 * Runs a verb that touches nodes, and no other such verb of the same fleet and checkout meanwhile.
 * @param typed the verb as the person typed it, for whoever comes second
 * @throws CliError `fleet/locked`
 */
export async function whileLocked<T>(
  { folder, environment }: Session,
  typed: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  const fleet = await loadFleet(folder, readEnvironment(folder, environment));
  return holdingLock(folder, work, fleetLock(fleet.name, ["mirador", ...typed].join(" ")));
}
