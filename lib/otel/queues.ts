import { SIGNALS } from "../fleet/definition";

/**
 * Disk space that the gateway's queues need, in MiB: one queue per signal and storage group. Queue files grow to two to
 * three times their payload, and a disk that is full loses what was acknowledged: the collector deletes what it cannot
 * mark as taken.
 */
export function queueDiskMiB(sizeMiB: number, groups: number): number {
  return SIGNALS.length * groups * sizeMiB * 3;
}
