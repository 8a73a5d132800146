import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CliError, EXIT } from "../../../cli/failure";
import { init } from "../../../cli/init/run";
import { madeJson, tellMade } from "../../../cli/init/told";
import type { Asked } from "../../../cli/init/wanted";
import { commandLine } from "../../../cli/mirador";
import { Progress } from "../../../cli/progress";
import { loadFleet } from "../../../inputs/load-fleet";
import { LIST, node, textOf } from "../../support/env-files";
import { ROOT, temporaryFolder } from "../../support/folders";
import { codesOf, problemsOfPromise } from "../../support/problems";

const NOW = new Date("2030-06-01T00:00:00Z");
const TWO = ["node1=10.0.0.11", "node2=10.0.0.12@ssh://deploy@10.0.0.12"];
const PASSWORD = ".mirador/secrets/stats-password";
const UNTOUCHED = readFileSync(join(ROOT, "README.md"), "utf8").match(
  /## Your own fleet[\s\S]*?```ts\n([\s\S]*?)```/,
)?.[1];

function checkout(files: Readonly<Record<string, string>> = {}): string {
  const folder = temporaryFolder(files);
  for (const name of ["lib", "inputs"]) symlinkSync(join(ROOT, name), join(folder, name));
  return folder;
}

async function run(folder: string, asked: Partial<Asked> = {}, environment: Readonly<Record<string, string>> = {}) {
  const machine = { addresses: ["10.0.0.13"], now: NOW };
  const made = await init({ folder, environment }, { nodes: [], envFiles: [], ...asked }, machine);
  let text = "";
  const write = (more: string): void => {
    text += more;
  };
  tellMade(made, folder, new Progress({ out: { write }, environment: {} }));
  return { made, text, json: JSON.parse(madeJson(made)) };
}

const textIn = (folder: string, file = "fleet.ts"): string => readFileSync(join(folder, file), "utf8");
const modeOf = (folder: string, file: string): number => statSync(join(folder, file)).mode & 0o777;
const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => !/^(lib|inputs)/.test(file));

describe("without options", () => {
  test("makes node1 on this machine, and its password", async () => {
    const folder = checkout();
    const { text, made } = await run(folder);
    expect(textIn(folder)).toBe(UNTOUCHED);
    expect(made.fleet.nodes).toEqual([{ name: "node1", address: "127.0.0.1", docker: { kind: "unix" }, pulls: true }]);
    expect([modeOf(folder, PASSWORD), modeOf(folder, ".mirador/secrets")]).toEqual([0o600, 0o700]);
    expect(text).toBe(
      [
        "fleet        fleet.ts written: fleet mirador of 1 node",
        "             node1 at 127.0.0.1, this machine's Docker engine",
        `secrets      password of the stats page generated, in ${PASSWORD}`,
        "",
        "next: npm run mirador -- doctor  looks at everything that a deploy needs",
        "      npm run mirador -- up      deploys the fleet",
        "",
      ].join("\n"),
    );
  });

  test("keeps a fleet that a person wrote, and makes what that one needs", async () => {
    const own =
      'export default { name: "mine", nodes: [{ name: "a", address: "10.0.0.1" }, { name: "b", address: "10.0.0.2" }] };\n';
    const folder = checkout({ "fleet.ts": own });
    const { text } = await run(folder);
    expect(textIn(folder)).toBe(own);
    expect(text).toContain("fleet.ts kept, as you wrote it: fleet mine of 2 nodes");
    expect(readdirSync(join(folder, ".mirador/pki/mine"))).toEqual(["a.pem", "b.pem", "ca.crt", "ca.key"]);
  });
});

