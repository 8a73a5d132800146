import type { Register } from ".";
import { whileLocked } from "./locked";

const HELP = `
One node after the other: its balancer's neighbours are told first, so that queries go elsewhere, then its containers
stop in order and are removed. Data stays, in volumes or folders of the host, and is named. Clients of a node that is
down have to use another one. With both storage groups down nothing is stored and nothing answers.

The same command again completes what was interrupted. To forget a node for good, see docs/fleets.md.`;

/** `mirador down`: removes containers and keeps data. */
export const registerDown: Register = (program, run) => {
  program
    .command("down")
    .description("stop and remove the containers of nodes; data stays")
    .argument("[node...]", "these alone, in this order (default: all)")
    .addHelpText("after", HELP)
    .action((nodes: readonly string[]) =>
      run((session) =>
        whileLocked(session, ["down", ...nodes], async () => (await import("../operate/down")).down(session, nodes)),
      ),
    );
};
