import type { Register } from ".";
import { whileLocked } from "./locked";

const HELP = `
The containers go as with mirador down, then the data volumes: metrics, logs, traces and queues. Nothing brings them
back. Folders of a host that the fleet names as storagePaths are never removed, only named.

Asks for the fleet's name first, unless --yes is given.`;

/** `mirador clean`: removes nodes and their data. */
export const registerClean: Register = (program, run) => {
  program
    .command("clean")
    .description("remove the containers of nodes and their data")
    .argument("[node...]", "these alone, in this order (default: all)")
    .option("--yes", "do not ask")
    .addHelpText("after", HELP)
    .action((nodes: readonly string[], { yes = false }: { readonly yes?: boolean }) =>
      run((session) =>
        whileLocked(session, ["clean", ...nodes], async () =>
          (await import("../operate/clean")).clean(session, { nodes, yes }),
        ),
      ),
    );
};