describe("with nodes", () => {
  test("writes them, and makes their certificates", async () => {
    const folder = checkout({ "fleet.ts": UNTOUCHED ?? "" });
    const { text, json } = await run(folder, { nodes: [...TWO, "node3=10.0.0.13"], name: "shop" });
    const { name, nodes } = await loadFleet(folder, {});
    expect([name, ...nodes.map(({ docker }) => docker)]).toEqual([
      "shop",
      { kind: "ssh", host: "10.0.0.11" },
      { kind: "ssh", host: "10.0.0.12", user: "deploy" },
      // Its address is this machine's.
      { kind: "unix" },
    ]);
    expect(text).toContain("fleet.ts written: fleet shop of 3 nodes");
    expect(text).toContain("certificates of node1, node2, node3 in\n");
    expect(modeOf(folder, ".mirador/pki/shop/ca.key")).toBe(0o600);
    expect(modeOf(folder, "fleet.ts")).toBe(0o644);
    expect(json).toEqual({
      fleet: {
        ...{ name: "shop", file: "fleet.ts", written: true, differs: false },
        nodes: [
          { name: "node1", address: "10.0.0.11", engine: "ssh://10.0.0.11" },
          { name: "node2", address: "10.0.0.12", engine: "ssh://deploy@10.0.0.12" },
          { name: "node3", address: "10.0.0.13", engine: "unix://" },
        ],
      },
      password: { where: PASSWORD, made: true },
      certificates: { folder: join(folder, ".mirador/pki/shop"), ca: true, nodes: ["node1", "node2", "node3"] },
      next: ["npm run mirador -- doctor", "npm run mirador -- up"],
    });
  });

  test("changes nothing the second time, and says so; the password is never told", async () => {
    const folder = checkout();
    const first = await run(folder, { nodes: TWO });
    const before = filesIn(folder).map((file) => [file, statSync(join(folder, file)).mtimeMs]);
    const again = await run(folder, { nodes: TWO });
    expect(filesIn(folder).map((file) => [file, statSync(join(folder, file)).mtimeMs])).toEqual(before);
    expect(again.text.match(/kept/g)).toHaveLength(3);
    for (const { text, json } of [first, again])
      expect(text + JSON.stringify(json)).not.toContain(textIn(folder, PASSWORD).trim());
  });

  test("keeps another fleet that a person wrote, and says that it is another one", async () => {
    const own = 'export default { nodes: [{ name: "mine", address: "10.0.0.1" }] };\n';
    const folder = checkout({ "fleet.ts": own });
    const { text, json } = await run(folder, { nodes: TWO });
    expect(textIn(folder)).toBe(own);
    expect(text.replaceAll(/\s+/g, " ")).toContain(
      "fleet.ts kept: fleet mirador of 1 node, another one than was asked for; to have that written, move",
    );
    expect(json.fleet).toMatchObject({ written: false, differs: true, nodes: [{ name: "mine" }] });
    expect(existsSync(join(folder, ".mirador/pki"))).toBe(false);
  });

  test("writes the file that MIRADOR_FLEET names, and names it in what comes next", async () => {
    const folder = checkout();
    const { text } = await run(folder, { nodes: TWO }, { MIRADOR_FLEET: "fleets/shop.ts" });
    expect(textIn(folder, "fleets/shop.ts")).toContain('from "../lib";');
    expect(text).toContain("next: MIRADOR_FLEET=fleets/shop.ts npm run mirador -- doctor");
    expect(filesIn(folder)).not.toContain("fleet.ts");
  });

  test("keeps a fleet of another language", async () => {
    const folder = checkout({ "fleet.mjs": 'export default { nodes: [{ name: "mine", address: "10.0.0.1" }] };\n' });
    const { text } = await run(folder, {}, { MIRADOR_FLEET: "fleet.mjs" });
    expect(text).toContain("fleet.mjs kept, as you wrote it: fleet mirador of 1 node");
  });

  test("takes a password that is there already", async () => {
    const folder = checkout();
    const { text } = await run(folder, {}, { HAPROXY_STATS_PASS: "correct-horse-battery" });
    expect(text).toContain("password of the stats page kept: HAPROXY_STATS_PASS");
    expect(existsSync(join(folder, ".mirador"))).toBe(false);
  });
});

