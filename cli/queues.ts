import type { Signal } from "../lib/fleet/definition";
import { storeExporter } from "../lib/otel/gateway";
import type { Group } from "../lib/plan/groups";
import { AGENTS, type AgentName } from "../lib/victoria/agents";

/** Sizes by exporter, in bytes, from the metrics of a gateway. */
export function queueSizes(metrics: string): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const [, labels = "", value] of metrics.matchAll(/^otelcol_exporter_queue_size\{([^}]*)\} (\S+)/gm)) {
    const exporter = /exporter="([^"]*)"/.exec(labels)?.[1];
    if (exporter !== undefined) sizes.set(exporter, Number(value));
  }
  return sizes;
}

/**
 * What an agent has on disk for each storage group, by {@link agentQueue}; it numbers its targets in their order.
 * @param metrics of vmagent or vlagent
 */
export function agentSizes(metrics: string, agent: AgentName, groups: readonly Group[]): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const [, labels = "", value] of metrics.matchAll(/^v\w+_remotewrite_pending_data_bytes\{([^}]*)\} (\S+)/gm)) {
    const group = groups[Number(/url="(\d+):/.exec(labels)?.[1]) - 1];
    if (group !== undefined) sizes.set(agentQueue(agent, group), Number(value));
  }
  return sizes;
}

export function agentQueue(agent: AgentName, group: Group): string {
  return `${agent}/${group}`;
}

/** Every queue of a node from which a group gets a signal, as {@link queueSizes} and {@link agentSizes} name them. */
export function queuesTowards(signal: Signal, group: Group): readonly string[] {
  const agent = signal === "traces" ? undefined : AGENTS[signal].service;
  return [storeExporter(signal, group), ...(agent === undefined ? [] : [agentQueue(agent, group)])];
}

/** A gateway sends so many batches of a signal at a time. */
const BATCHES = 4;
/** A queue that cannot be sent waits up to ten seconds between two tries and does not get shorter meanwhile. */
const LOOKS = 6;

/** Less than this is what is just on its way, at any rate. */
const LITTLE_BYTES = 256 * 1024;

/**
 * Whether a queue holds no more than what is on its way: two looks in a row find little, or not more than the batches
 * that are sent at a time while it also gets shorter now and then. One that only grows or stands still is a backlog.
 * @param sizes what was seen, the newest last
 * @param batchBytes of the largest batch
 */
export function isDrained(sizes: readonly number[], batchBytes: number): boolean {
  const [before, last] = sizes.slice(-2);
  if (before === undefined || last === undefined) return false;
  if (Math.max(before, last) <= LITTLE_BYTES) return true;
  if (Math.max(before, last) > BATCHES * batchBytes) return false;
  const recent = sizes.slice(-LOOKS);
  return recent.some((size, index) => index > 0 && size < (recent[index - 1] ?? 0));
}

/**
 * Whether a queue holds nothing older than the looks at it: it was found empty, or never with more than a batch and never
 * twice the same, three times in a row. What stands still may be of any age, however little it is.
 * @param sizes what was seen, the newest last
 * @param batchBytes of the largest batch
 */
export function holdsNothingOld(sizes: readonly number[], batchBytes: number): boolean {
  if (sizes.length > 1 && sizes.includes(0)) return true;
  const last = sizes.slice(-3);
  return last.length === 3 && last.every((size, index) => size <= batchBytes && size !== last[index - 1]);
}

/** @returns such as `700 KiB` or `5.0 MiB` */
export function sizeText(bytes: number): string {
  const [unit, name] = UNITS.find(([size]) => bytes >= size) ?? [1024, "KiB"];
  return name === "KiB" ? `${Math.ceil(bytes / unit)} KiB` : `${(bytes / unit).toFixed(1)} ${name}`;
}

const UNITS = [
  [1024 ** 4, "TiB"],
  [1024 ** 3, "GiB"],
  [1024 ** 2, "MiB"],
] as const;
