import type { Command } from "commander";
import type { Register } from ".";
import { whileLocked } from "./locked";
import { waitOption } from "./times";

const HELP = `
Looks at all nodes first, and tells everything that is wrong with any of them at once, before anything is touched:
engines, images, addresses, ports, clocks, data of another group, nodes that were taken out, the mesh.

Then one node after the other, in the order named; without names new nodes first, then those that are not ready,
then the others. A node is touched when every other one is ready, the stores of the other storage group are not
just started and nothing waits to be sent to them; the balancers are told first, so that queries leave its group.
The next one comes when it is ready again and what waited for it has been sent. Nodes with nothing to change are
left alone. No OTLP request fails meanwhile.

The first failure stops. The same command again goes on from there, and so it does after Ctrl-C.

With --check: exit status 2 when a node would be changed, 0 when none would.`;

interface Flags {
  readonly wait: number;
  readonly check?: boolean;
}

/** `mirador up`: brings the fleet to what its definition says, one node after the other. */
export const registerUp: Register = (program, run) => {
  program
    .command("up")
    .description("deploy or change the fleet, one node after the other")
    .argument("[node...]", "these alone, in this order (default: all)")
    .addOption(waitOption())
    .option("--check", "only look at the hosts, and tell what would change")
    .addHelpText("after", HELP)
    .action((nodes: readonly string[], { wait, check = false }: Flags, _: Command) =>
      run((session) =>
        whileLocked(session, ["up", ...nodes], async () =>
          (await import("../up/run")).up(session, { nodes, waitSeconds: wait, check }),
        ),
      ),
    );
};
