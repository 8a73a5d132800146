import { SIGNALS } from "../fleet/definition";

/**
 * Disk space that the gateway's queues need, in MiB: one queue per signal and storage group. Queue files grow to two to
 * three times their payload, and a disk that is full loses what was acknowledged: the collector deletes what it cannot
 * mark as taken.
 */
export function queueDiskMiB(sizeMiB: number, groups: number): number {
  return SIGNALS.length * groups * sizeMiB * 3;
}

/** An agent's queue is files of this size; a smaller queue is rounded up by the agent itself. */
const AGENT_FILE_MIB = 512;

/** What an agent (vmagent, vlagent) keeps for each storage group before it drops the oldest, in MiB. */
export function agentQueueMiB(sizeMiB: number): number {
  // The agent's least is 128 bytes more than 512 MiB.
  return Math.max(sizeMiB, AGENT_FILE_MIB + 1);
}

/** Disk space that the queues of one agent need, in MiB: a file goes when it has been sent to its end. */
export function agentDiskMiB(sizeMiB: number, groups: number): number {
  return groups * (agentQueueMiB(sizeMiB) + AGENT_FILE_MIB);
}

/** Disk space that all queues of a node need, in MiB: the gateway's, and two agents' on a node among several. */
export function nodeQueuesDiskMiB(sizeMiB: number, groups: number): number {
  return queueDiskMiB(sizeMiB, groups) + (groups > 1 ? 2 * agentDiskMiB(sizeMiB, groups) : 0);
}
