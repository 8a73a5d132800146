import type { Signal } from "../../lib/fleet/definition";
import type { Group } from "../../lib/plan/groups";
import { PORTS } from "../../lib/plan/ports";
import { endpointUrl } from "../../lib/victoria/endpoints";
import { CliError, EXIT, formatTrouble, type Trouble } from "../failure";
import { enginesSaid, type NodeOnEngine, nodesToLookAt, reachNodes, seeNodes } from "../operate/nodes";
import { inOrder } from "../orderly";
import { sizeText } from "../queues";
import { progressOf, type Session } from "../session";
import { copyIn } from "./copy";
import { bytesOf, type Manifest } from "./manifest";
import { type Catalog, openRepository, type Repository, readCatalog } from "./repository";
import { Room } from "./room";
import { askFrom, atStore, countRows, nameOf, type StoreOnHost } from "./store";
import { swapAll } from "./swap";
import { type Target, targetsOf } from "./target";
import { verifyBackup } from "./verify";
import { freeBytes, noSpace, STAGED, SWAPPING, spaceFor, volumeStates, volumeTroubles } from "./volume-state";

/** What `mirador restore` is asked for. */
export interface RestoreOptions {
  /** A folder, or `s3://bucket/folder`. */
  readonly from: string;
  /** @default - the newest */
  readonly id?: string;
  /** @default - all groups */
  readonly group?: Group;
  /** @default - all */
  readonly signals: readonly Signal[];
  /** What is there may go. */
  readonly replace: boolean;
  /** Another fleet's backups may be restored. */
  readonly fromFleet?: string;
  /** Only restores into scratch stores, and compares. */
  readonly verify: boolean;
  readonly json: boolean;
}

/**
 * `mirador restore`: brings the stores of a backup back to every storage group. What is there goes only when everything has
 * arrived on the hosts, and was checked there.
 * @returns the exit status
 * @throws CliError with all that is in the way, before anything was touched
 */
export async function restore(session: Session, options: RestoreOptions): Promise<number> {
  const progress = progressOf(session, options.json);
  const { fleet, plans } = await nodesToLookAt(session, []);
  const repository = await openRepository(options.from, session.environment);
  const manifest = await progress.step(
    "repository",
    `reading ${repository.where}`,
    async () => {
      const catalog = await readCatalog(repository, options.id === undefined ? "newest" : { id: options.id });
      return pickBackup(catalog, repository, options.fromFleet ?? fleet.name, options.id);
    },
    ({ id, stores }) =>
      `${id}: ${sizeText(stores.reduce((all, store) => all + bytesOf(store), 0))}, all of it is there`,
  );
  const ours = plans.filter((plan) => options.group === undefined || plan.group === options.group);
  const nodes = await progress.step("machine", "asking all engines", () => seeNodes(fleet, ours, session), enginesSaid);
  if (options.verify) {
    const { minFreeDiskMiB } = fleet;
    const same = await verifyBackup({ session, progress, repository, manifest, nodes, minFreeDiskMiB });
    if (options.json) process.stdout.write(`${JSON.stringify({ id: manifest.id, verified: same })}\n`);
    return same ? EXIT.ok : EXIT.failed;
  }
  const reserve = fleet.minFreeDiskMiB * 1024 ** 2;
  const { targets, unfilled, troubles } = targetsOf({ ...options, manifest, nodes });
  const states = await Promise.all(
    nodes.map((node) =>
      volumeStates(
        node,
        targets.filter(({ store }) => store.node === node),
      ),
    ),
  );
  const inTheWay = [
    ...troubles,
    ...nodes.flatMap((node, index) =>
      volumeTroubles(
        targets.filter(({ store }) => store.node === node),
        states[index] ?? new Map(),
        { replace: options.replace, reserve },
      ),
    ),
  ];
  if (inTheWay.length > 0) throw new CliError(inTheWay);
  const rooms = new Map<Target, Room>();
  try {
    for (const target of targets) rooms.set(target, await openRoom(target));
    for (const target of targets)
      await atStore(target.store, () => stage(target, rooms, { session, repository, progress, reserve }));
    const groups = [...new Set(targets.map(({ store }) => store.node.plan.group))];
    for (const group of groups) {
      const own = targets.filter(({ store }) => store.node.plan.group === group);
      await progress.step(
        groups.length === 1 ? "swap" : `group ${group}`,
        "stores stop, get their data and start again",
        () => inOrder("the stores get their data and start again", () => swapAll(own, rooms)),
        (started) =>
          started ? `${own.length} stores run on what was restored` : `${own.length} stores have their data`,
      );
    }
  } finally {
    await Promise.all([...rooms].map(([{ store }, room]) => tidy(store, room)));
  }
  return report({ session, options, manifest, targets, unfilled, nodes: await reachNodes(fleet, plans, session) });
}

