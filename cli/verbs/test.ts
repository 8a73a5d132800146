import type { Register } from ".";

const HELP = `
Each item is marked, sent as a client sends it (traces by OTLP gRPC, logs and metrics by OTLP HTTP), and then asked for
at every node of the fleet, by its queries. The table has the seconds from sending to the first answer that holds it:
metrics take longest. Of VictoriaTraces from 0.12 on, queries of people see a trace half a minute later than this.

The items stay: service.name mirador-canary, metric mirador_canary.

Exit status 0 when everything was found everywhere, else 1.`;

/** `mirador test`: the canary, over all nodes. */
export const registerTest: Register = (program, run) => {
  program
    .command("test")
    .description("send a trace, a log and a metric through every node, and find them at every node")
    .argument("[node...]", "send to these alone (default: all)")
    .option("--json", "for programs")
    .addHelpText("after", HELP)
    .action((nodes: readonly string[], { json = false }: { readonly json?: boolean }) =>
      run(async (session) => (await import("../operate/canary-round")).canaryRound(session, { nodes, json })),
    );
};
