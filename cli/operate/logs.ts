import { setTimeout as sleep } from "node:timers/promises";
import { JOB_NAMES } from "../../lib/plan/jobs";
import type { NodePlan } from "../../lib/plan/node-plan";
import { EXIT, formatTrouble } from "../failure";
import type { Session } from "../session";
import { byTime, LineMerger } from "./log-lines";
import { FollowedNode, type LogRange, logsUntilNow, type ToldLine } from "./node-logs";
import { chosenServices, nodesToLookAt, reachNode, reachNodes } from "./nodes";

/** What {@link logs} prints. */
export interface LogsOptions extends LogRange {
  /** Names of services and jobs. @default - all services */
  readonly services: readonly string[];
  /** @default - all */
  readonly nodes: readonly string[];
  /** Goes on with what comes. */
  readonly follow: boolean;
  /** Writes when Docker got each line before it. */
  readonly timestamps: boolean;
}

const HOLD_MILLISECONDS = 400;
const LOOK_MILLISECONDS = 1_000;
const PRINT_MILLISECONDS = 200;
/** A text has a largest length, and a terminal is slow. */
const LINES_AT_ONCE = 5_000;

/**
 * `mirador logs`: what containers of all nodes print, in the order of time.
 * @returns the exit status: 1 when an engine does not answer
 */
export async function logs(session: Session, options: LogsOptions): Promise<number> {
  const { fleet, plans } = await nodesToLookAt(session, options.nodes);
  const wanted = chosenServices(plans, options.services, JOB_NAMES);
  const width = Math.max(...plans.map(({ name }) => name.length)) + 1 + Math.max(...wanted.map(({ length }) => length));
  const print = (lines: readonly ToldLine[]): void => {
    for (let from = 0; from < lines.length; from += LINES_AT_ONCE) {
      const texts = lines
        .slice(from, from + LINES_AT_ONCE)
        .map(({ source, time, text }) => `${source.padEnd(width)} | ${options.timestamps ? `${time} ` : ""}${text}\n`);
      process.stdout.write(texts.join(""));
    }
  };
  // `mirador logs | head`: nobody reads any more.
  process.stdout.on("error", ({ code }: NodeJS.ErrnoException) =>
    process.exit(code === "EPIPE" ? EXIT.ok : EXIT.failed),
  );
  const request = { fleet: fleet.name, wanted, range: options };
  if (options.follow) {
    const merger = new LineMerger<ToldLine>(HOLD_MILLISECONDS);
    const add = (line: ToldLine): void => merger.add(line, performance.now());
    // A container that is replaced has two for a moment.
    const reach = (plan: NodePlan) => () => reachNode(fleet, plan, session, 2 * wanted.length);
    const followed = plans.map((plan) => new FollowedNode(reach(plan), request, add));
    return follow(followed, () => print(merger.due(performance.now())));
  }
  const nodes = await reachNodes(fleet, plans, session);
  const found = await Promise.all(
    nodes.map(async ({ engine }) =>
      "code" in engine ? { lines: [], trouble: engine } : await logsUntilNow(engine, request),
    ),
  );
  print(found.flatMap(({ lines }) => lines).toSorted(byTime));
  const troubles = found.flatMap(({ trouble }) => trouble ?? []);
  for (const trouble of troubles) console.error(formatTrouble(trouble));
  return troubles.length > 0 ? EXIT.failed : EXIT.ok;
}

/** Until Ctrl-C, which is no failure of anything and has nothing to complete. */
async function follow(nodes: readonly FollowedNode[], print: () => void): Promise<never> {
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.removeAllListeners(name).on(name, () => process.exit(EXIT.interrupted));
  for (;;) {
    for (const node of nodes) void node.look();
    for (const end = performance.now() + LOOK_MILLISECONDS; performance.now() < end; ) {
      await sleep(PRINT_MILLISECONDS);
      print();
    }
  }
}
