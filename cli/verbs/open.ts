import { Argument } from "commander";
import type { PageName } from "../operate/open";
import type { Register } from ".";

const PAGES = ["landing", "stats", "metrics", "logs", "traces"] as const satisfies readonly PageName[];

const HELP = `
  landing   the node's own page: what is ready, every port, what a service needs to send (default)
  stats     HAProxy's statistics; the browser asks for the login, which mirador access tells
  metrics   vmui of VictoriaMetrics
  logs      vmui of VictoriaLogs
  traces    vmui of VictoriaTraces

Without a node it is the first one of the fleet whose page answers. The address is printed on the standard output, and
nothing else is; no address holds a password. Without a display it is printed alone, as with --print.`;

interface Flags {
  readonly print?: boolean;
}

/** `mirador open`: a page of a node in the browser. */
export const registerOpen: Register = (program, run) => {
  program
    .command("open")
    .description("open a page of a node in your browser, and print its address")
    .addArgument(new Argument("[page]", "which one").choices(PAGES).default("landing"))
    .argument("[node]", "of this one (default: the first that answers)")
    .option("--print", "print the address alone")
    .addHelpText("after", HELP)
    .action((page: PageName, node: string | undefined, { print = false }: Flags) =>
      run(async (session) => (await import("../operate/open")).open(session, { page, node, print })),
    );
};
