import { InvalidArgumentError } from "commander";
import type { BackupOptions } from "../backup/backup";
import { typedPath } from "../typed-path";
import type { Register } from ".";
import { groupOption } from "./group-option";
import { whileLocked } from "./locked";

const HELP = `
Takes one storage group of metrics, logs and traces, each complete, as they are at one moment. Without --group it is the
one that answers queries. A set can be brought back to a group of as many nodes: where groups differ, --group all takes a
set that fits both, at twice the size; with one of them, mirador repair --all fills the other group's logs and traces.

Data travels through this machine; what an earlier backup has is not sent again.

<to> is a folder of this machine, or s3://<bucket>/<folder>, where who you are and where that is comes from
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and, for servers other than Amazon's, AWS_ENDPOINT_URL.

VictoriaMetrics freezes its data while it runs, and so do VictoriaLogs and VictoriaTraces where they are new enough. Older
ones are stopped for a second or two; what is sent meanwhile waits in queues, and among several nodes the other group answers.

Queues are not in a backup: it waits up to 30 s for what was sent before, and says how much was still on its way.

  mirador backup list <to>               what is there
  mirador backup prune <to> --keep 14    all but the newest 14 go`;

/** `mirador backup`: the three signals as one set. */
export const registerBackup: Register = (program, run) => {
  const backup = program
    .command("backup")
    .description("back up metrics, logs and traces as one set")
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .addHelpText("after", HELP);
  backup
    .command("take", { isDefault: true })
    .description("take one (default)")
    .argument("<to>", "a folder, or s3://bucket/folder")
    .addOption(groupOption(["all"]))
    .option("--verify", "restore it into scratch stores, and compare the counts")
    .option("--json", "for programs")
    .action((to: string, { verify = false, json = false, ...group }: Partial<BackupOptions>) =>
      run((session) =>
        whileLocked(session, ["backup", to], async () =>
          (await import("../backup/backup")).backup(session, { to: typedPath(session, to), verify, json, ...group }),
        ),
      ),
    );
  backup
    .command("list")
    .description("show the backups of a place")
    .argument("<to>", "a folder, or s3://bucket/folder")
    .option("--json", "for programs")
    .action((to: string, { json = false }: { json?: boolean }) =>
      run(async (session) => (await import("../backup/shelf")).listBackups(session, typedPath(session, to), json)),
    );
  backup
    .command("prune")
    .description("remove old backups, and what only they needed")
    .argument("<to>", "a folder, or s3://bucket/folder")
    .requiredOption("--keep <number>", "how many of the newest stay", positive)
    .action((to: string, { keep }: { keep: number }) =>
      run((session) =>
        whileLocked(session, ["backup prune", to], async () =>
          (await import("../backup/shelf")).pruneBackups(session, typedPath(session, to), keep),
        ),
      ),
    );
};

function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1) throw new InvalidArgumentError("a number from 1 on.");
  return value;
}
