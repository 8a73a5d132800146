import { columns } from "../access-table";
import { EXIT, formatTrouble } from "../failure";
import { nodesToLookAt } from "../operate/nodes";
import { sizeText } from "../queues";
import type { Session } from "../session";
import { ownCatalog, summaryOf } from "./backup";
import type { Manifest } from "./manifest";
import { openRepository, prune, readCatalog } from "./repository";

/** `mirador backup list`. @returns the exit status: 1 when a backup cannot be read */
export async function listBackups(session: Session, to: string, json: boolean): Promise<number> {
  const repository = await openRepository(to, session.environment);
  const { backups, troubles } = await readCatalog(repository);
  const text = json
    ? JSON.stringify({ backups: backups.map(summaryOf), troubles }, null, 2)
    : [
        ...columns([["id", "fleet", "metrics", "logs", "traces", "size"], ...backups.map(cells)]),
        ...troubles.flatMap((trouble) => ["", formatTrouble(trouble)]),
      ].join("\n");
  process.stdout.write(`${text}\n`);
  return troubles.length > 0 ? EXIT.failed : EXIT.ok;
}

function cells(manifest: Manifest): readonly string[] {
  const { stores } = summaryOf(manifest);
  // Each group has everything.
  const rows = (signal: string): string => {
    const own = stores.filter((store) => store.signal === signal);
    const sums = ["a", "b"].map((group) =>
      own.filter((store) => store.group === group).reduce((all, one) => all + one.rows, 0),
    );
    return `${Math.max(...sums)}`;
  };
  const size = sizeText(stores.reduce((all, { bytes }) => all + bytes, 0));
  return [manifest.id, manifest.fleet, rows("metrics"), rows("logs"), rows("traces"), size];
}

/** `mirador backup prune`: all but the newest go. */
export async function pruneBackups(session: Session, to: string, keep: number): Promise<number> {
  const { fleet } = await nodesToLookAt(session, []);
  const repository = await openRepository(to, session.environment);
  ownCatalog(await readCatalog(repository), repository, fleet.name);
  const gone = await prune(repository, keep);
  session.progress.line(gone.length === 0 ? "nothing is older than those" : `removed: ${gone.join(", ")}`);
  return EXIT.ok;
}
