import { setTimeout as sleep } from "node:timers/promises";
import type { NodePlan } from "../../lib/plan/node-plan";
import { chosenNodes } from "../chosen";
import { missingAt } from "../engine-exec";
import { CliError, EXIT, Interrupted, type Trouble } from "../failure";
import { type Ask, askInTerminal, confirmed } from "../operate/confirm";
import { enginesSaid, nodesToLookAt, seeNodes } from "../operate/nodes";
import { inOrder } from "../orderly";
import type { Progress, Step } from "../progress";
import { progressOf, type Session } from "../session";
import type { SeenNode } from "../up/roll-out";
import { type Account, accountsOf } from "./account";
import { Fault, type FaultKind, struckServices, WORDS } from "./fault";
import { accountsText, keptAll, lostTroubles } from "./report";
import { clock, Rounds } from "./rounds";
import { countAt, type Found, Watch } from "./watch";
import { untilWell } from "./well";

/** What {@link chaos} does to whom. */
export interface ChaosOptions {
  readonly kind: FaultKind;
  readonly node: string;
  /** @default - all, and for `cut` HAProxy */
  readonly services: readonly string[];
  readonly seconds: number;
  /** Nobody is asked. */
  readonly yes: boolean;
  readonly json: boolean;
}

/** Of items before the fault and after it, so that a gap has two ends. */
const CALM_SECONDS = 3;
const LOOK_MILLISECONDS = 500;
const READY_SECONDS = 300;
/**
 * How long nothing may become visible of what is missing still, when nothing is sent any more: a collector that has tried in
 * vain waits up to 45 s before it tries again.
 */
const STANDSTILL_SECONDS = 60;
/** Nodes that were asked all the time, and the struck one, which was not. */
const COUNT_SECONDS = { others: 5, struck: 30 } as const;
const STORES = new Set(["vlstorage", "vtstorage"]);

interface Game extends ChaosOptions {
  readonly session: Session;
  readonly progress: Progress;
  readonly fault: Fault;
  readonly struck: SeenNode;
  /** Nodes that are sent to and asked while the fault lasts. */
  readonly others: readonly NodePlan[];
}

interface Played {
  readonly accounts: readonly Account[];
  readonly began: number;
  readonly rounds: Rounds;
  /** From the end of the fault until the node was ready; absent when it was not in time. */
  readonly readySeconds?: number;
  /** What it waits for still. */
  readonly missing?: string;
}

/**
 * `mirador chaos`: strikes a node for a while, sends numbered items to the others meanwhile, and counts them at all nodes.
 * @returns the exit status
 * @throws CliError `chaos/fleet-not-well`, `chaos/not-confirmed` before anything was touched; `chaos/not-struck`,
 * `chaos/not-undone`, `chaos/not-ready`, `chaos/lost`, `chaos/not-counted`
 */
export async function chaos(session: Session, options: ChaosOptions, ask?: Ask): Promise<number> {
  const { kind, json, seconds } = options;
  const { fleet, plans } = await nodesToLookAt(session, []);
  const [plan] = chosenNodes(plans, [options.node]);
  if (plan === undefined) throw new Error("no node was named");
  const services = struckServices(plan, kind, options.services);
  const progress = progressOf(session, json);
  const nodes = await progress.step(
    "machine",
    "asking all engines",
    () => seeNodes(fleet, plans, session),
    enginesSaid,
  );
  const struck = nodes.find((node) => node.plan.name === plan.name);
  if (struck === undefined) throw new Error(`${plan.name} was not looked at`);
  await progress.step(
    "look",
    "whether the fleet is well",
    (step) => untilWell(fleet, nodes, plan, step.waiting),
    () => (fleet.nodes.length === 1 ? `${plan.name} is well` : `the fleet is well, and can do without ${plan.name}`),
  );
  if (!options.yes) {
    const askPerson = ask ?? ((question) => askInTerminal(question, json ? process.stderr : process.stdout));
    const refusal = { code: "chaos/not-confirmed", where: "mirador chaos" };
    await confirmed(fleet.name, whatComes(plan, fleet, kind, services, seconds), refusal, askPerson);
  }
  const spared = plans.filter(({ name }) => name !== plan.name);
  const played = await play({
    ...{ ...options, session, progress, struck },
    fault: new Fault(kind, struck, services),
    others: spared.length === 0 ? [plan] : spared,
  });
  return told(fleet.name, options, services, played);
}

