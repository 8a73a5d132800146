import { setTimeout as sleep } from "node:timers/promises";
import { SIGNALS, type Signal } from "../../lib/fleet/definition";
import type { Fleet } from "../../lib/fleet/fleet";
import type { Group } from "../../lib/plan/groups";
import type { NodePlan } from "../../lib/plan/node-plan";
import { CliError, EXIT, formatTrouble, Interrupted, type Trouble } from "../failure";
import { nodesToLookAt, reachNodes } from "../operate/nodes";
import { inOrder } from "../orderly";
import type { Progress } from "../progress";
import { holdsNothingOld, sizeText } from "../queues";
import { progressOf, type Session } from "../session";
import type { SeenNode } from "../up/roll-out";
import { copyOut } from "./copy";
import { asideOf, type Frozen, freeze } from "./freeze";
import {
  answeringStores,
  type CountedStore,
  type GroupView,
  type PickedStores,
  pickGroups,
  viewOf,
  waitingFor,
} from "./groups";
import { type BackupStore, FORMAT, idOf, type Manifest } from "./manifest";
import { type Catalog, openRepository, type Repository, readCatalog, writeManifest } from "./repository";
import { Room } from "./room";
import { atStore, nameOf, type StoreOnHost, versionOf } from "./store";
import { verifyBackup } from "./verify";

/** What `mirador backup` is asked for. */
export interface BackupOptions {
  /** A folder, or `s3://bucket/folder`. */
  readonly to: string;
  /** @default - for each signal the one that lacks nothing */
  readonly group?: Group | "all";
  /** Restores it into scratch stores afterwards, and compares. */
  readonly verify: boolean;
  readonly json: boolean;
}

/** How long what was acknowledged before may take to reach the stores. */
const QUEUE_SECONDS = 30;
const QUEUE_LOOK_MILLISECONDS = 1_000;

/**
 * `mirador backup`: one storage group of each signal, frozen at one moment, as one set.
 * @returns the exit status
 * @throws CliError before anything was frozen, or when the set could not be completed: then there is no backup of that id
 */
export async function backup(session: Session, { to, group, verify, json }: BackupOptions): Promise<number> {
  const progress = progressOf(session, json);
  const { fleet, plans } = await nodesToLookAt(session, []);
  const repository = await openRepository(to, session.environment);
  const catalog = await progress.step(
    "repository",
    `reading ${repository.where}`,
    async () => ownCatalog(await readCatalog(repository, "newest"), repository, fleet.name),
    ({ backups: [newest] }) => (newest === undefined ? "there is no backup yet" : `the newest backup is ${newest.id}`),
  );
  for (const trouble of catalog.troubles) console.error(formatTrouble(trouble));
  const nodes = await progress.step(
    "machine",
    "asking all engines",
    () => answeringNodes(fleet, plans, session),
    (found) => `${found.length} of ${plans.length} ${plans.length === 1 ? "engine answers" : "engines answer"}`,
  );
  // From here on there is something to take back: Ctrl-C lets that happen.
  const { manifest, lacking } = await inOrder("frozen copies are removed", async () => {
    const { picked, waiting } = await gather({ session, fleet, plans, nodes, progress, ...(group && { group }) });
    return writeSet({ session, progress, fleet: fleet.name, picked, waiting, repository, catalog });
  });
  for (const trouble of lacking) console.error(formatTrouble(trouble));
  const { minFreeDiskMiB } = fleet;
  const counted = verify
    ? await verifyBackup({ session, progress, repository, manifest, nodes, minFreeDiskMiB })
    : true;
  const same = counted && lacking.length === 0;
  if (json)
    process.stdout.write(
      `${JSON.stringify({ ...summaryOf(manifest), verified: verify && counted, troubles: lacking }, null, 2)}\n`,
    );
  else progress.line(`\n${manifest.id} is complete; mirador restore ${to} brings it back`);
  return same ? EXIT.ok : EXIT.failed;
}

/** What a repository has of a fleet. @throws CliError when it is another fleet's */
export function ownCatalog(catalog: Catalog, { where }: Pick<Repository, "where">, fleet: string): Catalog {
  const other = catalog.backups.find((one) => one.fleet !== fleet);
  if (other === undefined) return catalog;
  throw new CliError({
    code: "backup/other-fleet",
    what: `there are backups of the fleet ${other.fleet}, and this one is ${fleet}`,
    where,
    fix: "each fleet has a place of its own: name another one",
  });
}

