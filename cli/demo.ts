import { Command, CommanderError } from "commander";
import { ProblemError } from "../lib/problem";
import type { DemoContext } from "./demo-context";
import { demoDown } from "./demo-down";
import { demoUp } from "./demo-up";
import { CliError, EXIT, Interrupted } from "./failure";
import { Progress } from "./progress";
import { holdingLock } from "./run-lock";
import { SynthError, TerraformError, terraformRuns } from "./terraform";

export interface DemoArguments {
  readonly action: "up" | "down" | "clean";
}

const HELP = `
Without an option it sees that Terraform and a Docker engine are there, pulls the images (or builds them
from source where no registry can be reached), deploys one node with Terraform, waits until every service
is up, sends a trace, a log and a metric through it and finds them again.

A second run changes only what is not as it must be; an interrupted run is completed by the next one.

Environment:
  MIRADOR_FLEET        another fleet of one node          (default: the last demo's, else fleet.ts)
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
  const interruption = new AbortController();
  // Docker's variables mean an engine for the docker CLI; here the fleet says which engine is meant.
  const ignored = Object.keys(process.env).filter((name) => name.startsWith("DOCKER_") && name !== "DOCKER_CONFIG");
  for (const name of ignored) delete process.env[name];
  const progress = new Progress({ out: process.stdout, environment: process.env });
  if (ignored.length > 0)
    progress.note("note", `${ignored.join(", ")} not used: fleet.nodes[0].docker says which engine is meant`);
  const context: DemoContext = {
    folder: process.cwd(),
    environment: { ...process.env },
    progress,
    interrupt: interruption.signal,
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (!terraformRuns()) stopNow();
      else if (!interruption.signal.aborted)
        progress.line("stopping: terraform ends what it is at and saves its state");
      interruption.abort();
    });
  }
  await holdingLock(context.folder, () =>
    action === "up" ? demoUp(context) : demoDown(context, { clean: action === "clean" }),
  );
}

function stopNow(): never {
  console.error(`\n${INTERRUPTED}`);
  process.exit(EXIT.interrupted);
}

const INTERRUPTED = "interrupted; the same command again completes what was begun";

/** What is printed and the exit status, for everything that can go wrong. */
export function outcomeOf(error: unknown): { readonly text: string; readonly exitCode: number } {
  if (error instanceof CommanderError) return { text: "", exitCode: error.exitCode === 0 ? EXIT.ok : EXIT.usage };
  if (error instanceof Interrupted) return { text: INTERRUPTED, exitCode: EXIT.interrupted };
  if (error instanceof CliError) return { text: error.message, exitCode: error.exitCode };
  if (ProblemError.is(error)) return { text: error.message, exitCode: EXIT.wrongFleet };
  if (error instanceof SynthError) return { text: error.message, exitCode: error.exitCode };
  if (error instanceof TerraformError || (error instanceof Error && error.name === "StepError"))
    return { text: error.message, exitCode: EXIT.failed };
  return { text: error instanceof Error ? (error.stack ?? error.message) : String(error), exitCode: EXIT.failed };
}

async function main(): Promise<void> {
  // The gRPC client names the server by its address, which Node.js calls deprecated; nobody here can change that.
  process.noDeprecation = true;
  try {
    await run(parseArguments(process.argv.slice(2)));
  } catch (error) {
    const { text, exitCode } = outcomeOf(error);
    if (text !== "") console.error(`\n${text}`);
    process.exitCode = exitCode;
  }
  // A pull that was given up may keep a connection open.
  process.exit();
}

if (require.main === module) void main();
