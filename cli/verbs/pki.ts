import { type Command, Option } from "commander";
import { readEnvironment } from "../../inputs/environment";
import { loadFleet } from "../../inputs/load-fleet";
import { type PkiArguments, runPki } from "../pki";
import type { Session } from "../session";
import type { Register } from ".";

const HELP = `
Nodes of a fleet of two and more talk to each other by mutual TLS. Without a command what is missing is made: an
authority of the fleet's own (10 years) and a certificate for each node (1 year), in .mirador/pki/<fleet>. A file
that is there is never changed. Keep a copy of that folder: without ca.key no certificate can be issued.

No command reaches a node; what they make arrives there by the next deploy.

Exit status: 0 ok, 1 failed, 64 wrong usage, 65 wrong fleet, unusable certificate or a step out of turn.`;

const ROTATE_HELP = `
Three steps, and every node is deployed after each of them:
  npm run mirador -- pki rotate-ca            makes another authority; nodes learn to trust both
  npm run mirador -- pki rotate-ca --issue    gives every node a certificate from the new one
  npm run mirador -- pki rotate-ca --finish   drops the old one

Nobody is cut off meanwhile. Each step refuses when the one before is not done. It cannot see whether every
node was deployed in between; see to that before you go on.`;

/** `mirador pki`: the certificates that the nodes of a fleet show each other. */
export const registerPki: Register = (program, run) =>
  addPki(program, (asked) => run((session) => pki(asked, session)));

/** Adds the verb. @param work is told what was asked for */
export function addPki(program: Command, work: (asked: PkiArguments) => void): void {
  const verb = program
    .command("pki")
    .description("make, show and renew the certificates that the nodes show each other")
    .addHelpText("after", HELP)
    .action((_: unknown, command: Command) => {
      // Because there is an action, commander takes an unknown word for its argument; what it says otherwise helps more.
      if (command.args.length > 0) (command as unknown as { unknownCommand(): never }).unknownCommand();
      work({ action: "make" });
    });
  verb
    .command("show")
    .description("show who has which certificate and until when")
    .option("--json", "for programs")
    .action(({ json = false }: { readonly json?: boolean }) => work({ action: "show", json }));
  verb
    .command("renew")
    .description(
      "make new certificates: for the nodes that are named, else where 30 days or fewer are left or the certificate cannot be used; the old file stays as <node>.pem.previous",
    )
    .argument("[node...]", "names of nodes")
    .option("--all", "for all nodes")
    .action((names: readonly string[], { all }: { readonly all?: boolean }, command: Command) => {
      if (all && names.length > 0) command.error("error: name nodes, or say --all");
      work({ action: "renew", choice: all ? "all" : names.length > 0 ? names : "due" });
    });
  verb
    .command("rotate-ca")
    .description("change the authority, in three steps")
    .addOption(new Option("--issue", "second step: a new certificate for every node").conflicts("finish"))
    .option("--finish", "last step: the old authority goes")
    .addHelpText("after", ROTATE_HELP)
    .action(({ issue, finish }: { readonly issue?: boolean; readonly finish?: boolean }) =>
      work({ action: "rotate-ca", step: finish ? "finish" : issue ? "issue" : "begin" }),
    );
  // After its commands, which would take it over.
  verb.allowExcessArguments();
}

async function pki(asked: PkiArguments, { folder, environment: processEnvironment }: Session): Promise<number> {
  const environment = readEnvironment(folder, processEnvironment);
  const fleet = { ...(await loadFleet(folder, environment)), module: environment.MIRADOR_FLEET };
  return runPki(asked, { folder, fleet, now: new Date(), print: (line) => process.stdout.write(`${line}\n`) });
}
