import { columns } from "../access-table";
import { CliError, type Trouble } from "../failure";
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

/**
 * What is said when something that was acknowledged is missing.
 * @param began of the fault, in milliseconds since 1970
 */
export function lostTrouble(accounts: readonly Account[], items: readonly SentItem[], began: number): CliError {
  const unknown = accounts.filter(({ trouble }) => trouble !== undefined);
  const lost = accounts.filter((account) => account.trouble === undefined && account.lost.length > 0);
  const troubles: Trouble[] = [];
  if (lost.length > 0)
    troubles.push({
      code: "chaos/lost",
      what: lost.map((account) => lostLine(account, items, began)).join("\n"),
      fix: "what one storage group lacks, the other one may have: npm run mirador -- repair; what still waits to be sent: npm run mirador -- status",
    });
  if (unknown.length > 0)
    troubles.push({
      code: "chaos/not-counted",
      what: unknown.map(({ node, signal, trouble }) => `${node} does not answer for ${signal}: ${trouble}`).join("\n"),
      fix: "npm run mirador -- health says what does not work",
    });
  return new CliError(troubles);
}

/** When they were acknowledged tells an operator whether it is the fault's first seconds or something else. */
function lostLine({ node, signal, lost }: Account, items: readonly SentItem[], began: number): string {
  const numbers = new Set(lost);
  const times = items.flatMap(({ signal: of, number, acknowledgedAt }) =>
    of === signal && numbers.has(number) && acknowledgedAt !== undefined ? (acknowledgedAt - began) / 1000 : [],
  );
  const when = [Math.min(...times), Math.max(...times)].map((seconds) => `${seconds.toFixed(1)} s`);
  return `${node} lacks ${lost.length} of ${signal} that were acknowledged, ${when[0] === when[1] ? when[0] : when.join(" to ")} after the fault began`;
}
