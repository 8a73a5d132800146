import { CommanderError } from "commander";
import type { Environment } from "../lib/fleet/environment";
import { ProblemError } from "../lib/problem";
import { CliError, EXIT, Interrupted } from "./failure";
import { orderlyEnd } from "./orderly";
import { Progress } from "./progress";
import { SynthError, TerraformError, terraformRuns } from "./terraform";

/** What a command has to work with. */
export interface Session {
  /** The checkout. */
  readonly folder: string;
  readonly environment: Environment;
  readonly progress: Progress;
  /**
   * Aborted by the person's first Ctrl-C while Terraform runs, or while something else has to come to its end; at any other
   * time the process ends at once.
   */
  readonly interrupt: AbortSignal;
}

/**
 * Ctrl-C ends the process; while Terraform runs, that ends what it is at first and saves its state. A terminal that is
 * closed counts as much.
 */
export function openSession(): Session {
  const interruption = new AbortController();
  // Docker's variables mean an engine for the docker CLI; here the fleet says which engine is meant.
  const ignored = Object.keys(process.env).filter((name) => name.startsWith("DOCKER_") && name !== "DOCKER_CONFIG");
  for (const name of ignored) delete process.env[name];
  const progress = new Progress({ out: process.stdout, environment: process.env });
  // What a verb answers may be for a program.
  if (ignored.length > 0)
    console.error(`note: ${ignored.join(", ")} not used: fleet.nodes[…].docker says which engine is meant`);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      const first = terraformRuns() ? "terraform ends what it is at and saves its state" : orderlyEnd();
      if (first === undefined) stopNow();
      else if (!interruption.signal.aborted) progress.line(`stopping: ${first}`);
      interruption.abort();
    });
  }
  return { folder: process.cwd(), environment: { ...process.env }, progress, interrupt: interruption.signal };
}

/** Where a verb tells how far it is: an answer for programs stands alone on the standard output. */
export function progressOf({ progress, environment }: Session, json: boolean): Progress {
  return json ? new Progress({ out: process.stderr, environment }) : progress;
}

function stopNow(): never {
  console.error(`\n${interruptedText(new Interrupted())}`);
  process.exit(EXIT.interrupted);
}

const interruptedText = ({ outcome }: Interrupted): string => `interrupted; ${outcome}`;

/** What is printed and the exit status, for everything that can go wrong. */
export function outcomeOf(error: unknown): { readonly text: string; readonly exitCode: number } {
  if (error instanceof CommanderError) return { text: "", exitCode: error.exitCode === 0 ? EXIT.ok : EXIT.usage };
  if (error instanceof Interrupted) return { text: interruptedText(error), exitCode: EXIT.interrupted };
  if (error instanceof CliError) return { text: error.message, exitCode: error.exitCode };
  if (ProblemError.is(error)) return { text: error.message, exitCode: EXIT.wrongFleet };
  if (error instanceof SynthError) return { text: error.message, exitCode: error.exitCode };
  if (error instanceof TerraformError || (error instanceof Error && error.name === "StepError"))
    return { text: error.message, exitCode: EXIT.failed };
  return { text: error instanceof Error ? (error.stack ?? error.message) : String(error), exitCode: EXIT.failed };
}

/** Runs a command to its exit status. @param work gives back a number as exit status; anything else means 0 */
export async function runToExit(work: () => Promise<unknown>): Promise<never> {
  // The gRPC client names the server by its address, which Node.js calls deprecated; nobody here can change that.
  process.noDeprecation = true;
  // Whoever reads may have seen enough, as in `mirador health | head`, or the terminal is gone (EIO); what is under way comes
  // to its end all the same.
  for (const out of [process.stdout, process.stderr])
    out.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "EIO") process.exit(EXIT.failed);
    });
  try {
    const status = await work();
    process.exitCode = typeof status === "number" ? status : EXIT.ok;
  } catch (error) {
    const { text, exitCode } = outcomeOf(error);
    if (text !== "") console.error(`\n${text}`);
    process.exitCode = exitCode;
  }
  // A pull that was given up may keep a connection open; what was written last may still be on its way to a pipe.
  return new Promise(() => process.stdout.write("", () => process.exit()));
}
