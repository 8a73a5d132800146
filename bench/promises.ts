import { ratio } from "./cpu-tables";
import { HEALTHY, SECOND_PLAN } from "./deploy";
import { FLEET_LOADS, fleetRatio } from "./fleet-table";
import { type Cell, figure } from "./markdown";
import type { Measured } from "./report";
import { sum } from "./statistics";

/** What the design promises for one node, beside what was measured now; rows of a table. */
export function promiseRows(
  { synth, deploy, memory, cpu, fleet, verbs }: Measured,
  traceStandIn: boolean,
): readonly (readonly Cell[])[] {
  const total = (values: Readonly<Record<string, number>> | undefined): number | undefined =>
    values && sum(Object.values(values));
  const synthOf = (size: number): number | undefined => synth?.find(({ nodes }) => nodes === size)?.program.median;
  const rows: readonly (readonly [promise: string, limit: number, unit: string, measured: number | undefined])[] = [
    ["synth of 10 nodes", 2, " s", synthOf(10)],
    ["synth of 100 nodes", 10, " s", synthOf(100)],
    ["one node from nothing to all healthy, images present", 30, " s", deploy?.steps[HEALTHY]?.median],
    ["second plan", 10, " s", deploy?.steps[SECOND_PLAN]?.median],
    ["memory of one node, idle", 256, " MiB", total(memory?.idle)],
    ["memory of one node under 2k spans, 2k logs, 10k samples a second", 768, " MiB", total(memory?.loaded)],
    ["CPU of one node under that load", 0.5, " cores", total(memory?.cores)],
    [
      "CPU per span (100 a request), against the predecessor's shape",
      0.4,
      " ×",
      cpu && ratio(cpu, "spans-100", "predecessor").median,
    ],
    ...FLEET_LOADS.map(
      ({ key, title }) =>
        [
          `three nodes against one, CPU for ${title}, which are stored twice there`,
          2.2,
          " ×",
          fleet && fleetRatio(fleet, key).median,
        ] as const,
    ),
    ...(["status", "doctor", "plan"] as const).map(
      (verb) => [`mirador ${verb} of three nodes`, 5, " s", verbs?.[verb].median] as const,
    ),
  ];
  return rows.flatMap(([promise, limit, unit, measured]) => {
    if (measured === undefined) return [];
    // A double of the trace store has costs of its own; every other figure stands or falls with our own parts.
    const meansNothing = traceStandIn && unit === " ×";
    const kept = meansNothing ? "not comparable: the trace store is a stand-in" : measured <= limit ? "yes" : "**no**";
    return [[promise, `≤ ${limit}${unit}`, `${figure(measured)}${unit}`, kept]];
  });
}