describe("with files of the compose stack", () => {
  const env = (number: number, more: Readonly<Record<string, string>> = {}) =>
    textOf({ NODE_NAME: `node${number}`, NODE_IP: `10.0.0.${10 + number}`, ...LIST, ...more });
  const PASS = { HAPROXY_STATS_PASS: "correct-horse-battery" };
  const three = () => checkout({ one: env(1, PASS), two: env(2), three: env(3) });
  const paths = (folder: string) => ["one", "two", "three"].map((file) => join(folder, file));

  test("writes a fleet that reads them, with the engines that were named", async () => {
    const folder = three();
    const { text } = await run(folder, { envFiles: paths(folder), nodes: ["node2@prod"], name: "shop" });
    const { name, nodes, haproxy } = await loadFleet(folder, {});
    expect([name, ...nodes.map(({ docker }) => docker)]).toEqual([
      "shop",
      { kind: "ssh", host: "10.0.0.11" },
      { kind: "context", name: "prod" },
      { kind: "unix" },
    ]);
    expect(haproxy.statsPasswordEnvFile).toBe(join(folder, "one"));
    expect(text).toContain("password of the stats page kept: HAPROXY_STATS_PASS of");
    expect(text).not.toContain("first:");
    expect(existsSync(join(folder, PASSWORD))).toBe(false);
  });

  test("says whose data is in folders that the files name", async () => {
    const folder = checkout({ one: textOf(node(1, {})), two: textOf(node(2, {})) });
    const { text } = await run(folder, { envFiles: paths(folder).slice(0, 2) });
    expect(text).toContain("first: /srv/vm, /srv/vl, /srv/vt hold the old stack's data");
    expect(textIn(folder)).toContain("// storagePaths:");
  });

  test.each([
    [["node4@prod"], "fleet/unknown-node"],
    [["node1=10.0.0.99"], "init/node-invalid"],
  ])("fails with 64 for %j, which the files do not have", async (nodes, code) => {
    const folder = three();
    const error = await run(folder, { envFiles: paths(folder), nodes }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ exitCode: EXIT.usage, troubles: [{ code }] });
    expect(filesIn(folder).toSorted()).toEqual(["one", "three", "two"]);
  });

  test("fails for what is wrong in the files, once, before anything is made", async () => {
    const folder = checkout({ one: env(1, { VM_RETENTION: "30" }), two: env(2, { VL_RETENTON: "3d" }), three: env(3) });
    const problems = await problemsOfPromise(run(folder, { envFiles: paths(folder) }));
    const codes = codesOf(problems).map(([code]) => code);
    expect(codes).toContain("env/variable-unknown");
    expect(codes).toContain("fleet/retention-invalid");
    expect(new Set(problems.map((problem) => JSON.stringify(problem))).size).toBe(problems.length);
    expect(filesIn(folder).toSorted()).toEqual(["one", "three", "two"]);
  });
});

describe("fails before anything is made", () => {
  test("for what was typed wrong, with 64", async () => {
    const folder = checkout();
    const error = await run(folder, { nodes: ["Node1=10.0.0.11"] }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CliError);
    expect(error).toMatchObject({ exitCode: EXIT.usage });
    expect(filesIn(folder)).toEqual([]);
  });

  test("for a fleet that is kept and cannot be used", async () => {
    const folder = checkout({ "fleet.ts": "export default { nodes: [{}] };\n" });
    expect(codesOf(await problemsOfPromise(run(folder)))[0]?.[0]).toBe("fleet/name-invalid");
    expect(filesIn(folder)).toEqual(["fleet.ts"]);
  });

  test("for variables, a password and certificates that cannot be used, all at once", async () => {
    const folder = checkout({ [PASSWORD]: "correct-horse-battery", ".mirador/pki/mirador/node1.pem": "none" });
    chmodSync(join(folder, PASSWORD), 0o644);
    const problems = await problemsOfPromise(run(folder, { nodes: TWO }));
    expect(codesOf(problems).map(([code]) => code)).toEqual([
      "secret/readable-by-others",
      "mesh/certificate-unreadable",
    ]);
    expect(existsSync(join(folder, "fleet.ts"))).toBe(false);
    expect(codesOf(await problemsOfPromise(run(checkout(), {}, { VM_RETENTION: "30" })))).toEqual([
      ["fleet/retention-invalid", "environment VM_RETENTION"],
    ]);
  });

  test("for certificates that are missing where the fleet was deployed already", async () => {
    const folder = checkout({ ".mirador/state/node1.tfstate": "{}" });
    const [problem] = await problemsOfPromise(run(folder, { nodes: TWO }));
    expect(problem?.code).toBe("mesh/certificate-missing");
    expect(existsSync(join(folder, "fleet.ts"))).toBe(false);
  });

  test("for a name in MIRADOR_FLEET that is none of TypeScript", async () => {
    const error = await run(checkout(), {}, { MIRADOR_FLEET: "fleet.mjs" }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ exitCode: EXIT.usage, troubles: [{ code: "init/module-name" }] });
  });
});

test("help says what is made and how a node is written", async () => {
  let text = "";
  const program = commandLine(
    () => expect.fail("nothing was asked"),
    (more) => {
      text += more;
    },
  );
  expect(() => program.parse(["init", "--help"], { from: "user" })).toThrow("outputHelp");
  await expect(text).toMatchFileSnapshot("../__fixtures__/init-help.txt");
});
