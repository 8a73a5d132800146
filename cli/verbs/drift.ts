import type { Register } from ".";
import { whileWriting } from "./locked";

const HELP = `
Names every container that was stopped, edited or removed on its host, what the fleet says since the last deploy and no
deploy has made, and services that run and do not work. Nothing is touched; mirador up makes it as the fleet says.

Exit status 2 when anything differs, 0 when nothing does: for a job that looks every hour.`;

/** `mirador drift`: what differs from the fleet. */
export const registerDrift: Register = (program, run) => {
  program
    .command("drift")
    .description("tell what on the hosts differs from the fleet")
    .argument("[node...]", "these alone (default: all)")
    .option("--json", "for programs")
    .addHelpText("after", HELP)
    .action((nodes: readonly string[], { json = false }: { readonly json?: boolean }) =>
      run((session) =>
        whileWriting(session, ["drift"], async () => (await import("../plan/run")).showDrift(session, { nodes, json })),
      ),
    );
};