/** @throws CliError when there is none, or not all of it */
function pickBackup(
  { backups, troubles, objects }: Catalog,
  { where }: Pick<Repository, "where">,
  fleet: string,
  id: string | undefined,
): Manifest {
  const found = id === undefined ? backups.at(-1) : backups.find((one) => one.id === id);
  // Nobody may get an older one because the newest cannot be read.
  const newer = id === undefined ? troubles : [];
  if (found !== undefined && newer.length > 0) {
    throw new CliError([
      ...newer,
      {
        code: "restore/older-backup",
        what: `the newest backup that can be read is ${found.id}, and there is a newer one`,
        where,
        fix: `if that is what you want: --id ${found.id}`,
      },
    ]);
  }
  if (found === undefined) {
    const damaged = troubles.filter((trouble) => id === undefined || trouble.where?.endsWith(`/${id}.json`));
    if (damaged.length > 0) throw new CliError(damaged);
    throw new CliError({
      code: "restore/no-backup",
      what: id === undefined ? "there is no backup" : `there is no backup ${id}`,
      where,
      fix: `mirador backup list ${where} shows what is there`,
    });
  }
  if (found.fleet !== fleet) {
    throw new CliError({
      code: "backup/other-fleet",
      what: `${found.id} is of the fleet ${found.fleet}, and this one is ${fleet}`,
      where,
      fix: `if that is meant: --from-fleet ${found.fleet}`,
    });
  }
  const files = found.stores.flatMap((store) => store.files);
  const lost = files.filter(({ sha256, size }) => objects.get(sha256) !== size);
  if (lost.length === 0) return found;
  throw new CliError({
    code: "backup/damaged",
    what: `${lost.length} of ${files.length} files of ${found.id} are not there, or cut off; the first is ${lost[0]?.path}`,
    where: `${where}/objects`,
    fix: "take another backup (mirador backup list shows them), or get those files again from where they were copied",
  });
}

interface Staging {
  readonly session: Session;
  readonly repository: Repository;
  readonly progress: ReturnType<typeof progressOf>;
  /** Bytes that a store leaves free on its disk. */
  readonly reserve: number;
}

function openRoom({ store }: Target): Promise<Room> {
  const { plan, engine } = store.node;
  return atStore(store, () =>
    Room.open({
      ...{ client: engine.client, image: plan.images.haproxy.ref },
      name: `${plan.prefix}-restore-${store.signal}`,
      mounts: [{ source: store.data.source, path: store.path }],
    }),
  );
}

/** What did not take its place is of no use to anybody. */
async function tidy({ path }: StoreOnHost, room: Room): Promise<void> {
  await room.run(`cd ${path}\n[ -f ${SWAPPING} ] || rm -rf ${STAGED}`).catch(() => undefined);
  await room.close().catch(() => undefined);
}

