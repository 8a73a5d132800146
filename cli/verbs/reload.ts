import type { Register } from ".";
import { whileLocked } from "./locked";

const HELP = `
HAProxy checks the files that a deploy gave it, and starts new workers with them; the old ones answer what they have
begun. No request is dropped. With files that HAProxy refuses nothing happens, and what runs goes on.

A change of the fleet, a new certificate among them, comes by mirador up or cdktf deploy, which reload by themselves.`;

/** `mirador reload`: makes HAProxy read its files again. */
export const registerReload: Register = (program, run) => {
  program
    .command("reload")
    .description("make HAProxy read its files again, without a dropped request")
    .argument("[node...]", "these alone (default: all)")
    .addHelpText("after", HELP)
    .action((nodes: readonly string[]) =>
      run((session) =>
        whileLocked(session, ["reload", ...nodes], async () =>
          (await import("../operate/reload")).reload(session, nodes),
        ),
      ),
    );
};
