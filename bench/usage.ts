import type Docker from "dockerode";
import type { ContainerStats } from "dockerode";
import { BENCH_FLEET } from "./fleet";

/** One number per service. */
export type PerService = Readonly<Record<string, number>>;

/** What one service has used so far. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly memoryMiB: number;
}

/** Reads what the services of the fleet have used since they started, from their cgroups. */
export async function readUsage(docker: Docker, fleet = BENCH_FLEET): Promise<Readonly<Record<string, Usage>>> {
  const filters = JSON.stringify({ label: [`mirador.fleet=${fleet}`, "mirador.service"], status: ["running"] });
  const containers = await docker.listContainers({ filters });
  const entries = await Promise.all(
    containers.map(async ({ Id, Labels }) => {
      const stats = await docker.getContainer(Id).stats({ stream: false, "one-shot": true });
      const usage: Usage = { cpuSeconds: stats.cpu_stats.cpu_usage.total_usage / 1e9, memoryMiB: memoryMiB(stats) };
      return [Labels["mirador.service"] ?? Id, usage] as const;
    }),
  );
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** CPU seconds that each service used between two readings. */
export function cpuBetween(
  before: Readonly<Record<string, Usage>>,
  after: Readonly<Record<string, Usage>>,
): PerService {
  return mapValues(after, ({ cpuSeconds }, service) => cpuSeconds - (before[service]?.cpuSeconds ?? 0));
}

export function mapValues<T, R>(record: Readonly<Record<string, T>>, map: (value: T, key: string) => R) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}

/** As `docker stats` counts: without file pages that the kernel would drop first. */
function memoryMiB({ memory_stats: { usage, stats } }: ContainerStats): number {
  const counters = stats as unknown as Readonly<Record<string, number | undefined>>;
  // The first name is cgroup v1's, the second one cgroup v2's.
  return (usage - (counters.total_inactive_file ?? counters.inactive_file ?? 0)) / 2 ** 20;
}