/** What a person is asked to agree to. */
export function whatComes(
  plan: NodePlan,
  { name, nodes }: { readonly name: string; readonly nodes: readonly unknown[] },
  kind: FaultKind,
  services: readonly string[],
  seconds: number,
): readonly string[] {
  const what = services.length > 3 ? `${services.length} services` : services.join(", ");
  const how = { kill: "kills (SIGKILL)", hang: "pauses", cut: "takes off the network" }[kind];
  return [
    `This ${how} ${what} of ${plan.name} of the fleet ${name} for ${seconds} s.`,
    ...(nodes.length === 1
      ? [
          "The fleet has no other node: clients may get no answer until it is back, and a store that is killed loses",
          "the last seconds that it had taken, which nobody else has.",
        ]
      : [`Clients that use ${plan.name} alone may get no answer meanwhile.`]),
  ];
}

async function play(game: Game): Promise<Played> {
  const { others, session } = game;
  const rounds = new Rounds({ nodes: others });
  const watch = new Watch({ nodes: others, run: rounds.run, items: () => rounds.items });
  const from = clock();
  try {
    await sleep(CALM_SECONDS * 1000);
    const began = clock();
    await inOrder("the fault is undone first", () => strike(game, rounds, watch));
    const counted = await inOrder("the fault is undone already", () =>
      unlessInterrupted(session.interrupt, count(game, rounds, watch, from)),
    );
    return { ...counted, began, rounds };
  } finally {
    // What is under way must not outlive a failure that is about to be told.
    void rounds.end();
    void watch.end();
  }
}

/** What comes after the fault, which may take minutes in which a person has seen enough. */
async function count(
  game: Game,
  rounds: Rounds,
  watch: Watch,
  from: number,
): Promise<Omit<Played, "began" | "rounds">> {
  const { progress, struck } = game;
  const ready = await progress.step(
    "ready",
    `until ${struck.plan.name} is ready again`,
    (step) => untilReady(struck, step),
    ({ missing }) =>
      missing === undefined ? `${struck.plan.name} is ready again` : `${struck.plan.name} still waits for ${missing}`,
  );
  await sleep(CALM_SECONDS * 1000);
  const to = clock();
  const items = await rounds.end();
  const found = await progress.step(
    "count",
    "until everything is visible",
    async (step) => {
      let [least, since] = [Number.POSITIVE_INFINITY, clock()];
      for (let unseen = watch.unseen; unseen > 0; unseen = watch.unseen) {
        if (unseen < least) [least, since] = [unseen, clock()];
        if (clock() - since > STANDSTILL_SECONDS * 1000) break;
        step.waiting(`${unseen} of ${items.length} items are not visible everywhere`);
        await sleep(LOOK_MILLISECONDS);
      }
      return countEverywhere(game, rounds, step);
    },
    () => `every node was asked for all of ${items.length} items`,
  );
  return { accounts: accountsOf({ items, watched: await watch.end(), found, from, to }), ...ready };
}

/** @throws Interrupted at the moment of a Ctrl-C; what `work` does then is of no interest any more */
async function unlessInterrupted<T>(interrupt: AbortSignal, work: Promise<T>): Promise<T> {
  const stopped = new Promise<never>((_, reject) => {
    interrupt.addEventListener("abort", () =>
      reject(new Interrupted("stopped", "the fault was undone, nothing was counted")),
    );
  });
  work.catch(() => undefined);
  return Promise.race([work, stopped]);
}

/** The fault, from its first container to the last one that is as it was. */
async function strike(
  { progress, session, fault, struck, seconds, kind }: Game,
  rounds: Rounds,
  watch: Watch,
): Promise<void> {
  const { interrupt } = session;
  const count = fault.services.length;
  const what = count === 1 ? `${fault.services[0]} of ${struck.plan.name}` : `${count} services of ${struck.plan.name}`;
  const undo = (): Promise<void> =>
    progress.step(
      "undo",
      `${what}: back to what it was`,
      () => fault.undo(),
      () => `${what}: ${WORDS[kind].undone}`,
    );
  await endingAnyhow(undo, interrupt, async (stop) => {
    // Not folded: it is to be copied.
    progress.line(`to undo it by hand, should this command itself be killed:\n  ${fault.byHand()}`);
    await progress.step(
      "fault",
      `${WORDS[kind].doing} ${what}`,
      async (step) => {
        await fault.begin();
        const end = clock() + seconds * 1000;
        while (clock() < end && !stop.aborted) {
          const acknowledged = rounds.items.filter(({ acknowledgedAt }) => acknowledgedAt !== undefined).length;
          step.waiting(
            `${what}: ${WORDS[kind].done}; ${acknowledged} items acknowledged, ${watch.unseen} not yet visible`,
          );
          const rest = Math.min(LOOK_MILLISECONDS, end - clock());
          await sleep(Math.max(0, rest), undefined, { signal: stop }).catch(() => undefined);
        }
        if (stop.aborted) throw stop.reason;
      },
      () => `${what}: ${WORDS[kind].done} for ${seconds} s`,
    );
  });
}

