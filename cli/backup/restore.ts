import { setTimeout as sleep } from "node:timers/promises";
import type { Signal } from "../../lib/fleet/definition";
import { bornFile, CHOICE_FOLDER } from "../../lib/haproxy/reads";
import type { Group } from "../../lib/plan/groups";
import { PORTS } from "../../lib/plan/ports";
import { endpointUrl } from "../../lib/victoria/endpoints";
import { missingAt, runInside } from "../engine-exec";
import { CliError, EXIT, formatTrouble, type Trouble } from "../failure";
import { unlessGone } from "../operate/look";
import { enginesSaid, nodesToLookAt, seeNodes } from "../operate/nodes";
import { inOrder } from "../orderly";
import { sizeText } from "../queues";
import { progressOf, type Session } from "../session";
import type { SeenNode } from "../up/roll-out";
import { copyIn } from "./copy";
import { bytesOf, type Manifest } from "./manifest";
import { type Catalog, openRepository, type Repository, readCatalog } from "./repository";
import { Room } from "./room";
import { askFrom, containerOf, countRows, nameOf, type StoreOnHost } from "./store";
import { type Target, targetsOf } from "./target";
import { verifyBackup } from "./verify";
import { STAGED, SWAPPING, volumeStates, volumeTroubles } from "./volume-state";

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

/** How long a node may take to be ready again. */
const READY_SECONDS = 300;

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
    async () => pickBackup(await readCatalog(repository), repository, options.fromFleet ?? fleet.name, options.id),
    ({ id, stores }) =>
      `${id}: ${sizeText(stores.reduce((all, store) => all + bytesOf(store), 0))}, all of it is there`,
  );
  const ours = plans.filter((plan) => options.group === undefined || plan.group === options.group);
  const nodes = await progress.step("machine", "asking all engines", () => seeNodes(fleet, ours, session), enginesSaid);
  if (options.verify) {
    const same = await verifyBackup({ session, progress, repository, manifest, nodes });
    if (options.json) process.stdout.write(`${JSON.stringify({ id: manifest.id, verified: same })}\n`);
    return same ? EXIT.ok : EXIT.failed;
  }
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
        options.replace,
      ),
    ),
  ];
  if (inTheWay.length > 0) throw new CliError(inTheWay);
  const rooms = new Map<Target, Room>();
  try {
    for (const target of targets) rooms.set(target, await stage(target, { session, repository, progress }));
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
    await Promise.all([...rooms.values()].map((room) => room.close().catch(() => undefined)));
  }
  return report({ session, options, manifest, targets, unfilled, nodes });
}

/** @throws CliError when there is none, or not all of it */
function pickBackup(
  { backups, troubles, objects }: Catalog,
  { where }: Pick<Repository, "where">,
  fleet: string,
  id: string | undefined,
): Manifest {
  const found = id === undefined ? backups.at(-1) : backups.find((one) => one.id === id);
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
  // Nobody was asked for them by name, and a newer one may be among them.
  if (id === undefined) for (const trouble of troubles) console.error(formatTrouble(trouble));
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
}

/** Brings data to the host, beside what is there, and checks it there. */
async function stage({ store, backup }: Target, { session, repository, progress }: Staging): Promise<Room> {
  const { plan, engine } = store.node;
  const all = bytesOf(backup);
  return progress.step(
    plan.name,
    `${store.signal} are brought there`,
    async (step) => {
      const room = await Room.open({
        ...{ client: engine.client, image: plan.images.haproxy.ref },
        name: `${plan.prefix}-restore-${store.signal}`,
        mounts: [{ source: store.data.source, path: store.path }],
      });
      let bytes = 0;
      try {
        await copyIn(room, `${store.path}/${STAGED}`, backup, repository, {
          ...{ owner: store.data.owner, interrupt: session.interrupt },
          onBytes: (more) => {
            bytes += more;
            step.waiting(`${store.signal} are brought there: ${sizeText(bytes)} of ${sizeText(all)}`);
          },
        });
        return room;
      } catch (error) {
        await room.run(`rm -rf ${store.path}/${STAGED}`).catch(() => undefined);
        await room.close();
        throw error;
      }
    },
    () => `${store.signal}: ${sizeText(all)} are there and checked, not in use yet`,
  );
}

