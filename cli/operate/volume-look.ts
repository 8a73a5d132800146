import type { Signal } from "../../lib/fleet/definition";
import { dataOf, type NodePlan } from "../../lib/plan/node-plan";
import type { DataVolume } from "../../lib/plan/service-plan";
import { folderOf, readOnHost } from "../up/host-reader";
import type { SeenNode } from "../up/roll-out";

/** A data volume, measured on its host. */
export interface VolumeLook {
  /** What is in it: a signal, `queue`, or the name of its owner. */
  readonly holds: string;
  /** Name of a Docker volume, or a folder of the host. */
  readonly source: string;
  /** Bytes on disk. */
  readonly bytes: number;
  /** Bytes that a day adds; absent until a whole day can be told. */
  readonly growth?: number;
  /** Device of the disk that it lies on; volumes with the same one share what is free. */
  readonly disk: string;
  /** Bytes free on that disk. */
  readonly free: number;
  /** Size of that disk in bytes. */
  readonly total: number;
}

const DAY_SECONDS = 86_400;
/** Whole days that the growth of logs and traces is told from. */
const GROWTH_DAYS = 7;

/**
 * Measures the data volumes of a node; those that do not exist yet are left out.
 * @param seconds how long it may take; a large store has many files
 */
export async function lookAtVolumes(
  { plan, engine, deployed }: SeenNode,
  seconds?: number,
): Promise<readonly VolumeLook[]> {
  const limit = seconds === undefined ? {} : { seconds };
  const question = { client: engine.client, image: plan.images.haproxy.ref, data: dataOf(plan), deployed };
  const { text, sources } = await readOnHost({ ...question, ...limit, hostNetwork: false }, script);
  return parseVolumes(text, sources, holdersOf(plan), Date.now() / 1000);
}

/** What each data volume of a node is for, by its source. */
function holdersOf(plan: NodePlan): ReadonlyMap<string, string> {
  const signals = Object.entries(plan.stores).flatMap(([signal, { data }]) =>
    data === undefined ? [] : [[data.source, signal] as const],
  );
  return new Map([
    ...plan.agents.map(({ data, service }) => [data.source, service.service] as const),
    ...(plan.haproxy.data === undefined ? [] : [[plan.haproxy.data.source, "haproxy"] as const]),
    [plan.otel.data.source, "queue"],
    ...signals,
  ]);
}

/**
 * VictoriaLogs and VictoriaTraces keep each day, VictoriaMetrics each month in a folder of its own, named by it.
 * VictoriaMetrics writes one file when it makes its storage, and never again.
 */
function script(present: readonly DataVolume[]): string {
  const parts = present.map((_, index) => {
    const folder = folderOf(index);
    return [
      `echo "@volume ${index} $(du -sk ${folder} | cut -f1) $(df -Pk ${folder} | tail -n 1 | awk '{ print $1, $2, $4 }')"`,
      `for part in ${folder}/partitions/[0-9]* ${folder}/data/small/[0-9]* ${folder}/data/big/[0-9]*; do`,
      `  [ ! -d "$part" ] || echo "@part ${index} $(basename "$part") $(du -sk "$part" | cut -f1)"`,
      "done",
      `begin=${folder}/metadata/minTimestampForCompositeIndex`,
      `[ ! -f $begin ] || echo "@begin ${index} $(stat -c %Y $begin)"`,
    ];
  });
  return parts.flat().join("\n");
}

/**
 * Pure: what the script printed.
 * @param now seconds since 1970
 */
