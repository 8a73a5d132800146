import { Command } from "commander";
import { PARTS_FLEET } from "./demo-context";
import { demoDown } from "./demo-down";
import { demoUp } from "./demo-up";
import { holdingLock } from "./run-lock";
import type { Session } from "./session";
import { openSession, runToExit } from "./session";

export interface DemoArguments {
  readonly action: "up" | "down" | "clean";
}

const HELP = `
Without an option it sees that Terraform and a Docker engine are there, pulls the images (or builds them
from source where no registry can be reached), deploys one node with Terraform, waits until every service
is up, sends a trace, a log and a metric through it and finds them again.

A second run changes only what is not as it must be; an interrupted run is completed by the next one.

The fleet is that of MIRADOR_FLEET, else the one that was named for the last demo, else fleet.ts. Where
the images of fleet.ts can be neither pulled nor built, ${PARTS_FLEET} takes its place,
and every run says so. --clean forgets what was named. --down works without a readable fleet, too.

Environment:
  MIRADOR_FLEET        another fleet of one node          (default: as above)
  MIRADOR_IMAGES       images of your own, a JSON file    (default: as before, else official or built)
  MIRADOR_STATE        folder of Terraform's state        (default: .mirador/state)
  HAPROXY_STATS_PASS   password of the stats page         (default: generated, in .mirador/secrets)
  NODE_EXTRA_CA_CERTS  the authority of the access points' certificate, for a fleet with haproxy.tls

Exit status: 0 ok, 1 failed, 64 wrong usage, 65 wrong fleet, 130 interrupted.`;

/** @throws CommanderError for wrong usage, and after help was printed */
export function parseArguments(argv: readonly string[], write = (text: string): unknown => process.stdout.write(text)) {
  const command = new Command("npm run demo --")
    .usage("[--down | --clean]")
    .description("Runs one Mirador node on this machine's Docker engine, or removes it.")
    .option("--down", "remove the containers; the data stays for the next run")
    .option("--clean", "remove the containers and the data")
    .helpOption("-h, --help", "show this help")
    .addHelpText("after", HELP)
    .allowExcessArguments(false)
    .configureHelp({ helpWidth: 100 })
    .configureOutput({ writeOut: write, writeErr: write })
    .showHelpAfterError("(npm run demo -- --help shows what there is)")
    .exitOverride()
    .parse(argv, { from: "user" });
  const { down, clean } = command.opts<{ down?: boolean; clean?: boolean }>();
  return { action: clean ? "clean" : down ? "down" : "up" } satisfies DemoArguments;
}

async function run({ action }: DemoArguments): Promise<void> {
  const context: Session = openSession();
  await holdingLock(context.folder, () =>
    action === "up" ? demoUp(context) : demoDown(context, { clean: action === "clean" }),
  );
}

if (require.main === module) void runToExit(() => run(parseArguments(process.argv.slice(2))));
