import { setTimeout as sleep } from "node:timers/promises";
import { bornFile, CHOICE_FOLDER } from "../../lib/haproxy/reads";
import { missingAt, runInside } from "../engine-exec";
import { CliError } from "../failure";
import { unlessGone } from "../operate/look";
import type { SeenNode } from "../up/roll-out";
import { unlessStarted } from "./freeze";
import type { Room } from "./room";
import { containerOf, nameOf, type StoreOnHost } from "./store";
import type { Target } from "./target";
import { REPLACED, STAGED, SWAPPING } from "./volume-state";

/** How long a node may take to be ready again. */
const READY_SECONDS = 300;

/**
 * All that stop have stopped before any data moves, and all data has moved before any of them starts: a store that starts
 * while its data is on the way makes folders where the data should go. One whose data could not be moved stays stopped.
 * @returns whether there are containers that were started again
 */
export async function swapAll(targets: readonly Target[], rooms: ReadonlyMap<Target, Room>): Promise<boolean> {
  const failures: unknown[] = [];
  const each = async (
    some: readonly Target[],
    work: (target: Target) => Promise<unknown>,
  ): Promise<readonly Target[]> => {
    const results = await Promise.allSettled(some.map(work));
    failures.push(...results.flatMap((result) => (result.status === "rejected" ? [result.reason] : [])));
    return some.filter((_, index) => results[index]?.status === "fulfilled");
  };
  const there = new Set<Target>();
  const stopped = await each(targets, async (target) => {
    const details = await containerOf(target.store).inspect().catch(unlessGone);
    if (details === undefined) return;
    there.add(target);
    await containerOf(target.store).stop().catch(unlessStopped);
  });
  const all = stopped.length === targets.length;
  const moved = all ? await each(targets, async (target) => rooms.get(target)?.run(swapScript(target.store))) : targets;
  const running = moved.filter((target) => there.has(target));
  await each(running, async ({ store }) => containerOf(store).start().catch(unlessStarted));
  if (failures.length > 0)
    throw notSwapped(
      targets.filter((target) => !moved.includes(target)),
      failures[0],
    );
  for (const { store } of running) await tellAge(store);
  for (const node of new Set(running.map(({ store }) => store.node))) await untilReady(node);
  return running.length > 0;
}

function notSwapped(left: readonly Target[], reason: unknown): CliError {
  const names = left.map(({ store }) => nameOf(store)).join(", ");
  return new CliError({
    code: "restore/not-swapped",
    what: `${names === "" ? "nothing was put into place" : `${names} could not be put into place, and stays stopped`}: ${(reason as Error).message.trim()}`,
    where: left[0]?.store.data.source ?? "the stores",
    fix: "mend what it says, then run the same command again, with --replace",
  });
}

function unlessStopped(error: { readonly statusCode?: number }): void {
  if (error.statusCode !== 304) throw error;
}

/**
 * What is there is renamed away, what was restored is renamed into place, and only then is anything removed. Marks that say
 * what the volume holds stay; restored data counts as older than any, because its group has all of it.
 */
export function swapScript({ path, data }: Pick<StoreOnHost, "path" | "data">): string {
  return [
    `cd ${path}`,
    `touch ${SWAPPING}`,
    // A run that was cut off may have left some there, under the same names.
    `mkdir -p ${REPLACED}`,
    `gone=$(mktemp -d ${REPLACED}/XXXXXX)`,
    `for entry in $(ls -A | grep -vxe lost+found -e '\\.mirador-.*'); do mv "$entry" "$gone/"; done`,
    `for entry in $(ls -A ${STAGED}); do mv "${STAGED}/$entry" .; done`,
    ...(data.format === undefined ? [] : [`[ -f .mirador-format ] || echo ${data.format} > .mirador-format`]),
    "[ ! -f .mirador-group ] || touch -d @0 .mirador-group",
    `chown ${data.owner} .`,
    "sync",
    `rm -f ${SWAPPING}`,
    `rm -rf ${STAGED} ${REPLACED}`,
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
