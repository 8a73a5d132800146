import type { Register } from ".";
import { whileLocked } from "./locked";
import { waitOption } from "./times";

const HELP = `
One node after the other, when the others can carry the fleet, as mirador up does; on each node one service after the
other, the next one when the node is ready again. Stopped ones are started. Containers stay the same, so a change of the
fleet comes into force by mirador up, not by this.

On a single node OTLP that arrives meanwhile waits or is sent again by its client, and nothing is lost; queries of a
store that is away fail. HAProxy itself takes nothing while it stops: mirador reload makes it read its files without that.

  mirador restart                            every service of every node
  mirador restart gateway                    one service, on every node
  mirador restart vlstorage --node node2     one service of one node`;

interface Flags {
  readonly node?: readonly string[];
  readonly wait: number;
}

/** `mirador restart`: stops services gracefully and starts them again. */
export const registerRestart: Register = (program, run) => {
  program
    .command("restart")
    .description("stop services and start them again, one after the other")
    .argument("[service...]", "these alone (default: all)")
    .option("--node <node...>", "of these alone, in this order (default: all)")
    .addOption(waitOption())
    .addHelpText("after", HELP)
    .action((services: readonly string[], { node: nodes = [], wait: waitSeconds }: Flags) =>
      run((session) =>
        whileLocked(session, ["restart", ...services], async () =>
          (await import("../operate/restart")).restart(session, { services, nodes, waitSeconds }),
        ),
      ),
    );
};
