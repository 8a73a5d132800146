import { NODE_SYNTAX } from "../init/node-option";
import { init } from "../init/run";
import { madeJson, tellMade } from "../init/told";
import { typedPath } from "../typed-path";
import type { Register } from ".";

const HELP = `
Makes what a checkout needs before its first deploy:

  fleet.ts                         the fleet; or the file that MIRADOR_FLEET names
  .mirador/secrets/stats-password  the password of the stats page, generated, readable by you alone
  .mirador/pki/<fleet>             for several nodes, the certificates by which they know each other

Without --node and --from-env that is node1 at 127.0.0.1, on this machine's Docker engine. A file that is there is
kept, but for the fleet.ts that comes with the checkout. The same command again changes nothing. Everything is
checked before anything is written.

An engine is one of
  ssh://user@host:port             by your own ssh; user (root) and port may be left out
  tcp://host:port/folder           dockerd with mutual TLS; ca.pem, cert.pem and key.pem are in the folder
  unix:///socket                   this machine's; the socket may be left out
  name                             a context of your docker CLI
and where none is said, this machine's for an address of this machine, else ssh://address.

  mirador init --node node1=10.0.0.11 --node node2=10.0.0.12@ssh://deploy@10.0.0.12
  mirador init --from-env .env.node1 .env.node2 --node node2@ssh://deploy@10.0.0.12

Exit status: 0 ok, 64 wrong usage, 65 what is there or was asked for cannot be used.`;

interface Flags {
  readonly node?: readonly string[];
  readonly name?: string;
  readonly fromEnv?: readonly string[];
  readonly json?: boolean;
}

/** `mirador init`: what a new checkout needs. */
export const registerInit: Register = (program, run) => {
  program
    .command("init")
    .description("write fleet.ts, and make the password and certificates that it needs")
    .option(`--node <${NODE_SYNTAX}>`, "a node and its Docker engine; once for each node", append)
    .option("--name <name>", "name of the fleet (default: mirador)")
    .option("--from-env <file...>", "the .env files of the compose stack's nodes, which the fleet is made from")
    .option("--json", "for programs")
    .addHelpText("after", HELP)
    .action(({ node: nodes = [], name, fromEnv: envFiles = [], json = false }: Flags) =>
      run(async (session) => {
        const typed = envFiles.map((file) => typedPath(session, file));
        const made = await init(session, { nodes, envFiles: typed, name });
        if (json) process.stdout.write(`${madeJson(made)}\n`);
        else tellMade(made, session.folder, session.progress);
      }),
    );
};

function append(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
