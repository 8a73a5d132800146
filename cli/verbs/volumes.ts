import type { Register } from ".";

const HELP = `
Measures the data of all nodes on their hosts, with a container that only reads.

  a day    what a day adds: of logs and traces over the last whole days (UTC), of metrics over this month and the last
  full in  days until a store has no room left on its disk and takes nothing more (minFreeDisk stays free), when every
           day is like those; "-" when there is room for all that the retention keeps, or nothing is known yet

Exit status 0, and 1 when an engine does not answer.`;

/** `mirador volumes`: how much data there is, and for how long there is room. */
export const registerVolumes: Register = (program, run) => {
  program
    .command("volumes")
    .description("show what data takes, how it grows and when a disk is full")
    .argument("[node...]", "these alone (default: all)")
    .option("--json", "for programs")
    .addHelpText("after", HELP)
    .action((nodes: readonly string[], { json = false }: { readonly json?: boolean }) =>
      run(async (session) => (await import("../operate/volumes")).volumes(session, { nodes, json })),
    );
};