async function answeringNodes(
  fleet: Fleet,
  plans: readonly NodePlan[],
  session: Session,
): Promise<readonly SeenNode[]> {
  const reached = await reachNodes(fleet, plans, session);
  const troubles = reached.flatMap(({ engine }) => ("code" in engine ? engine : []));
  if (troubles.length === plans.length) throw new CliError(troubles);
  for (const trouble of troubles) console.error(formatTrouble(trouble));
  return reached.flatMap(({ plan, engine }) => ("code" in engine ? [] : [{ plan, engine, deployed: true }]));
}

interface Gathering {
  readonly session: Session;
  readonly fleet: Fleet;
  readonly plans: readonly NodePlan[];
  readonly nodes: readonly SeenNode[];
  readonly progress: Progress;
  readonly group?: Group | "all";
}

/** Finds the groups, and gives what was acknowledged before some time to get there. */
async function gather({ session, fleet, plans, nodes, progress, group }: Gathering) {
  const stores = (await Promise.all(nodes.map(answeringStores))).flat();
  const holders = Object.fromEntries(
    SIGNALS.map((signal) => [
      signal,
      plans.flatMap((plan) => (plan.stores[signal].data ? { node: plan.name, group: plan.group } : [])),
    ]),
  ) as Record<Signal, { node: string; group: Group }[]>;
  const look = async (): Promise<readonly GroupView[]> =>
    (await Promise.all(nodes.map((node) => viewOf(node).catch(() => [])))).flat();
  const found = pickGroups({ fleet, holders, stores, views: await look(), ...(group && { wanted: group }) });
  const troubles = found.flatMap((one) => ("code" in one ? one : []));
  if (troubles.length > 0) throw new CliError(troubles);
  const picked = found.flatMap((one) => ("code" in one ? [] : one));
  for (const { note } of picked)
    if (note !== undefined) progress.note("groups", `${note}; npm run mirador -- repair compares logs and traces`);
  const waitingNow = (views: readonly GroupView[]): number =>
    picked.reduce((all, one) => all + waitingFor(views, one.signal, one.group), 0);
  let unasked: readonly string[] = [];
  const waiting = await progress.step(
    "queues",
    "what was sent before reaches the stores",
    async (step) => {
      const seen: number[] = [];
      const batchBytes = fleet.batch.maxMiB * 1024 ** 2;
      for (const end = performance.now() + QUEUE_SECONDS * 1000; ; await sleep(QUEUE_LOOK_MILLISECONDS)) {
        giveUpIfAsked(session);
        const views = await look();
        unasked = plans.flatMap(({ name }) => (views.some(({ node }) => node === name) ? [] : name));
        const bytes = waitingNow(views);
        seen.push(bytes);
        if (holdsNothingOld(seen, batchBytes)) return 0;
        if (performance.now() >= end) return bytes;
        step.waiting(`${sizeText(bytes)} wait for the stores`);
      }
    },
    (bytes) =>
      bytes === 0
        ? `everything that was sent is in the stores${unasked.length === 0 ? "" : `, but for what ${unasked.join(", ")} may still have: not asked`}`
        : `${sizeText(bytes)} still wait, and are not in the backup`,
  );
  return { picked, waiting };
}

function giveUpIfAsked({ interrupt }: Session): void {
  if (interrupt.aborted) throw new Interrupted("the backup was given up");
}

interface WriteSet {
  readonly session: Session;
  readonly progress: Progress;
  readonly fleet: string;
  readonly picked: readonly PickedStores[];
  readonly waiting: number;
  readonly repository: Repository;
  readonly catalog: Catalog;
}

interface Held {
  readonly store: CountedStore;
  readonly room: Room;
  readonly frozen: Frozen;
}

