import type { FleetRun } from "./fleet-cpu";
import { LOADS } from "./load";
import { figure, range, table } from "./markdown";
import { type Spread, spreadOf } from "./statistics";

/** One of each signal. */
export const FLEET_LOADS = LOADS.filter(({ key }) => key !== "spans-510");

type Cost = (run: FleetRun) => number;

const WHOLE: Cost = ({ all }) => all;
/** What the items themselves cost: three nodes use three times as much as one when nothing is sent. */
const NET: Cost = ({ all, atRest }) => all - atRest;

/** What three nodes use for an item that a client sent, divided by what one node uses, run by run. */
export function fleetRatio(runs: readonly FleetRun[], load: string, cost: Cost = NET): Spread {
  const of = (nodes: number) => runs.filter((run) => run.load === load && run.nodes === nodes);
  return spreadOf(
    of(3).flatMap((run) => {
      const neighbour = of(1).find(({ round }) => round === run.round);
      return neighbour === undefined ? [] : [cost(run) / cost(neighbour)];
    }),
  );
}

export function fleetTable(runs: readonly FleetRun[]): string {
  const median = (load: string, nodes: number, cost: Cost): number =>
    spreadOf(runs.filter((run) => run.load === load && run.nodes === nodes).map(cost)).median;
  const loads = FLEET_LOADS.filter(({ key }) => runs.some(({ load }) => load === key));
  const ratioText = (load: string, cost: Cost): string => {
    const spread = fleetRatio(runs, load, cost);
    return `${figure(spread.median)} (${range(spread)})`;
  };
  return table(
    [
      "CPU seconds for",
      "one node",
      "of it at rest",
      "three",
      "of it at rest",
      "three / one",
      "w/o rest",
      "mesh",
      "lost",
    ],
    loads.map(({ key, title }) => [
      title,
      figure(median(key, 1, WHOLE)),
      figure(median(key, 1, ({ atRest }) => atRest)),
      figure(median(key, 3, WHOLE)),
      figure(median(key, 3, ({ atRest }) => atRest)),
      ratioText(key, WHOLE),
      ratioText(key, NET),
      figure(median(key, 3, ({ haproxy }) => haproxy) - median(key, 1, ({ haproxy }) => haproxy)),
      runs.filter(({ load }) => load === key).reduce((all, { lost }) => all + lost, 0),
    ]),
  );
}
