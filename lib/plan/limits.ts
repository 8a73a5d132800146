import type { ServiceLimit } from "../fleet/fleet";
import { COLLECTOR_NAMES, type CollectorName, type ServiceName } from "./services";

/**
 * Memory limits in MiB, two to three times the peak measured at 5k logs, 5k spans and 50k samples a second for the
 * stores. vminsert has 256: at 160 it was killed while a restarting gateway resent 20k samples a second. vtstorage has
 * 768: at 448 it was killed while a gateway drained 800k spans, and what it had taken from memory was lost.
 * vmagent and vlagent peaked at 48 and 143 with four bodies of 55 MiB at once.
 */
export const DEFAULT_LIMITS: Readonly<Record<ServiceName, ServiceLimit>> = {
  vminsert: { memoryMiB: 256 },
  vmselect: { memoryMiB: 256 },
  vmstorage: { memoryMiB: 640 },
  vmsingle: { memoryMiB: 768 },
  vlinsert: { memoryMiB: 256 },
  vlselect: { memoryMiB: 192 },
  vlstorage: { memoryMiB: 448 },
  vtinsert: { memoryMiB: 256 },
  vtselect: { memoryMiB: 192 },
  vtstorage: { memoryMiB: 768 },
  vmagent: { memoryMiB: 128 },
  vlagent: { memoryMiB: 256 },
  gateway: { memoryMiB: 256 },
  servicegraph: { memoryMiB: 128 },
  spanmetrics: { memoryMiB: 128 },
  isolationforest: { memoryMiB: 128 },
  vmadapter: { memoryMiB: 128 },
  vlogadapter: { memoryMiB: 128 },
  haproxy: { memoryMiB: 128 },
};

/** The base of a collector alone is about 80 MiB resident; Victoria roles start at about 10. */
export function minimumMemoryMiB(service: ServiceName): number {
  return isCollector(service) ? 96 : service === "haproxy" ? 64 : 32;
}

export function isCollector(service: ServiceName): service is CollectorName {
  return (COLLECTOR_NAMES as readonly ServiceName[]).includes(service);
}
