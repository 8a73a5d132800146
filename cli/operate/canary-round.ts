import type { NodePlan } from "../../lib/plan/node-plan";
import { columns } from "../access-table";
import { askFor, canaryTargets, findItem, newMarks, notFound, type Question, sendItem } from "../canary";
import { chosenNodes } from "../chosen";
import { EXIT } from "../failure";
import { progressOf, type Session } from "../session";
import { nodesToLookAt } from "./nodes";

/** How {@link canaryRound} asks. */
export interface CanaryRoundOptions {
  /** Nodes that items are sent to; they are looked for at every node of the fleet. @default - all */
  readonly nodes: readonly string[];
  readonly json: boolean;
}

/** Whether an item that one node took is found at another one. */
export interface CanaryCell {
  readonly sentAt: string;
  readonly foundAt: string;
  readonly word: Question["word"];
  /** From sending to the first answer that holds it. Absent when it was not found. */
  readonly seconds?: number;
  /** Why it was not. */
  readonly trouble?: string;
}

/**
 * `mirador test`: sends a marked trace, log and metric through the access points of every node and finds each at all of
 * them.
 * @returns the exit status: 1 when something was not found
 */
export async function canaryRound(session: Session, { nodes, json }: CanaryRoundOptions): Promise<number> {
  const { fleet, plans: finders } = await nodesToLookAt(session, []);
  const senders = chosenNodes(finders, nodes);
  const pairs = senders.length * finders.length;
  const cells = await progressOf(session, json).step(
    "canary",
    "sending a trace, a log and a metric to each node",
    (step) =>
      roundOf(senders, finders, (left) =>
        step.waiting(`${left} of ${3 * pairs} answers are missing; metrics take a few seconds`),
      ),
    (found) => {
      const missing = found.filter(({ seconds }) => seconds === undefined).length;
      return missing === 0 ? "everything found at every node" : `${missing} of ${found.length} not found`;
    },
  );
  // What was not sent is missing everywhere, and told once.
  const troubles = [...new Set(cells.flatMap(({ trouble }) => trouble ?? []))];
  const text = json
    ? JSON.stringify({ fleet: fleet.name, found: troubles.length === 0, items: cells }, null, 2)
    : ["", ...cellsText(cells)].join("\n");
  process.stdout.write(`${text}\n`);
  if (troubles.length === 0) return EXIT.ok;
  if (json) return EXIT.failed;
  throw notFound(troubles);
}

/** @param onWaiting called with how many answers are still missing */
export async function roundOf(
  senders: readonly NodePlan[],
  finders: readonly NodePlan[],
  onWaiting: (left: number) => void,
  limitSeconds?: number,
): Promise<readonly CanaryCell[]> {
  let left = senders.length * finders.length * 3;
  onWaiting(left);
  const rounds = senders.map(async (sender) => {
    const marks = newMarks();
    const sent = askFor(canaryTargets(sender), marks);
    const asked = finders.map((finder) => ({ finder, questions: askFor(canaryTargets(finder), marks) }));
    const cells = sent.map(async (question, signal) => {
      const started = performance.now();
      const failure = await sendItem(question).catch((error: Error) => error);
      return Promise.all(
        asked.map(async ({ finder, questions }): Promise<CanaryCell> => {
          const about = { sentAt: sender.name, foundAt: finder.name, word: question.word };
          const result =
            failure ?? (await findItem(questions[signal] ?? question, started, limitSeconds).catch((e: Error) => e));
          onWaiting(--left);
          return result instanceof Error
            ? { ...about, trouble: result.message }
            : { ...about, seconds: Math.round(result * 10) / 10 };
        }),
      );
    });
    return (await Promise.all(cells)).flat();
  });
  return (await Promise.all(rounds)).flat();
}

/** A row for each pair of nodes, with the seconds to the first answer. */
export function cellsText(cells: readonly CanaryCell[]): readonly string[] {
  const pairs = new Map<string, CanaryCell[]>();
  for (const cell of cells) {
    const pair = `${cell.sentAt} ${cell.foundAt}`;
    pairs.set(pair, [...(pairs.get(pair) ?? []), cell]);
  }
  const rows = [...pairs.values()].map((row) => {
    const of = (word: CanaryCell["word"]): string => {
      const seconds = row.find((cell) => cell.word === word)?.seconds;
      return seconds === undefined ? "missing" : `${seconds.toFixed(1)} s`;
    };
    return [row[0]?.sentAt ?? "", row[0]?.foundAt ?? "", of("trace"), of("log"), of("metric")];
  });
  return columns([["sent to", "found at", "trace", "log", "metric"], ...rows]);
}
