import type { Register } from ".";

const HELP = `
Asks the engines of all nodes at once, and through them each node's HAProxy, gateway and agents. Nothing is changed.

  health   what HAProxy's check of the service says
  memory   in use, of the container's limit
  waiting  what the gateway and the agents have still to send, on disk and in memory, for all storage groups
  disk     what is free where the service keeps its data, and in how many days it is full when every day is like the
           last ones; no days are told where there is room for all that is kept, or before a whole day is over

Exit status 0, and 1 when an engine does not answer; a service that is down is shown and changes nothing about it.`;

/** `mirador status`: what runs on every node. */
export const registerStatus: Register = (program, run) => {
  program
    .command("status")
    .description("show what runs on every node")
    .argument("[node...]", "these alone (default: all)")
    .option("--json", "for programs")
    .addHelpText("after", HELP)
    .action((nodes: readonly string[], { json = false }: { readonly json?: boolean }) =>
      run(async (session) => (await import("../operate/status")).status(session, { nodes, json })),
    );
};