async function writeSet({
  session,
  progress,
  fleet,
  picked,
  waiting,
  repository,
  catalog,
}: WriteSet): Promise<{ readonly manifest: Manifest; readonly lacking: readonly Trouble[] }> {
  const stores = picked.flatMap((one) => one.stores);
  const { interrupt } = session;
  giveUpIfAsked(session);
  const { held, failures } = await progress.step(
    "freeze",
    "all stores stand still at one moment, for a copy",
    () => freezeAll(stores),
    ({ held: all }) => frozenText(all, picked),
  );
  try {
    if (failures.length > 0) throw failures[0];
    const has = new Map(catalog.objects);
    const latest = catalog.backups.at(-1);
    const written: BackupStore[] = [];
    for (const { store, room, frozen } of held) {
      const { signal, node, service } = store;
      const about = {
        signal,
        layout: node.plan.stores[signal].layout,
        node: node.plan.name,
        group: node.plan.group,
        service: service.service,
      };
      const earlier = latest?.stores.find((one) => one.signal === signal && one.node === about.node)?.files ?? [];
      let sent = 0;
      const copied = await progress.step(
        about.node,
        `${signal} are copied`,
        (step) =>
          atStore(store, () =>
            copyOut({ room, root: frozen.root, aside: asideOf(store) }, repository, earlier, has, {
              interrupt,
              onBytes: (bytes) => {
                sent += bytes;
                step.waiting(`${signal} are copied: ${sizeText(sent)}`);
              },
            }),
          ),
        ({ files, rows, sent: bytes }) =>
          `${signal}: ${rows} rows in ${sizeText(files.reduce((all, { size }) => all + size, 0))}, of which ${sizeText(bytes)} are new`,
      );
      const { files, rows } = copied;
      written.push({ ...about, version: versionOf(store), frozen: frozen.at.toISOString(), rows, files: [...files] });
    }
    const moments = held.map(({ frozen }) => frozen.at.getTime());
    const id = idOf(new Date(Math.max(...moments)));
    const manifest: Manifest = { format: FORMAT, id, fleet, waiting, stores: written };
    giveUpIfAsked(session);
    await writeManifest(repository, manifest);
    return { manifest, lacking: held.flatMap(({ store }, index) => fewerRows(store, written[index]?.rows ?? 0)) };
  } catch (error) {
    giveUpIfAsked(session);
    throw error;
  } finally {
    await Promise.all(held.map(async ({ store, room, frozen }) => letGo(store, room, frozen)));
  }
}

/** All at once: the three signals of a set are of one moment. What was frozen before another one failed is told too. */
async function freezeAll(stores: readonly CountedStore[]) {
  const held: Held[] = [];
  const results = await Promise.allSettled(
    stores.map(async (store) => {
      const { plan, engine } = store.node;
      const room = await atStore(store, () =>
        Room.open({
          ...{ client: engine.client, image: plan.images.haproxy.ref, user: store.data.owner },
          name: `${plan.prefix}-backup-${store.signal}`,
          mounts: [{ source: store.data.source, path: store.path }],
        }),
      );
      try {
        held.push({ store, room, frozen: await freeze(store, room) });
      } catch (error) {
        await room.close().catch(() => undefined);
        throw error;
      }
    }),
  );
  const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason as Error] : []));
  return { held: stores.flatMap((store) => held.filter((one) => one.store === store)), failures };
}

function frozenText(held: readonly Held[], picked: readonly PickedStores[]): string {
  const moments = held.map(({ frozen }) => frozen.at.getTime());
  const spread = (Math.max(...moments) - Math.min(...moments)) / 1000;
  const groups = picked.map(({ signal, group }) => `${signal} of group ${group}`).join(", ");
  const away = held.flatMap(({ store, frozen }) =>
    frozen.away === undefined ? [] : [`${nameOf(store)} stood still for ${frozen.away.toFixed(1)} s`],
  );
  return [`${groups}: ${held.length} stores within ${spread.toFixed(1)} s`, ...away].join("; ");
}

/** Metrics that were stored twice become one when parts are merged. */
const MERGED = { metrics: 0.95, logs: 1, traces: 1 } as const;

/** A store had more a moment before: whatever the reason, this is told, and not found out at a restore. */
function fewerRows(store: CountedStore, rows: number): readonly Trouble[] {
  if (rows >= store.rows * MERGED[store.signal]) return [];
  return [
    {
      code: "backup/fewer-rows",
      what: `${nameOf(store)} counted ${store.rows} rows before it was frozen, and the backup has ${rows}`,
      where: store.data.source,
      fix: "at the end of a day the retention may have taken some: then all is well; else take another backup, and tell us",
    },
  ];
}

/** Whatever the copy came to: a store gets its disk back. */
async function letGo(store: StoreOnHost, room: Room, frozen: Frozen): Promise<void> {
  try {
    await frozen.release();
  } catch (error) {
    console.error(`note: ${nameOf(store)} keeps its frozen copy for now: ${(error as Error).message}`);
  } finally {
    await room.close().catch(() => undefined);
  }
}

/** A backup without its files, for programs. */
export function summaryOf({ id, fleet, waiting, stores }: Manifest) {
  return {
    ...{ id, fleet, waiting },
    stores: stores.map(({ files, ...about }) => ({
      ...about,
      files: files.length,
      bytes: files.reduce((all, { size }) => all + size, 0),
    })),
  };
}
