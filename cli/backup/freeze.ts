import { setTimeout as sleep } from "node:timers/promises";
import { missingAt } from "../engine-exec";
import { CliError } from "../failure";
import { inOrder } from "../orderly";
import type { Room } from "./room";
import { askStore, containerOf, nameOf, type StoreOnHost } from "./store";

/** A store at one moment, as a folder that does not change. */
export interface Frozen {
  /** Folder in the room; holds links. */
  readonly root: string;
  readonly at: Date;
  /** Seconds for which the store stood still, where it cannot be frozen while it runs. */
  readonly away?: number;
  /** Lets the store remove what it does not need any more. */
  release(): Promise<void>;
}

/** Below a store's folder; what a killed run left there goes with the next one. */
const OWN_FOLDER = ".mirador-backup";
const READY_SECONDS = 120;
/** Exit status of a process that SIGKILL ended. */
const KILLED = 137;

/** Where the work of a backup is done, in the room of a store. */
export const asideOf = ({ path }: StoreOnHost): string => `${path}/${OWN_FOLDER}/fetch`;

/**
 * Freezes a store. VictoriaMetrics, and newer versions of VictoriaLogs and VictoriaTraces, do so themselves without a stop;
 * the others are stopped, which writes everything to the disk, their parts, which never change, get a second name, and they
 * are started again. What is sent meanwhile waits in the gateways' queues.
 * @throws CliError `backup/not-frozen`
 */
export async function freeze(store: StoreOnHost, room: Room): Promise<Frozen> {
  try {
    await room.run(`rm -rf ${ownFolder(store)}`);
    if (store.signal === "metrics") return await freezeMetrics(store);
    return (await freezePartitions(store, room)) ?? (await freezeStopped(store, room));
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError({
      code: "backup/not-frozen",
      what: `${nameOf(store)} cannot be frozen: ${(error as Error).message}`,
      where: `${store.node.plan.prefix}-${store.service.service}`,
      fix: `see what it says: npm run mirador -- logs ${store.service.service} --node ${store.node.plan.name}; nothing was backed up`,
    });
  }
}

const ownFolder = ({ path }: StoreOnHost): string => `${path}/${OWN_FOLDER}`;

async function freezeMetrics(store: StoreOnHost): Promise<Frozen> {
  const said = await askStore(store, "/snapshot/create", "-q");
  const { snapshot } = JSON.parse(said) as { snapshot?: string };
  if (snapshot === undefined) throw new Error(said);
  return {
    root: `${store.path}/snapshots/${snapshot}`,
    at: new Date(),
    release: async () => {
      await askStore(store, `/snapshot/delete?snapshot=${snapshot}`, "-q");
    },
  };
}

/**
 * Each day's partition by the store's own means.
 * @returns nothing when the store does not know how
 */
async function freezePartitions(store: StoreOnHost, room: Room): Promise<Frozen | undefined> {
  // Newer versions refuse anything but POST there.
  const said = await askStore(store, "/internal/partition/snapshot/create", "-q -S --post-data=").catch(
    ({ message }: Error) => message,
  );
  const paths = snapshotsIn(said, store.path);
  if (paths === undefined) {
    // "unsupported path requested", or what wget says of it.
    if (/\b400\b/.test(said)) return undefined;
    throw new Error(said);
  }
  const at = new Date();
  const root = `${ownFolder(store)}/tree`;
  const links = paths.map(({ path, day }) => `ln -s ${path} ${root}/partitions/${day}`);
  const release = async (): Promise<void> => {
    for (const { path } of paths)
      await askStore(store, `/internal/partition/snapshot/delete?path=${path}`, "-q --post-data=");
    await room.run(`rm -rf ${ownFolder(store)}`);
  };
  try {
    await room.run([`mkdir -p ${root}/partitions`, ...links].join("\n"));
  } catch (error) {
    await release();
    throw error;
  }
  return { root, at, release };
}

/**
 * Pure: the snapshots in the answer of a store.
 * @param folder where the store has its data
 * @returns nothing when it is not such an answer
 */
export function snapshotsIn(
  text: string,
  folder: string,
): readonly { readonly path: string; readonly day: string }[] | undefined {
  const list = /^\[[^\]]*\]/m.exec(text)?.[0];
  if (list === undefined) return undefined;
  return (JSON.parse(list) as readonly string[]).map((path) => {
    const [, day] = new RegExp(`^${folder}/partitions/(\\d{8})/[\\w./-]+$`).exec(path) ?? [];
    if (day === undefined) throw new Error(`a snapshot is in an unknown place: ${path}`);
    return { path, day };
  });
}

/** It runs already: 304. */
export function unlessStarted(error: { readonly statusCode?: number }): void {
  if (error.statusCode !== 304) throw error;
}

async function freezeStopped(store: StoreOnHost, room: Room): Promise<Frozen> {
  const container = containerOf(store);
  const root = `${ownFolder(store)}/tree`;
  const { plan, engine } = store.node;
  const { at, away } = await inOrder("the store starts again", async () => {
    const stopped = performance.now();
    try {
      // Without a time of ours the engine gives it the one that the container was made with.
      await container.stop();
      const { State } = await container.inspect();
      if (State.ExitCode === KILLED) throw new Error("it did not end in time and was killed: its last rows are lost");
      await room.run(`mkdir -p ${root}\n[ ! -d ${store.path}/partitions ] || cp -al ${store.path}/partitions ${root}/`);
      return { at: new Date(), away: (performance.now() - stopped) / 1000 };
    } finally {
      await container.start().catch(unlessStarted);
    }
  });
  // Not before everybody can ask it again is the node whole.
  let missing: string | undefined;
  for (const end = performance.now() + READY_SECONDS * 1000; performance.now() < end; await sleep(500)) {
    missing = await missingAt(engine.client, `${plan.prefix}-haproxy`).catch(() => "haproxy");
    if (missing === undefined) break;
  }
  if (missing !== undefined) console.error(`note: ${plan.name} waits for ${missing} since ${nameOf(store)} was frozen`);
  return { root, at, away, release: () => room.run(`rm -rf ${ownFolder(store)}`).then(() => undefined) };
}