/** Runs `work` and then `undo`, whatever happens: an error, a Ctrl-C, or an error that nobody catches. */
async function endingAnyhow(
  undo: () => Promise<void>,
  interrupt: AbortSignal,
  work: (stop: AbortSignal) => Promise<void>,
): Promise<void> {
  const ending = new AbortController();
  const onInterrupt = (): void => ending.abort(new Interrupted("stopped during the fault", "the fault was undone"));
  const onCrash = (error: unknown): void => ending.abort(error);
  interrupt.addEventListener("abort", onInterrupt);
  process.on("uncaughtException", onCrash);
  process.on("unhandledRejection", onCrash);
  try {
    if (interrupt.aborted) onInterrupt();
    else await work(ending.signal);
  } finally {
    try {
      await undo();
    } finally {
      interrupt.removeEventListener("abort", onInterrupt);
      process.off("uncaughtException", onCrash);
      process.off("unhandledRejection", onCrash);
    }
  }
  // Came while it was undone.
  if (ending.signal.aborted) throw ending.signal.reason;
}

async function untilReady(
  { plan, engine }: SeenNode,
  step: Step,
): Promise<{ readonly readySeconds?: number; readonly missing?: string }> {
  const started = clock();
  for (const end = started + READY_SECONDS * 1000; ; await sleep(500)) {
    const missing = await missingAt(engine.client, `${plan.prefix}-haproxy`).catch(() => "haproxy");
    if (missing === undefined) return { readySeconds: Math.round((clock() - started) / 100) / 10 };
    if (clock() >= end) return { missing };
    step.waiting(`${plan.name} waits for ${missing}`);
  }
}

/** At the nodes that were spared, and then at the one that was struck. */
async function countEverywhere(game: Game, rounds: Rounds, step: Step): Promise<readonly Found[]> {
  const { others, struck } = game;
  const countOne = (node: NodePlan, limitSeconds: number) =>
    countAt(node, {
      ...{ run: rounds.run, items: rounds.items, limitSeconds },
      onWaiting: (missing) => step.waiting(`${missing} items are missing at ${node.name}`),
    });
  const spared = await Promise.all(others.map((node) => countOne(node, COUNT_SECONDS.others)));
  const last = others.some(({ name }) => name === struck.plan.name)
    ? []
    : await countOne(struck.plan, COUNT_SECONDS.struck);
  return [...spared.flat(), ...last];
}

function told(
  fleet: string,
  { kind, node, seconds, json }: ChaosOptions,
  services: readonly string[],
  { accounts, began, rounds, readySeconds, missing }: Played,
): number {
  const kept = keptAll(accounts);
  const single = accounts.every((account) => account.node === node);
  const text = json
    ? JSON.stringify({ ...{ fleet, kind, node, services, seconds, kept }, readySeconds, accounts }, null, 2)
    : ["", ...accountsText(accounts, node)].join("\n");
  process.stdout.write(`${text}\n`);
  const troubles = [
    ...(kept ? [] : lostTroubles(accounts, { items: rounds.items, began, single })),
    ...(missing === undefined ? [] : [notReady(node, missing)]),
  ];
  if (json) return troubles.length === 0 ? EXIT.ok : EXIT.failed;
  const acknowledged = rounds.items.filter(({ acknowledgedAt }) => acknowledgedAt !== undefined).length;
  if (kept) process.stdout.write(`\nnothing that was acknowledged is lost: ${acknowledged} items\n`);
  if (kind === "kill" && services.some((service) => STORES.has(service)) && !single)
    process.stdout.write(
      `stores of ${node} were killed, and may lack their last seconds, which the other group has:\nnpm run mirador -- repair, before a node of the other group is struck\n`,
    );
  if (troubles.length > 0) throw new CliError(troubles);
  return EXIT.ok;
}

function notReady(node: string, missing: string): Trouble {
  return {
    code: "chaos/not-ready",
    what: `the fault was undone, and ${node} waits for ${missing} since ${READY_SECONDS} s`,
    where: node,
    fix: `see what it says: npm run mirador -- logs ${missing} --node ${node}; what the fleet wants is made by: npm run mirador -- up ${node}`,
  };
}
