import { readEnvironment } from "../../inputs/environment";
import { loadFleet } from "../../inputs/load-fleet";
import { planWithoutSecrets } from "../../inputs/load-plan";
import type { Fleet } from "../../lib/fleet/fleet";
import { JOB_NAMES } from "../../lib/plan/jobs";
import { servicesOf } from "../../lib/plan/node-plan";
import type { Session } from "../session";
import type { ValueSources } from "./candidates";

/** Names that the fleet gives to arguments called `node` and `service`; none where the fleet cannot be read. */
export function fleetWords({ folder, environment }: Pick<Session, "folder" | "environment">): ValueSources {
  const of = (words: (fleet: Fleet) => readonly string[]) => async (): Promise<readonly string[]> => {
    try {
      return words(await loadFleet(folder, readEnvironment(folder, environment)));
    } catch {
      // Who presses a key did not ask what is wrong with the fleet.
      return [];
    }
  };
  return { node: of(({ nodes }) => nodes.map(({ name }) => name)), service: of(sourceNames) };
}

/** Services and jobs. The first two nodes have all that there are: one of each storage group. */
function sourceNames(fleet: Fleet): readonly string[] {
  const { nodes: plans } = planWithoutSecrets({ ...fleet, nodes: fleet.nodes.slice(0, 2) });
  const services = plans.flatMap((plan) => servicesOf(plan).map(({ service }) => service));
  return [...new Set(services), ...JOB_NAMES];
}