/** Brings data to the host, beside what is there, and checks it there. */
async function stage(
  target: Target,
  rooms: ReadonlyMap<Target, Room>,
  { session, repository, progress, reserve }: Staging,
): Promise<void> {
  const { store, backup } = target;
  const { plan } = store.node;
  const room = rooms.get(target) ?? (await openRoom(target));
  const all = bytesOf(backup);
  return progress.step(
    plan.name,
    `${store.signal} are brought there`,
    async (step) => {
      // Volumes that were not there yet have a disk only now.
      await room.run(`rm -rf ${store.path}/${STAGED}`);
      const free = await freeBytes(room, store.path);
      if (spaceFor(backup) + reserve > free)
        throw new CliError(noSpace(nameOf(store), store.data.source, spaceFor(backup) + reserve, free));
      let bytes = 0;
      await copyIn(room, `${store.path}/${STAGED}`, backup, repository, {
        ...{ owner: store.data.owner, interrupt: session.interrupt },
        onBytes: (more) => {
          bytes += more;
          step.waiting(`${store.signal} are brought there: ${sizeText(bytes)} of ${sizeText(all)}`);
        },
      });
    },
    () => `${store.signal}: ${sizeText(all)} are there and checked, not in use yet`,
  );
}

interface Report {
  readonly session: Session;
  readonly options: RestoreOptions;
  readonly manifest: Manifest;
  readonly targets: readonly Target[];
  readonly unfilled: readonly string[];
  readonly nodes: readonly NodeOnEngine[];
}

async function report({ session, options, manifest, targets, unfilled, nodes }: Report): Promise<number> {
  const progress = progressOf(session, options.json);
  const notes: Trouble[] = [];
  if (unfilled.length > 0) {
    notes.push({
      code: "restore/other-size",
      what: `${unfilled.join(", ")} got nothing: the backup has another number of stores, and parts of two cannot be put into one`,
      where: "fleet.nodes",
      fix: "fill logs and traces from the other group: npm run mirador -- repair --all; metrics are read from both groups. mirador backup --group all takes a set that fits both",
    });
  }
  const rows: { node: string; signal: Signal; backedUp: number; now?: number }[] = [];
  for (const node of nodes) await forgetAnswers(node);
  for (const { store, backup } of targets) {
    const about = { node: store.node.plan.name, signal: store.signal, backedUp: backup.rows };
    const now = await countRows(store).catch(() => undefined);
    rows.push({ ...about, ...(now === undefined ? {} : { now }) });
    if (now === undefined || now >= backup.rows) continue;
    notes.push({
      code: "restore/fewer-rows",
      what: `${nameOf(store)} has ${now} rows, and ${backup.rows} were backed up`,
      where: store.data.source,
      fix: "what is older than the retention goes at once, and samples that were stored twice become one; a longer retention: fleet.ts, npm run mirador -- up, and restore again with --replace",
    });
  }
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ id: manifest.id, rows, notes }, null, 2)}\n`);
    return EXIT.ok;
  }
  for (const note of notes) console.error(formatTrouble(note));
  for (const { node, signal, backedUp, now } of rows)
    progress.note(
      node,
      `${signal}: ${backedUp} rows were backed up, ${now === undefined ? "not running now" : `${now} are there now`}`,
    );
  const groups = new Set(targets.map(({ store }) => store.node.plan.group));
  if (groups.size > 1 && rows.some(({ now }) => now !== undefined))
    progress.line("\nwhat was sent while one group was done may be in the other one alone: npm run mirador -- repair");
  progress.line(
    rows.some(({ now }) => now === undefined)
      ? `\n${manifest.id} is in place; npm run mirador -- up starts what does not run`
      : `\n${manifest.id} is in place`,
  );
  return EXIT.ok;
}

/** What a select role has kept of earlier answers is not true any more. One that does not run has kept nothing. */
async function forgetAnswers({ plan, engine }: NodeOnEngine): Promise<void> {
  if ("code" in engine) return;
  if (plan.stores.metrics.services.every(({ service }) => service !== "vmselect")) return;
  const url = endpointUrl({ service: "vmselect", port: PORTS.vmselect }, "/internal/resetRollupResultCache");
  await askFrom(plan, engine.client, url, "-q").catch(() => undefined);
}
