import { InvalidArgumentError, Option } from "commander";
import type { Register } from ".";
import { secondsIn } from "./times";

const HELP = `
Prints what the services of all nodes say, each line with its node and service, in the order of time. Jobs (prepare,
haproxy-configure, ready) are printed when they are named.

  mirador logs --since 10m                   everything of the last ten minutes
  mirador logs gateway haproxy -f            two services of every node, until Ctrl-C
  mirador logs vlstorage --node node2        one service of one node

Exit status 0, and 1 when an engine does not answer: what the others say is printed all the same.`;

interface Flags {
  readonly node?: readonly string[];
  readonly since?: number;
  readonly tail?: number;
  readonly follow?: boolean;
  readonly timestamps?: boolean;
}

/** `mirador logs`: what containers print, merged over all nodes. */
export const registerLogs: Register = (program, run) => {
  program
    .command("logs")
    .description("print what services say, of all nodes in the order of time")
    .argument("[service...]", "these alone (default: all)")
    .option("--node <node...>", "of these alone (default: all)")
    .addOption(new Option("--since <time>", "from then on: 90s, 10m, 2h, 3d, or 2026-01-31T12:00:00Z").argParser(since))
    .addOption(
      new Option(
        "--tail <lines>",
        "no more than so many lines of each service (default: 100, with --since all)",
      ).argParser(lines),
    )
    .option("-f, --follow", "go on with what comes")
    .option("-t, --timestamps", "write the time before each line")
    .addHelpText("after", HELP)
    .action((services: readonly string[], { node = [], follow = false, timestamps = false, ...range }: Flags) =>
      run(async (session) => {
        const { logs } = await import("../operate/logs");
        return logs(session, { services, nodes: node, follow, timestamps, ...range });
      }),
    );
};

/** @returns seconds since 1970 */
function since(text: string): number {
  const ago = secondsIn(text);
  if (ago !== undefined) return Math.floor(Date.now() / 1000) - ago;
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) throw new InvalidArgumentError("Write 10m, 2h, 3d, or a time such as 2026-01-31T12:00:00Z.");
  return Math.floor(at / 1000);
}

function lines(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("Write a number of lines, from 1 on.");
  return Number(text);
}