export function parseVolumes(
  text: string,
  sources: readonly string[],
  holders: ReadonlyMap<string, string>,
  now: number,
): readonly VolumeLook[] {
  const lines = text.split("\n").map((line) => line.split(" "));
  const of = (mark: string, index: number) => lines.filter(([first, at]) => first === mark && at === `${index}`);
  return sources.flatMap((source, index): VolumeLook[] => {
    const [found] = of("@volume", index);
    if (found === undefined) return [];
    const [, , size, disk = "", total, free] = found;
    const parts = of("@part", index).map(([, , name = "", kibibytes]) => ({ name, bytes: 1024 * Number(kibibytes) }));
    const begin = of("@begin", index).map(([, , seconds]) => Number(seconds))[0];
    const growth = growthOf(parts, begin, now);
    return [
      {
        ...{ holds: holders.get(source) ?? source, source, disk },
        ...{ bytes: 1024 * Number(size), total: 1024 * Number(total), free: 1024 * Number(free) },
        ...(growth === undefined ? {} : { growth }),
      },
    ];
  });
}

interface Partition {
  /** `20261122`, or `2026_11`. */
  readonly name: string;
  readonly bytes: number;
}

/** @param begin when a store of metrics was made, in seconds since 1970 */
function growthOf(parts: readonly Partition[], begin: number | undefined, now: number): number | undefined {
  const byDay = parts.filter(({ name }) => /^\d{8}$/.test(name));
  return byDay.length > 0 ? dailyGrowth(byDay, now) : monthlyGrowth(parts, begin, now);
}

/** Over whole UTC days; today's is not over. */
function dailyGrowth(days: readonly Partition[], now: number): number | undefined {
  const today = Math.floor(now / DAY_SECONDS);
  const ages = days.map(({ name, bytes }) => ({ ago: today - startOf(name) / DAY_SECONDS, bytes }));
  // The first day of all began at any hour, and the retention may have taken a part of it.
  const first = Math.max(...ages.map(({ ago }) => ago));
  const past = ages.filter(({ ago }) => ago >= 1 && ago <= GROWTH_DAYS && ago < first);
  if (past.length === 0) return undefined;
  // Days without data since the first one count too.
  const covered = Math.max(...past.map(({ ago }) => ago));
  return past.reduce((all, { bytes }) => all + bytes, 0) / covered;
}

/** Over this month and the one before, as far as the store is that old. */
function monthlyGrowth(months: readonly Partition[], begin: number | undefined, now: number): number | undefined {
  if (begin === undefined) return undefined;
  const date = new Date(now * 1000);
  const before = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - 1, 1) / 1000;
  const days = (now - Math.max(before, begin)) / DAY_SECONDS;
  if (days < 1) return undefined;
  const recent = months.filter(({ name }) => startOf(`${name.replace("_", "")}01`) >= before);
  return recent.reduce((all, { bytes }) => all + bytes, 0) / days;
}

/** @param day such as `20261122` @returns seconds since 1970 */
function startOf(day: string): number {
  return Date.UTC(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6))) / 1000;
}

/** What a disk can take. */
export interface DiskRequest {
  readonly volumes: readonly Pick<VolumeLook, "holds" | "bytes" | "growth" | "free">[];
  readonly retentionDays: Readonly<Record<Signal, number>>;
  /** Bytes that stores leave free: below it they take nothing more. */
  readonly reserve: number;
}

const HORIZON_DAYS = 3_650;

/**
 * Days until stores on one disk have no room left, when every day is like the last ones. A store stops growing when its
 * retention begins to remove.
 * @returns nothing when there is room for all that is kept
 */
export function daysLeft({ volumes, retentionDays, reserve }: DiskRequest): number | undefined {
  const room = Math.min(...volumes.map(({ free }) => free)) - reserve;
  const growing = volumes.flatMap(({ holds, bytes, growth }) =>
    growth === undefined ? [] : { growth, most: Math.max(0, growth * (retentionDays[holds as Signal] ?? 0) - bytes) },
  );
  for (let day = 0; day <= HORIZON_DAYS; day++) {
    const more = growing.reduce((all, { growth, most }) => all + Math.min(growth * day, most), 0);
    if (more > room) return Math.max(0, day - 1);
  }
  return undefined;
}
