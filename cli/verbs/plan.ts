import type { Register } from ".";
import { whileWriting } from "./locked";

const HELP = `
Terraform compares each node with what the fleet says, and nothing is touched: which containers restart and why, what
stays up, and what is lost. A deploy that would remove data volumes is refused, here and by mirador up.

Exit status 2 when anything would be done, 0 when nothing would.`;

/** `mirador plan`: what a deploy would do. */
export const registerPlan: Register = (program, run) => {
  program
    .command("plan")
    .description("tell what a deploy would do to each node, in plain words")
    .argument("[node...]", "these alone (default: all)")
    .option("--json", "for programs")
    .addHelpText("after", HELP)
    .action((nodes: readonly string[], { json = false }: { readonly json?: boolean }) =>
      run((session) =>
        whileWriting(session, ["plan"], async () => (await import("../plan/run")).showPlan(session, { nodes, json })),
      ),
    );
};
