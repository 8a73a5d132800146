import type { Register } from ".";

const HELP = `
Asks by the network what clients ask: every access point of every node, with something that only works when all behind
it does (an empty export, a query), and whether every service of the node is up. Engines are not needed. Access points
whose certificate is from an authority of your own need it in NODE_EXTRA_CA_CERTS.

Exit status 0 when all is up, else 1.`;

/** `mirador health`: whether clients get what they need. */
export const registerHealth: Register = (program, run) => {
  program
    .command("health")
    .description("ask every access point of every node whether it works")
    .argument("[node...]", "these alone (default: all)")
    .option("--json", "for programs")
    .addHelpText("after", HELP)
    .action((nodes: readonly string[], { json = false }: { readonly json?: boolean }) =>
      run(async (session) => (await import("../operate/health")).health(session, { nodes, json })),
    );
};
