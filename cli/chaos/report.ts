import { columns } from "../access-table";
import type { Trouble } from "../failure";
import { type Account, LATE_SECONDS } from "./account";
import type { SentItem } from "./rounds";

/** A row for each signal and node. */
export function accountsText(accounts: readonly Account[], struck: string): readonly string[] {
  const rows = accounts.map(({ node, signal, taken, answered, lost, doubles, trouble }) => [
    ...[signal, node === struck ? `${node} *` : node],
    ...[taken?.sent, taken?.acknowledged, trouble === undefined ? lost.length : "unknown"].map(cell),
    ...[answered?.late, secondsCell(answered?.slowestSeconds), doubles].map(cell),
    ...[secondsCell(taken?.gapSeconds), secondsCell(answered?.gapSeconds)],
  ]);
  const head = [
    "signal",
    "node",
    "sent",
    "acked",
    "lost",
    "late",
    "slowest",
    "doubles",
    "no write for",
    "no answer for",
  ];
  return [
    ...columns([head, ...rows]),
    "",
    "lost, late, slowest, doubles: of what all nodes acknowledged, as this node answers",
    `late: visible more than ${LATE_SECONDS} s after it was acknowledged; slowest: of all, late or not`,
    `* the node that was struck; it was asked when it was ready again`,
  ];
}

const cell = (value: number | string | undefined): string => `${value ?? "-"}`;
const secondsCell = (seconds: number | undefined): string => (seconds === undefined ? "-" : `${seconds.toFixed(1)} s`);

/** Whether everything that was acknowledged is everywhere. */
export const keptAll = (accounts: readonly Account[]): boolean =>
  accounts.every(({ lost, trouble }) => lost.length === 0 && trouble === undefined);

/** When and where something happened that was acknowledged and is missing. */
export interface Game {
  readonly items: readonly SentItem[];
  /** Of the fault, in milliseconds since 1970. */
  readonly began: number;
  /** The fleet has one node. */
  readonly single: boolean;
}

/** What is said when something that was acknowledged is missing, or nobody knows. */
export function lostTroubles(accounts: readonly Account[], game: Game): readonly Trouble[] {
  const unknown = accounts.filter(({ trouble }) => trouble !== undefined);
  const lost = accounts.filter((account) => account.trouble === undefined && account.lost.length > 0);
  const troubles: Trouble[] = [];
  if (lost.length > 0)
    troubles.push({
      code: "chaos/lost",
      what: lost.map((account) => lostLine(account, game)).join("\n"),
      fix: game.single
        ? "nobody else has it: a store that is killed loses what it has not written yet, and two nodes keep it twice; what still waits to be sent: npm run mirador -- status"
        : "what one storage group lacks, the other one may have: npm run mirador -- repair; what still waits to be sent: npm run mirador -- status",
    });
  if (unknown.length > 0)
    troubles.push({
      code: "chaos/not-counted",
      what: unknown.map(({ node, signal, trouble }) => `${node} does not answer for ${signal}: ${trouble}`).join("\n"),
      fix: "npm run mirador -- health says what does not work",
    });
  return troubles;
}

/** When they were acknowledged tells an operator whether it is a store's last seconds or something else. */
function lostLine({ node, signal, lost }: Account, { items, began }: Game): string {
  const numbers = new Set(lost);
  const times = items.flatMap(({ signal: of, number, acknowledgedAt }) =>
    of === signal && numbers.has(number) && acknowledgedAt !== undefined ? (acknowledgedAt - began) / 1000 : [],
  );
  const [first, last] = [Math.min(...times), Math.max(...times)].map(
    (seconds) => `${Math.abs(seconds).toFixed(1)} s ${seconds < 0 ? "before" : "after"}`,
  );
  return `${node} lacks ${lost.length} of ${signal} that were acknowledged ${first === last ? first : `${first} to ${last}`} the fault began`;
}
