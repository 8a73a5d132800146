import { setTimeout as sleep } from "node:timers/promises";
import type { Fleet } from "../../lib/fleet/fleet";
import { groupsOf, planMembers, storageMembers } from "../../lib/plan/groups";
import { CliError, EXIT } from "../failure";
import type { Progress, Step } from "../progress";
import { type Both, type CompareOptions, compareDay, type Difference } from "./compare";
import { type GroupStores, type RepairedSignal, StoredRows, type Transport } from "./group";
import { type GroupCandidates, preflight } from "./preflight";
import { type Asked, type DayRange, daysOf } from "./range";
import { type DayReport, describeDay, rowsText } from "./report";

/** What {@link repair} needs of a fleet. */
export type RepairedFleet = Pick<Fleet, "name" | "nodes" | "layouts" | "retentionDays" | "batch">;

export interface RepairRequest {
  readonly fleet: RepairedFleet;
  readonly transport: Transport;
  readonly signals: readonly RepairedSignal[];
  readonly asked: Asked;
  /** Puts what is missing where it is missing; else it is only counted. */
  readonly fill: boolean;
  readonly progress: Progress;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** @see CompareOptions.settleMilliseconds @default 5000 */
  readonly settleMilliseconds?: number;
  /** @see CompareOptions.maxRows @default 10 000 */
  readonly maxRows?: number;
}

/** Until what was put there is seen by queries, whatever the store's own flush does. */
const VISIBLE_LOOKS = 4;

/**
 * Compares the groups of a fleet day by day, and puts what one of them lacks there. A run that was interrupted is
 * completed by the next one: what is there already is found equal.
 * @throws CliError `repair/…`: everything that stands in the way at once, before anything was touched
 */
export async function repair(request: RepairRequest): Promise<readonly DayReport[]> {
  const { fleet, transport, fill, progress } = request;
  if (fleet.nodes.length < 2) {
    throw new CliError(
      {
        code: "repair/one-group",
        what: `fleet ${fleet.name} has one node: there is no other group that could have what its stores lack`,
        fix: "nothing can be done; for another fleet: MIRADOR_FLEET=<file> npm run mirador -- repair",
      },
      EXIT.wrongFleet,
    );
  }
  const members = planMembers(fleet.nodes);
  const stores = await progress.step(
    "look",
    "asking every node",
    async () => {
      const candidates = request.signals.flatMap((signal) => candidatesOf(fleet, signal));
      const batchBytes = fleet.batch.maxMiB * 1024 ** 2;
      const found = await preflight({ transport, members, stores: candidates, batchBytes, fill, sleep });
      if (found.troubles.length > 0) throw new CliError(found.troubles);
      return found.stores;
    },
    () => `${members.length} nodes answer, and nothing waits to be sent`,
  );
  const reports: DayReport[] = [];
  for (const signal of request.signals) {
    const rows = { a: storedRows(transport, stores, signal, "a"), b: storedRows(transport, stores, signal, "b") };
    const now = BigInt(request.now) * 1_000_000n;
    for (const day of daysOf(request.asked, now, fleet.retentionDays[signal])) {
      const report = await progress.step(
        signal,
        day.day,
        (step) => repairDay(request, { signal, day, rows, step }),
        (done) => `${done.day}: ${describeDay(done)}`,
      );
      reports.push(report);
    }
  }
  return reports;
}

interface DayWork {
  readonly signal: RepairedSignal;
  readonly day: DayRange;
  readonly rows: Both<StoredRows>;
  readonly step: Step;
}

async function repairDay(request: RepairRequest, { signal, day, rows, step }: DayWork): Promise<DayReport> {
  const { fill, settleMilliseconds = 5_000, maxRows = 10_000 } = request;
  const options: CompareOptions = {
    ...{ fill, settleMilliseconds, maxRows, sleep, now: () => performance.now() },
    hour: (done, of, found) =>
      step.waiting(`${day.day}: ${done} of ${of} hours compared, ${rowsText(missing(found))} were missing`),
  };
  const stores = [rows.a, rows.b];
  for (const store of stores) store.forgetShares();
  const found = await compareDay(rows, day, options);
  if (!fill || found.minutes.size === 0) return { signal, day: day.day, found };
  let left: Difference | undefined;
  for (let look = 0; look < VISIBLE_LOOKS && (left === undefined || missing(left) > 0); look++) {
    step.waiting(`${day.day}: counting again`);
    await Promise.all(stores.map((store) => store.flush()));
    await sleep(look === 0 ? 0 : settleMilliseconds);
    left = await compareDay(rows, day, { ...options, fill: false, minutes: found.minutes, hour: () => undefined });
  }
  return { signal, day: day.day, found, ...(left === undefined ? {} : { left }) };
}

const missing = ({ missing: { a, b } }: Difference): number => a + b;

/** Who answers for each group in the cluster layout is any of its select roles; in the single one, its only storage. */
function candidatesOf({ nodes, layouts }: RepairedFleet, signal: RepairedSignal): readonly GroupCandidates[] {
  const members = planMembers(nodes);
  const kind = signal === "logs" ? "vl" : "vt";
  return groupsOf(members).map((group) => {
    const storages = storageMembers(members, group, layouts[signal]);
    const service = layouts[signal] === "single" ? (`${kind}storage` as const) : (`${kind}select` as const);
    return {
      ...{ signal, group, storages, storage: `${kind}storage` as const },
      readers: storages.map((node) => ({ node, service })),
    };
  });
}

function storedRows(
  transport: Transport,
  stores: readonly GroupStores[],
  signal: RepairedSignal,
  group: "a" | "b",
): StoredRows {
  const found = stores.find((store) => store.signal === signal && store.group === group);
  if (found === undefined) throw new Error(`nobody answers for ${signal} of group ${group}`);
  return new StoredRows(transport, found);
}
