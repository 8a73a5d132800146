import { Argument, Command, Option } from "commander";
import { describe, expect, test } from "vitest";
import { candidates, type ValueSources } from "../../../cli/completion/candidates";
import { fleetWords } from "../../../cli/completion/fleet-words";
import { commandLine } from "../../../cli/mirador";
import { temporaryFolder } from "../../support/folders";

const program = new Command("mirador").helpCommand(false);
program
  .command("up")
  .description("deploy")
  .argument("[node...]")
  .option("--wait <time>")
  .option("--check")
  .addOption(new Option("--secret").hideHelp());
program.command("logs").argument("[service...]").option("-n, --node <node...>").option("-f, --follow");
program
  .command("read")
  .argument("<file>")
  .addArgument(new Argument("[form]").choices(["long", "short"]))
  .addOption(new Option("--signal <signal>").choices(["logs", "traces"]))
  .option("--colour [when]");
program.command("hidden", { hidden: true });
const pki = program
  .command("pki")
  .option("--all")
  .action(() => {});
pki.command("show").description("show").option("--json");
pki.command("renew").argument("[node...]");

const sources: ValueSources = { node: async () => ["node1", "node2"], service: async () => ["gateway", "haproxy"] };

/** What could stand at the end of the line; words are told apart by single spaces. */
async function at(line: string): Promise<string> {
  const found = await candidates(program, line.split(" "), sources);
  return found === "files" ? found : found.map(({ word }) => word).join(" ");
}

test.each([
  ["", "up logs read pki"],
  ["l", "logs"],
  ["x", ""],
  ["-", "--help"],
  ["hidden ", ""],
  ["up ", "node1 node2"],
  ["up node1 ", "node2"],
  ["up node1 --ch", "--check"],
  ["up --", "--wait --check --help"],
  ["up --check --", "--wait --help"],
  ["up --check ", "node1 node2"],
  ["up --wait ", ""],
  ["up --wait --", ""],
  ["up --wait 10m n", "node1 node2"],
  ["up -- --", ""],
  ["up -- n", "node1 node2"],
  ["logs ", "gateway haproxy"],
  ["logs -f ga", "gateway"],
  ["logs --node ", "node1 node2"],
  // Commander takes what follows for more nodes, and so must this.
  ["logs --node node1 ", "node1 node2"],
  ["logs --node node1 --f", "--follow"],
  ["logs -n node1 -f ", "gateway haproxy"],
  ["logs --node=node1 ", "gateway haproxy"],
  ["logs --node=n", "--node=node1 --node=node2"],
  ["logs --follow=", ""],
  ["read ", "files"],
  ["read a ", "long short"],
  ["read a long ", ""],
  ["read --signal ", "logs traces"],
  ["read --signal=t", "--signal=traces"],
  ["read --colour --s", "--signal"],
  ["pki ", "show renew"],
  ["pki show --", "--json --help"],
  ["pki renew n", "node1 node2"],
  ["pki --all r", "renew"],
  ["nope ", ""],
])("%j", async (line, expected) => {
  expect(await at(line)).toBe(expected);
});

test("says of verbs and options what the help says", async () => {
  expect(await candidates(program, ["u"], sources)).toEqual([{ word: "up", about: "deploy" }]);
});

describe("of the real command line", () => {
  const real = commandLine(() => expect.fail("nothing was asked"));

  test("offers every verb of the help, and not the one that the shell asks", async () => {
    const found = await candidates(real, [""], {});
    const words = found === "files" ? [] : found.map(({ word }) => word);
    expect(words).toEqual(
      real
        .createHelp()
        .visibleCommands(real)
        .map((verb) => verb.name()),
    );
    expect(words).toEqual(expect.arrayContaining(["init", "up", "pki", "completion"]));
  });

  test.each(["up", "down", "status", "health", "pki renew", "logs --node"])("offers nodes after %s", async (line) => {
    const found = await candidates(real, [...line.split(" "), ""], sources);
    expect(found).toEqual(expect.arrayContaining([{ word: "node1" }, { word: "node2" }]));
  });

  test("offers files for those of the compose stack, and nothing for what only a person knows", async () => {
    expect(await candidates(real, ["init", "--from-env", ""], sources)).toBe("files");
    for (const line of ["init --node ", "init --name ", "up --wait "])
      expect(await candidates(real, line.split(" "), sources)).toEqual([]);
  });
});

describe("words of a fleet", () => {
  const wordsOf = (definition: object) => {
    const folder = temporaryFolder({ "fleet.mjs": `export default ${JSON.stringify(definition)};` });
    return fleetWords({ folder, environment: { MIRADOR_FLEET: "fleet.mjs" } });
  };
  const nodes = [1, 2, 3].map((number) => ({ name: `node${number}`, address: `10.0.0.1${number}` }));

  test("are its nodes, its services and jobs, without a secret", async () => {
    const words = wordsOf({ nodes, layouts: { metrics: "single" } });
    expect(await words.node?.()).toEqual(["node1", "node2", "node3"]);
    const services = (await words.service?.()) ?? [];
    expect(services).toEqual(expect.arrayContaining(["gateway", "haproxy", "vmsingle", "vmagent", "prepare"]));
    expect(services).not.toContain("vmstorage");
    expect(new Set(services).size).toBe(services.length);
  });

  test("are those of a single node, behind TLS too", async () => {
    const words = wordsOf({ nodes: nodes.slice(0, 1), haproxy: { tls: { certificatePath: "nowhere.pem" } } });
    expect(await words.service?.()).toContain("vmstorage");
  });

  test.each([[{ nodes: [{}] }], [{ nodes: [] }]])("are none where the fleet cannot be used: %j", async (definition) => {
    const words = wordsOf(definition);
    expect([await words.node?.(), await words.service?.()]).toEqual([[], []]);
  });
});
