import { Option } from "commander";
import type { Signal } from "../../lib/fleet/definition";
import { SIGNALS } from "../../lib/fleet/definition";
import type { Group } from "../../lib/plan/groups";
import { typedPath } from "../typed-path";
import type { Register } from ".";
import { groupOption } from "./group-option";
import { whileLocked } from "./locked";

const HELP = `
Brings a backup to every storage group of the fleet, node by node. Everything is brought to the hosts and checked there
first; only then do the stores stop, get it and start again, one group after the other. Until then nothing has changed, and
a disk needs room for both. On a fleet that is down it fills the volumes; mirador up starts it.

Stores that hold data are refused, unless --replace says that it may go: all of it, also what came after the backup.

--verify touches no store: it restores into scratch stores, and compares what they count with what was backed up.`;

interface RestoreFlags {
  readonly id?: string;
  readonly group?: Group;
  readonly signal?: readonly Signal[];
  readonly replace?: boolean;
  readonly fromFleet?: string;
  readonly verify?: boolean;
  readonly json?: boolean;
}

/** `mirador restore`: from a backup to the stores. */
export const registerRestore: Register = (program, run) => {
  program
    .command("restore")
    .description("bring a backup back to the stores")
    .argument("<from>", "a folder, or s3://bucket/folder")
    .option("--id <id>", "which one (default: the newest)")
    .addOption(groupOption())
    .addOption(new Option("--signal <signal...>", "these alone (default: all)").choices(SIGNALS))
    .option("--replace", "what is there may go")
    .option("--from-fleet <name>", "take the backup of a fleet of another name")
    .option("--verify", "only restore into scratch stores, and compare the counts")
    .option("--json", "for programs")
    .addHelpText("after", HELP)
    .action((from: string, { id, fromFleet, group, ...flags }: RestoreFlags) =>
      run((session) =>
        whileLocked(session, ["restore", from], async () =>
          (await import("../backup/restore")).restore(session, {
            ...{
              from: typedPath(session, from),
              signals: flags.signal ?? SIGNALS,
              ...(group === undefined ? {} : { group }),
            },
            ...(id === undefined ? {} : { id }),
            ...(fromFleet === undefined ? {} : { fromFleet }),
            ...{ replace: flags.replace ?? false, verify: flags.verify ?? false, json: flags.json ?? false },
          }),
        ),
      ),
    );
};
