import { readEnvironment } from "../../inputs/environment";
import { readStatsPassword } from "../../inputs/secrets";
import { type AccessRow, columns, exportLines, offered, probeAccess, standInNotes } from "../access-table";
import { EXIT } from "../failure";
import { statsPasswordPlace } from "../secrets";
import type { Session } from "../session";
import { nodesToLookAt } from "./nodes";

/** What {@link access} shows. */
export interface AccessOptions {
  /** @default - all */
  readonly nodes: readonly string[];
  readonly json: boolean;
  /** Prints the password of the stats page and nothing else. */
  readonly reveal: boolean;
}

/** A node as its clients and its people use it. */
export interface NodeAccess {
  readonly node: string;
  readonly rows: readonly AccessRow[];
  /** For OpenTelemetry SDKs: lines of a shell. */
  readonly exports: readonly string[];
}

/** `mirador access`: where to send, where to look, and with which login. @returns the exit status */
export async function access(session: Session, { reveal, ...options }: AccessOptions): Promise<number> {
  if (reveal) await revealPassword(session, options.nodes);
  else await showAccess(session, options);
  return EXIT.ok;
}

async function revealPassword(session: Session, nodes: readonly string[]): Promise<void> {
  const { folder, environment } = session;
  const { fleet } = await nodesToLookAt(session, nodes);
  process.stdout.write(`${readStatsPassword(folder, readEnvironment(folder, environment), fleet.haproxy)}\n`);
}

/** Asks every access point, and shows it. @returns what was shown */
export async function showAccess(
  session: Session,
  { nodes, json }: Omit<AccessOptions, "reveal">,
): Promise<readonly NodeAccess[]> {
  const { folder, environment } = session;
  const { fleet, plans } = await nodesToLookAt(session, nodes);
  const variables = readEnvironment(folder, environment);
  const passwordIn = statsPasswordPlace(folder, variables, fleet.haproxy);
  const found = await Promise.all(
    plans.map(async (plan) => ({ node: plan.name, rows: await probeAccess(plan), exports: exportLines(plan) })),
  );
  const text = json
    ? JSON.stringify({ fleet: fleet.name, passwordIn, nodes: found }, null, 2)
    : accessText(found, passwordIn).join("\n");
  process.stdout.write(`${text}\n`);
  return found;
}

/** A table of all nodes, and lines to copy for each. @param passwordIn where a person finds the password; nowhere yet */
export function accessText(nodes: readonly NodeAccess[], passwordIn: string | undefined): readonly string[] {
  const rows = nodes.flatMap(({ node, rows: all }) =>
    all.map((row) => [
      node,
      ...offered(row),
      row.login ?? "-",
      row.standIn === undefined ? row.state : `${row.state} *`,
    ]),
  );
  return [
    ...columns([["node", "what", "url", "login", "state"], ...rows]),
    ...standInNotes(nodes.flatMap(({ rows: all }) => all)),
    "",
    ...(passwordIn === undefined
      ? ["the stats page has no password yet: npm run mirador -- init makes one"]
      : [`the password of the stats page is in ${passwordIn};`, "npm run -s mirador -- access --reveal prints it"]),
    ...nodes.flatMap(({ node, exports }) => ["", `# services that send to ${node}`, ...exports]),
  ];
}
