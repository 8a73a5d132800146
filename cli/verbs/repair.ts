import { type Command, InvalidArgumentError, Option } from "commander";
import { readEnvironment } from "../../inputs/environment";
import { loadFleet } from "../../inputs/load-fleet";
import { readMeshFiles } from "../../inputs/pki";
import type { MeshFiles } from "../../lib/mesh/files";
import { CliError, EXIT } from "../failure";
import { MeshClient } from "../mesh-client";
import type { RepairedSignal } from "../repair/group";
import { type Asked, isDay } from "../repair/range";
import { exitOf, reportJson } from "../repair/report";
import { repair } from "../repair/run";
import { progressOf, type Session } from "../session";
import type { Register } from ".";
import { whileLocked } from "./locked";

const HELP = `
A store that was killed or lost its disk lacks rows that the other group has. Every UTC day that was asked for is
compared, logs and traces; rows that one group lacks are read from the other one and put there, in both directions.
Stores go on working meanwhile. The newest two minutes are left out: their rows may still be on their way.
Without a choice of days, these are today and yesterday.

It can be interrupted at any moment; the same command again completes what was begun.

Metrics are not repaired: in the cluster layout every answer merges both groups, so that no hole shows. In the
single layout one shows for as long as that group answers.

With --check: exit status 2 when rows are missing, 0 when none are. Without: 0 when both groups are equal now, 1 when
something is left.`;

interface Flags {
  readonly check?: boolean;
  readonly json?: boolean;
  readonly since?: number;
  readonly day?: readonly string[];
  readonly all?: boolean;
  readonly signal?: RepairedSignal;
}

/** `mirador repair`: tells whether a storage group lacks rows that its peer has, and puts them there. */
export const registerRepair: Register = (program, run) => {
  program
    .command("repair")
    .description("put rows that one storage group lost back from the other one")
    .option("--check", "only tell what is missing")
    .addOption(new Option("--since <days>", "so many days back, such as 7d").argParser(days).conflicts(["day", "all"]))
    .addOption(new Option("--day <day...>", "these UTC days, such as 2026-01-31").conflicts("all"))
    .option("--all", "everything that the retention keeps")
    .addOption(new Option("--signal <signal>", "this one alone").choices(["logs", "traces"]))
    .option("--json", "for programs")
    .addHelpText("after", HELP)
    .action((flags: Flags, _: Command) => run((session) => runRepair(flags, session)));
};

function days(text: string): number {
  const found = /^([1-9]\d{0,4})d$/.exec(text)?.[1];
  if (found === undefined) throw new InvalidArgumentError("Write days, such as 7d.");
  return Number(found);
}

async function runRepair(flags: Flags, session: Session): Promise<number> {
  const asked = askedOf(flags);
  const { folder, environment } = session;
  const progress = progressOf(session, flags.json === true);
  const fleet = await loadFleet(folder, readEnvironment(folder, environment));
  // Certificates are never made here: a fleet that was deployed has them, and others would not be taken.
  const files: MeshFiles =
    fleet.nodes.length > 1
      ? readMeshFiles(folder, { ...fleet, module: environment.MIRADOR_FLEET }, new Date())
      : { caPath: "", caFingerprint: "", certificates: {} };
  const transport = new MeshClient(files, fleet.mesh.port);
  const fill = flags.check !== true;
  const work = () =>
    repair({
      ...{ fleet, transport, asked, fill, now: Date.now() },
      signals: flags.signal === undefined ? ["logs", "traces"] : [flags.signal],
      progress,
    });
  try {
    // Two of them would put the same rows there twice.
    const reports = await (fill ? whileLocked(session, ["repair"], work) : work());
    if (flags.json === true) process.stdout.write(`${reportJson(reports, fill)}\n`);
    const status = exitOf(reports, fill);
    if (status === EXIT.differences && flags.json !== true)
      progress.line("\na repair is due: npm run mirador -- repair, with the same options without --check");
    return status;
  } finally {
    transport.close();
  }
}

/** @throws CliError `repair/day-invalid` */
function askedOf({ day = [], since, all }: Flags): Asked {
  const wrong = day.filter((text) => !isDay(text));
  if (wrong.length > 0) {
    throw new CliError(
      {
        code: "repair/day-invalid",
        what: `${wrong.join(", ")}: no day of the calendar`,
        where: "--day",
        fix: "write it as 2026-01-31; days begin at 00:00 UTC",
      },
      EXIT.usage,
    );
  }
  if (day.length > 0) return { kind: "days", days: day };
  return all === true ? { kind: "all" } : { kind: "since", days: since ?? 1 };
}
