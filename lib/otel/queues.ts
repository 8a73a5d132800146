/** Queues on the gateway's disk: one per signal and storage group. */
const QUEUES = 3;

/**
 * Disk space that the gateway's queues need, in MiB. Queue files grow to two to three times their payload, and a disk
 * that is full loses what was acknowledged: the collector deletes what it cannot mark as taken.
 */
export function queueDiskMiB(sizeMiB: number): number {
  return QUEUES * sizeMiB * 3;
}