/** @returns whether there are containers that were started again */
async function swapAll(targets: readonly Target[], rooms: ReadonlyMap<Target, Room>): Promise<boolean> {
  const running: Target[] = [];
  try {
    await Promise.all(
      targets.map(async (target) => {
        const details = await containerOf(target.store).inspect().catch(unlessGone);
        if (details === undefined) return;
        running.push(target);
        await containerOf(target.store).stop().catch(unlessStopped);
      }),
    );
    await Promise.all(targets.map(async (target) => rooms.get(target)?.run(swapScript(target.store))));
  } finally {
    await Promise.all(running.map(({ store }) => containerOf(store).start()));
  }
  for (const { store } of running) await tellAge(store);
  for (const node of new Set(running.map(({ store }) => store.node))) await untilReady(node);
  return running.length > 0;
}

function unlessStopped(error: { readonly statusCode?: number }): void {
  if (error.statusCode !== 304) throw error;
}

/**
 * What is there is renamed away, what was restored is renamed into place, and only then is anything removed. Marks that say
 * what the volume holds stay; restored data counts as older than any, because its group has all of it.
 */
function swapScript({ path, data }: StoreOnHost): string {
  const gone = ".mirador-replaced";
  return [
    `cd ${path}`,
    `touch ${SWAPPING}`,
    `mkdir -p ${gone}`,
    `for entry in $(ls -A | grep -vxe lost+found -e '\\.mirador-.*'); do mv "$entry" ${gone}/; done`,
    `for entry in $(ls -A ${STAGED}); do mv "${STAGED}/$entry" .; done`,
    ...(data.format === undefined ? [] : [`[ -f .mirador-format ] || echo ${data.format} > .mirador-format`]),
    "[ ! -f .mirador-group ] || touch -d @0 .mirador-group",
    `chown ${data.owner} .`,
    "sync",
    `rm -rf ${STAGED} ${gone} ${SWAPPING}`,
  ].join("\n");
}

/** The balancers compare when the data of the groups began: what was restored is older than what came since. */
async function tellAge({ signal, node: { plan, engine } }: StoreOnHost): Promise<void> {
  const file = bornFile(signal);
  if (plan.haproxy.data?.births?.[file] === undefined) return;
  const path = `${CHOICE_FOLDER}/${file}`;
  // A deploy says it too, from the mark on the volume.
  const said = runInside(engine.client, `${plan.prefix}-haproxy`, `echo 0 > ${path}.new && mv ${path}.new ${path}`, 10);
  await said.catch(() => undefined);
}

async function untilReady({ plan, engine }: SeenNode): Promise<void> {
  const haproxy = `${plan.prefix}-haproxy`;
  let missing: string | undefined;
  for (const end = performance.now() + READY_SECONDS * 1000; performance.now() < end; await sleep(1_000)) {
    missing = await missingAt(engine.client, haproxy).catch(() => "haproxy");
    if (missing === undefined) return;
  }
  throw new CliError({
    code: "restore/not-ready",
    what: `the data is in place, and ${plan.name} waits for ${missing} since ${READY_SECONDS} s`,
    where: `${plan.prefix}-${missing}`,
    fix: `see all it said: npm run mirador -- logs ${missing} --node ${plan.name}; then npm run mirador -- up ${plan.name}`,
  });
}

interface Report {
  readonly session: Session;
  readonly options: RestoreOptions;
  readonly manifest: Manifest;
  readonly targets: readonly Target[];
  readonly unfilled: readonly string[];
  readonly nodes: readonly SeenNode[];
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
  progress.line(
    rows.some(({ now }) => now === undefined)
      ? `\n${manifest.id} is in place; npm run mirador -- up starts what does not run`
      : `\n${manifest.id} is in place`,
  );
  return EXIT.ok;
}

/** What a select role has kept of earlier answers is not true any more. One that does not run has kept nothing. */
async function forgetAnswers({ plan, engine }: SeenNode): Promise<void> {
  if (plan.stores.metrics.services.every(({ service }) => service !== "vmselect")) return;
  const url = endpointUrl({ service: "vmselect", port: PORTS.vmselect }, "/internal/resetRollupResultCache");
  await askFrom(plan, engine.client, url, "-q").catch(() => undefined);
}
