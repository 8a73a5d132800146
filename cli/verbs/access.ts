import { Option } from "commander";
import type { Register } from ".";

const HELP = `
Shows every access point with its state and its login, and for each node what an OpenTelemetry SDK needs to send to it.
Secrets are never part of it; --reveal prints the password of the stats page, and nothing else.`;

interface Flags {
  readonly json?: boolean;
  readonly reveal?: boolean;
}

/** `mirador access`: where to send and where to look. */
export const registerAccess: Register = (program, run) => {
  program
    .command("access")
    .description("show where to send and where to look, with what to copy")
    .argument("[node...]", "these alone (default: all)")
    .option("--json", "for programs")
    .addOption(new Option("--reveal", "print the password of the stats page").conflicts("json"))
    .addHelpText("after", HELP)
    .action((nodes: readonly string[], { json = false, reveal = false }: Flags) =>
      run(async (session) => (await import("../operate/access")).access(session, { nodes, json, reveal })),
    );
};
