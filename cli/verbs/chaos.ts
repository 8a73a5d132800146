import { Argument } from "commander";
import type { FaultKind } from "../chaos/fault";
import type { Register } from ".";
import { whileLocked } from "./locked";
import { forOption } from "./times";

/** As `FAULT_KINDS` has them; a shell that completes a word needs no more than these. */
const KINDS = ["kill", "hang", "cut"] as const satisfies readonly FaultKind[];

const HELP = `
A game day: something breaks on purpose, and is mended again.

  kill   SIGKILL to the containers; what the engine does not start by itself is started when the time is over
  hang   docker pause: they hold their connections and answer nothing
  cut    docker network disconnect: HAProxy leaves the node's network, and with it go the ports that it publishes. It is
         the only way into a node and out of it, so neither clients nor other nodes reach this one, and it reaches none of
         them; inside it everything goes on. With services named, these leave the network. The node's engine is reached
         by another way and still obeys.

Without services kill and hang take all of the node. Meanwhile, and from three seconds before until three seconds after the
node is ready again, a numbered trace, log and metric are sent to each other node three times a second, and each is asked for
what it has twice a second. In the end every node, the struck one last, is asked for everything that was acknowledged. A
fleet of one node is sent to and asked itself.

Nothing is begun while the fleet is not well: all services ready, all access points up, nothing waiting for the other
storage group. Everything goes through the engines; the fault is undone when the time is over, on Ctrl-C, when the terminal
is closed and on any error. Should this command itself be killed, the line that it prints before the fault undoes it.
Asks for the fleet's name first, unless --yes is given. The items stay: service.name mirador-canary, metric mirador_canary.

  mirador chaos kill node2                   the whole node, for half a minute
  mirador chaos hang node2 vlstorage         one service
  mirador chaos cut node3 --for 2m --yes     nobody is asked

Exit status 0 when nothing that was acknowledged is missing at any node, else 1.`;

interface Flags {
  readonly for: number;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `mirador chaos`: breaks a node for a while, and counts what that has cost. */
export const registerChaos: Register = (program, run) => {
  program
    .command("chaos")
    .description("kill, hang or cut off a node for a while, and count whether anything was lost")
    .addArgument(new Argument("<kind>", "what happens to it").choices(KINDS))
    .argument("<node>", "the node that is struck")
    .argument("[service...]", "these alone (default: all; of cut HAProxy)")
    .addOption(forOption())
    .option("--yes", "do not ask")
    .option("--json", "for programs")
    .addHelpText("after", HELP)
    .action((kind: FaultKind, node: string, services: readonly string[], flags: Flags) =>
      run((session) =>
        whileLocked(session, ["chaos", kind, node, ...services], async () => {
          const { for: seconds, yes = false, json = false } = flags;
          const { chaos } = await import("../chaos/run");
          return chaos(session, { kind, node, services, seconds, yes, json });
        }),
      ),
    );
};
