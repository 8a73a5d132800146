import { rm } from "node:fs/promises";
import { join } from "node:path";
import { deploy } from "./deploy";
import { buildLoadgen, flagsOf, LOADS, type Load, send, verify } from "./load";
import { runProgram } from "./program";
import { type Session, sweep } from "./session";

/** A backup of a node with this much, and its way back. */
export interface BackupResult {
  /** What was stored and found, before and after. */
  readonly items: readonly { readonly signal: string; readonly before: number; readonly after: number }[];
  /** Bytes of the backup. */
  readonly bytes: number;
  /** Seconds of each step, in order. */
  readonly steps: Readonly<Record<string, number>>;
}

const WANTED: Readonly<Record<Load["signal"], number>> = { samples: 1_000_000, logs: 100_000, spans: 100_000 };
const ROOT = join(__dirname, "..");

/**
 * One node gets a million samples, 100k logs and 100k spans, is backed up, loses everything that it has, and gets it back.
 * @throws Error when a count after it is another than before
 */
export async function measureBackup(session: Session): Promise<BackupResult> {
  const loadgen = await buildLoadgen(session);
  await deploy(session);
  const loads = LOADS.filter(({ key }) => key !== "spans-510");
  for (const load of loads)
    await send(session, loadgen, runOf(load), flagsOf(load), Math.ceil(WANTED[load.signal] / load.rate));
  const before = await countAll(session, loadgen, loads);
  const folder = join(session.folder, "backups");
  const first = await mirador(session, "backup", folder, "--json");
  const { stores } = JSON.parse(first.stdout) as { stores: readonly { bytes: number }[] };
  const second = await mirador(session, "backup", folder, "--json");
  const checked = await mirador(session, "restore", folder, "--verify", "--json");
  await mirador(session, "clean", "--yes");
  const restored = await mirador(session, "restore", folder, "--json");
  const up = await mirador(session, "up");
  const after = await countAll(session, loadgen, loads);
  const items = loads.map(({ signal }, index) => ({ signal, before: before[index] ?? 0, after: after[index] ?? 0 }));
  const differing = items.find((item) => item.before !== item.after || item.before < 0.99 * WANTED[item.signal]);
  if (differing !== undefined) throw new Error(`counts differ: ${JSON.stringify(items)}`);
  await mirador(session, "clean", "--yes");
  await sweep(session);
  await rm(folder, { recursive: true });
  const steps = {
    backup: first.seconds,
    "backup again, with what the node says of itself meanwhile": second.seconds,
    "restore --verify, into scratch stores": checked.seconds,
    "restore into empty volumes": restored.seconds,
    "up, until all is healthy": up.seconds,
  };
  return { items, bytes: stores.reduce((sum, { bytes }) => sum + bytes, 0), steps };
}

const runOf = ({ key }: Load): string => `backup-${key}`;

async function countAll(session: Session, loadgen: string, loads: readonly Load[]): Promise<readonly number[]> {
  const counts: number[] = [];
  for (const load of loads) {
    const { stored, lost, error } = await verify(session, loadgen, runOf(load), load.signal);
    if (lost > 0 || error !== undefined) throw new Error(`${lost} ${load.signal} are missing ${error ?? ""}`);
    counts.push(stored);
  }
  return counts;
}

async function mirador(session: Session, ...args: readonly string[]) {
  session.log(`mirador ${args[0]}`);
  const { environment, signal } = session;
  return runProgram(process.execPath, ["--import", "tsx", "cli/mirador.ts", ...args], {
    ...{ cwd: ROOT, env: { ...process.env, ...environment }, signal },
  });
}
