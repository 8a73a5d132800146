import { Command } from "commander";
import { readEnvironment } from "../inputs/environment";
import { COMPLETE } from "./completion/scripts";
import { demoFleetNote } from "./env-file";
import { openSession, runToExit, type Session } from "./session";
import { VERBS } from "./verbs";

const HELP = `
Environment:
  MIRADOR_FLEET   the fleet                                    (default: fleet.ts)
  MIRADOR_IMAGES  images of your own, a JSON file              (default: official images)
  MIRADOR_STATE   folder of Terraform's state                  (default: .mirador/state)

Exit status: 0 ok, 1 failed, 2 differences found, 64 wrong usage, 65 wrong fleet, 130 interrupted.
None of it is needed but pki, where a fleet has several nodes: npx cdktf deploy <node> is enough.`;

/** What a verb does when it was asked for. @returns a number as exit status; anything else means 0 */
export type Run = (work: (session: Session) => Promise<unknown>) => void;

/** The whole command line; nothing runs before it was understood. */
export function commandLine(
  run: Run,
  write = (text: string): unknown => process.stdout.write(text),
  writeErr = (text: string): unknown => process.stderr.write(text),
): Command {
  const program = new Command("mirador")
    .usage("<verb> [options]")
    .description("Operates a fleet of Mirador nodes.")
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .addHelpText("after", HELP)
    .configureHelp({ helpWidth: 100 })
    .configureOutput({ writeOut: write, writeErr })
    .showHelpAfterError("(mirador --help shows what there is)")
    .exitOverride();
  for (const register of VERBS) register(program, run);
  return program;
}

/** They work on no fleet that is deployed. */
const WITHOUT_FLEET: ReadonlySet<string> = new Set(["init", "completion", COMPLETE]);

async function main(argv: readonly string[]): Promise<unknown> {
  let asked: Parameters<Run>[0] | undefined;
  commandLine((work) => {
    asked = work;
  }).parse(argv, { from: "user" });
  if (asked === undefined) return;
  const session = openSession();
  const { folder, environment } = session;
  const note = WITHOUT_FLEET.has(argv[0] ?? "")
    ? undefined
    : demoFleetNote(folder, readEnvironment(folder, environment));
  if (note !== undefined) console.error(note);
  return asked(session);
}

if (require.main === module) void runToExit(() => main(process.argv.slice(2)));
