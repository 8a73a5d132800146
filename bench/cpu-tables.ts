import type { CpuRun } from "./cpu";
import { LOADS, type Load } from "./load";
import { figure, range, table } from "./markdown";
import { SHAPE_KEYS, type ShapeKey } from "./shapes";
import { type Spread, spreadOf, sum } from "./statistics";

type Cost = (run: CpuRun) => number;

const WHOLE: Cost = ({ node }) => node;
const WITHOUT_HAPROXY: Cost = ({ node, haproxy }) => node - haproxy;
const AT_REST: Cost = ({ atRest }) => sum(Object.values(atRest));
/** What the items themselves cost in collectors and stores. */
const NET: Cost = (run) => run.node - run.haproxy - (AT_REST(run) - (run.atRest.haproxy ?? 0));

/** The cost of ours, divided by that of the run of the same round that stood beside it. */
export function ratio(runs: readonly CpuRun[], load: string, to: ShapeKey, cost: Cost = WHOLE): Spread {
  const ours = select(runs, load, "ours");
  const ratios = ours.flatMap((run) => {
    const neighbour = select(runs, load, to).find(({ round }) => round === run.round);
    return neighbour === undefined ? [] : [cost(run) / cost(neighbour)];
  });
  return spreadOf(ratios);
}

export function cpuTables(runs: readonly CpuRun[]): string {
  const loads = LOADS.filter(({ key }) => runs.some(({ load }) => load === key));
  const rows = loads.flatMap(({ key, title }) =>
    SHAPE_KEYS.map((shape, index) => {
      const own = select(runs, key, shape);
      const median = (value: Cost): string => figure(spreadOf(own.map(value)).median);
      return [
        index === 0 ? title : "",
        shape,
        median(WHOLE),
        range(spreadOf(own.map(WHOLE))),
        median(WITHOUT_HAPROXY),
        median(AT_REST),
        own
          .map(({ stored, copies }) => `${figure(copies)}×${stored.lost > 0 ? ` (${stored.lost} lost)` : ""}`)
          .join(", "),
        median(({ latencyMs }) => latencyMs.p50),
        median(({ latencyMs }) => latencyMs.p99),
      ];
    }),
  );
  const ratios = loads.map(({ key, title }) => [
    title,
    ...(["predecessor", "plain"] as const).flatMap((shape) =>
      [WHOLE, WITHOUT_HAPROXY, NET].map((cost) => withRange(ratio(runs, key, shape, cost))),
    ),
  ]);
  return [
    table(
      ["CPU seconds for", "shape", "node", "range", "w/o HAProxy", "of it at rest", "stored", "p50 ms", "p99 ms"],
      rows,
    ),
    table(
      [
        "ours divided by",
        ...["predecessor", "plain"].flatMap((shape) => [
          shape,
          `${shape}, w/o HAProxy`,
          `${shape}, w/o HAProxy and rest`,
        ]),
      ],
      ratios,
    ),
    serviceTable(runs, loads),
  ].join("\n\n");
}

function serviceTable(runs: readonly CpuRun[], loads: readonly Load[]): string {
  const cost = (load: string, shape: ShapeKey, service: string): string => {
    const values = select(runs, load, shape).flatMap(({ services }) => services[service] ?? []);
    return values.length === 0 ? "–" : figure(spreadOf(values).median);
  };
  const services = [...new Set(runs.flatMap((run) => Object.keys(run.services)))].sort();
  return table(
    [`CPU seconds: ${SHAPE_KEYS.join(" / ")}`, ...loads.map(({ title }) => title)],
    services.map((service) => [
      service,
      ...loads.map(({ key }) => SHAPE_KEYS.map((shape) => cost(key, shape, service)).join(" / ")),
    ]),
  );
}

function select(runs: readonly CpuRun[], load: string, shape: ShapeKey): readonly CpuRun[] {
  return runs.filter((run) => run.load === load && run.shape === shape);
}

function withRange(spread: Spread): string {
  return `${figure(spread.median)} (${range(spread)})`;
}
