import { setTimeout as sleep } from "node:timers/promises";
import { deploy } from "./deploy";
import { buildLoadgen, MIXED_LOAD, send } from "./load";
import { type Session, sweep } from "./session";
import { cpuBetween, mapValues, type PerService, readUsage } from "./usage";

export interface MemoryResult {
  readonly idleSeconds: number;
  readonly loadSeconds: number;
  /** MiB by service, {@link idleSeconds} after the node was ready. */
  readonly idle: PerService;
  /** MiB by service, at the end of the load. */
  readonly loaded: PerService;
  /** Cores by service, over the load. */
  readonly cores: PerService;
}

/** Of the load's length, which is 12 s by default: 60 s and 45 s. */
const IDLE_SCALE = 5;
const LOAD_SCALE = 3.75;
/** After this the rate is even. */
const SKIPPED_SECONDS = 3;

/** Of the node that Terraform deployed. */
export async function measureMemory(session: Session): Promise<MemoryResult> {
  const { docker, settings, log } = session;
  const idleSeconds = Math.round(settings.seconds * IDLE_SCALE);
  const loadSeconds = Math.round(settings.seconds * LOAD_SCALE);
  const pause = (seconds: number): Promise<void> => sleep(seconds * 1000, undefined, session);
  const loadgen = await buildLoadgen(session);
  await deploy(session);

  log(`memory: idle for ${idleSeconds} s`);
  await pause(idleSeconds);
  const idle = await readUsage(docker);

  log(`memory: loaded for ${loadSeconds} s`);
  // Longer than what is measured, so that the last reading is still under load.
  const sending = send(session, loadgen, "memory", MIXED_LOAD, loadSeconds + 2);
  const readings = async () => {
    await pause(SKIPPED_SECONDS);
    const from = await readUsage(docker);
    await pause(loadSeconds - SKIPPED_SECONDS);
    return { from, to: await readUsage(docker) };
  };
  const [report, { from, to }] = await Promise.all([sending, readings()]);
  for (const [signal, { failedItems }] of Object.entries(report.signals))
    if (failedItems > 0)
      throw new Error(`memory: ${failedItems} ${signal} failed, so this is not the load that was meant`);

  await sweep(session);
  const window = loadSeconds - SKIPPED_SECONDS;
  return {
    idleSeconds,
    loadSeconds,
    idle: mapValues(idle, ({ memoryMiB }) => memoryMiB),
    loaded: mapValues(to, ({ memoryMiB }) => memoryMiB),
    cores: mapValues(cpuBetween(from, to), (seconds) => seconds / window),
  };
}
