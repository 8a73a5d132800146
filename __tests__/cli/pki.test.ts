import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Command, CommanderError } from "commander";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CliError, EXIT } from "../../cli/failure";
import { commandLine } from "../../cli/mirador";
import { type PkiArguments, runPki } from "../../cli/pki";
import { outcomeOf } from "../../cli/session";
import { addPki } from "../../cli/verbs/pki";
import { ProblemError } from "../../lib/problem";
import { ROOT, temporaryFolder } from "../support/folders";
import { contentsOf, type FolderContents, fillFolder, madePki, TWO } from "../support/pki";

const NOW = new Date("2030-06-01T00:00:00Z");

/** What the words after `mirador pki` ask for. @throws CommanderError */
function asked(argv: readonly string[]): PkiArguments | undefined {
  let parsed: PkiArguments | undefined;
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addPki(program, (one) => {
    parsed = one;
  });
  program.parse(["pki", ...argv], { from: "user" });
  return parsed;
}

/** What `mirador pki` says to words that ask for nothing. */
function said(...argv: string[]): { readonly text: string; readonly exitCode: number } {
  let text = "";
  const hear = (more: string): void => {
    text += more;
  };
  const program = commandLine(() => expect.fail("it was understood"), hear, hear);
  try {
    program.parse(["pki", ...argv], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return { text, exitCode: outcomeOf(error).exitCode };
    throw error;
  }
  return expect.fail("it said nothing");
}

describe("the command line", () => {
  test.each<[string[], PkiArguments]>([
    [[], { action: "make" }],
    [["show"], { action: "show", json: false }],
    [["show", "--json"], { action: "show", json: true }],
    [["renew"], { action: "renew", choice: "due" }],
    [["renew", "node1", "node2"], { action: "renew", choice: ["node1", "node2"] }],
    [["renew", "--all"], { action: "renew", choice: "all" }],
    [["rotate-ca"], { action: "rotate-ca", step: "begin" }],
    [["rotate-ca", "--issue"], { action: "rotate-ca", step: "issue" }],
    [["rotate-ca", "--finish"], { action: "rotate-ca", step: "finish" }],
  ])("%j is understood", (argv, expected) => {
    expect(asked(argv)).toEqual(expected);
  });

  test.each([
    [["--nope"]],
    [["make"]],
    [["show", "node1"]],
    [["renew", "node1", "--all"]],
    [["rotate-ca", "--issue", "--finish"]],
    [["rotate-ca", "node1"]],
  ])("fails with 64 on %j, and says where help is", (argv) => {
    const { exitCode, text } = said(...argv);
    expect(exitCode).toBe(EXIT.usage);
    expect(text).toContain("mirador --help");
  });

  test("suggests the command that an unknown word is like", () => {
    expect(said("shwo").text).toMatch(/unknown command 'shwo'\n\(Did you mean show\?\)/);
    expect(said("rotate-cert").text).toContain("(Did you mean rotate-ca?)");
  });

  test.each(["", "renew", "rotate-ca"])("helps: %s", async (command) => {
    const { exitCode, text } = said(...command.split(" ").filter(Boolean), "--help");
    expect(exitCode).toBe(EXIT.ok);
    await expect(text).toMatchFileSnapshot(`./__fixtures__/pki-help${command && `-${command}`}.txt`);
  });

  test.each([
    ["wrong usage", new CommanderError(1, "commander.unknownOption", "unknown"), EXIT.usage],
    ["help", new CommanderError(0, "commander.helpDisplayed", "help"), EXIT.ok],
    ["a broken world", new CliError({ code: "a/b", what: "w", fix: "f" }), EXIT.failed],
    ["a problem", new ProblemError([]), EXIT.wrongFleet],
    ["a bug", new TypeError("x is not a function"), EXIT.failed],
  ])("%s has its own exit status", (_, error, exitCode) => {
    expect(outcomeOf(error).exitCode).toBe(exitCode);
  });
});

let made: FolderContents;
let checkout: string;
let folder: string;
beforeAll(async () => {
  made = await madePki(TWO, NOW);
});
beforeEach(() => {
  checkout = temporaryFolder();
  folder = join(checkout, ".mirador/pki/alpha");
});

async function pki(argv: string, { fleet = TWO, now = NOW } = {}): Promise<{ lines: string[]; exitCode: number }> {
  const lines: string[] = [];
  const print = (line: string): void => {
    lines.push(...line.split("\n"));
  };
  try {
    const parsed = asked(argv.split(" ").filter(Boolean)) ?? expect.fail("nothing was asked");
    return { exitCode: await runPki(parsed, { folder: checkout, fleet, now, print }), lines };
  } catch (error) {
    const { text, exitCode } = outcomeOf(error);
    return { lines: [...lines, ...text.split("\n")], exitCode };
  }
}

/** Cells of the table, by the first one of each row. */
function rows(lines: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const start = lines.findIndex((line) => line.startsWith("who "));
  const end = lines.findIndex((line, at) => at > start && !/^(ca|ca, new|node\d) /.test(line));
  const table = lines.slice(start + 1, end === -1 ? undefined : end);
  return Object.fromEntries(table.map((line) => line.split(/ {2,}/)).map(([who, ...cells]) => [who, cells]));
}

describe("without a command", () => {
  test("makes what is missing and shows it", async () => {
    const { lines, exitCode } = await pki("");
    expect(exitCode).toBe(EXIT.ok);
    expect(lines.slice(0, 4)).toEqual([
      "made the authority of the mesh and certificates of node1, node2",
      `keep a copy of ${folder}: without ca.key no certificate can be issued`,
      "",
      `fleet alpha, ${folder}`,
    ]);
    const table = rows(lines);
    const fingerprint = expect.stringMatching(/^([0-9A-F]{2}:){7}[0-9A-F]{2}$/);
    expect(table).toEqual({
      ca: ["2040-06-01", "3653", fingerprint, "-"],
      node1: ["2031-06-01", "365", fingerprint, "node1.mesh, *.node1.mesh, 10.0.0.11"],
      node2: ["2031-06-01", "365", fingerprint, "node2.mesh, *.node2.mesh, 10.0.0.12"],
    });
    expect(table.node1?.[2]).toBe(table.ca?.[2]);
  });

  test("changes nothing where everything is there", async () => {
    fillFolder(folder, made);
    const { lines, exitCode } = await pki("");
    expect([lines[0], exitCode]).toEqual(["everything is there; nothing was made", EXIT.ok]);
    expect(contentsOf(folder)).toEqual(made);
  });

  test("shows what it cannot mend, with 65", async () => {
    fillFolder(folder, made);
    const moved = { ...TWO, nodes: [...TWO.nodes.slice(0, 1), { name: "node2", address: "10.9.9.9" }] };
    const { lines, exitCode } = await pki("", { fleet: moved });
    expect(exitCode).toBe(EXIT.wrongFleet);
    expect(lines).toContain("error mesh/certificate-other-name");
    expect(lines).toContain("  fix    npm run mirador -- pki renew node2");
    expect(lines.join("\n")).not.toContain("nothing was changed");
  });

  test("makes nothing in a folder that somebody else fills, and shows it", async () => {
    mkdirSync(join(checkout, "own"));
    const { lines, exitCode } = await pki("", { fleet: { ...TWO, mesh: { certificatesFolder: "own" } } });
    expect(exitCode).toBe(EXIT.wrongFleet);
    expect(lines[0]).toBe("the certificates come from your own authority; nothing to make");
    expect(lines).toContain("error mesh/certificate-missing");
    expect(readdirSync(join(checkout, "own"))).toEqual([]);
  });
});

describe("show", () => {
  test("changes nothing, and fails where nothing is", async () => {
    const { lines, exitCode } = await pki("show");
    expect(exitCode).toBe(EXIT.wrongFleet);
    expect(rows(lines)).toEqual({ ca: ["-", "-", "-", "-"], node1: ["-", "-", "-", "-"], node2: ["-", "-", "-", "-"] });
    expect(lines).toContain("error mesh/certificate-missing");
    expect(readdirSync(checkout)).toEqual([]);
  });

  test("warns of what ends soon, and tells what has ended", async () => {
    fillFolder(folder, made);
    const soon = await pki("show", { now: new Date("2031-05-20T00:00:00Z") });
    expect(soon.exitCode).toBe(EXIT.ok);
    expect(soon.lines).toContainEqual(expect.stringMatching(/^warning the certificate of node1 .* renew node1, then/));
    const late = await pki("show", { now: new Date("2031-06-02T00:00:00Z") });
    expect(late.exitCode).toBe(EXIT.wrongFleet);
    expect(rows(late.lines).node1?.[1]).toBe("expired");
  });

  test("has a form for programs, which is JSON and nothing else", async () => {
    fillFolder(folder, made);
    rmSync(join(folder, "node2.pem"));
    const { lines, exitCode } = await pki("show --json");
    expect(exitCode).toBe(EXIT.wrongFleet);
    const shown = JSON.parse(lines.join("\n"));
    expect(shown).toMatchObject({ fleet: "alpha", folder, caChange: "none" });
    const [ca, node1, node2] = shown.certificates;
    expect(node1).toEqual({
      who: "node1",
      path: join(folder, "node1.pem"),
      fingerprint: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
      validUntil: "2031-06-01T00:00:00.000Z",
      daysLeft: 365,
      names: ["node1.mesh", "*.node1.mesh", "10.0.0.11"],
      issuer: ca.fingerprint,
    });
    expect(node2).toEqual({ who: "node2", path: join(folder, "node2.pem") });
    expect(shown.problems).toMatchObject([{ code: "mesh/certificate-missing", where: join(folder, "node2.pem") }]);
  });

  test("never shows a key", async () => {
    fillFolder(folder, made);
    const keys = Object.values(made).flatMap(
      ({ text }) => text.split("-----BEGIN PRIVATE KEY-----\n")[1]?.slice(0, 40) ?? [],
    );
    expect(keys).toHaveLength(3);
    for (const command of ["show", "show --json", "renew node1"])
      for (const key of keys) expect((await pki(command)).lines.join("\n")).not.toContain(key);
  });
});

describe("renew", () => {
  beforeEach(() => fillFolder(folder, made));

  test("says when nothing is due", async () => {
    expect((await pki("renew")).lines[0]).toBe("no certificate is due; nothing was changed");
    expect(contentsOf(folder)).toEqual(made);
  });

  test("says what was renewed, where the old file is and what comes next", async () => {
    const { lines, exitCode } = await pki("renew node2", { now: new Date("2030-07-01T00:00:00Z") });
    expect(exitCode).toBe(EXIT.ok);
    expect(lines.slice(0, 2)).toEqual([
      "new certificates for node2; the old files are beside them, as <node>.pem.previous",
      "next: npx cdktf deploy node2",
    ]);
    expect(rows(lines).node2?.[0]).toBe("2031-07-01");
    expect(rows(lines).node1?.[0]).toBe("2031-06-01");
  });

  test("fails for a node that is not there, before anything was changed", async () => {
    const { lines, exitCode } = await pki("renew node1 node7");
    expect(exitCode).toBe(EXIT.usage);
    expect(lines).toContain("error pki/unknown-node");
    expect(lines).toContain("  fix    did you mean node1? name some of: node1 node2");
    expect(contentsOf(folder)).toEqual(made);
  });
});

describe("rotate-ca", () => {
  beforeEach(() => fillFolder(folder, made));
  const next = (lines: readonly string[]) => lines.find((line) => line.includes("next: "));

  test("goes through its steps and says each time what comes next", async () => {
    const begun = await pki("rotate-ca");
    expect(begun.lines[0]).toBe("step 1 of 3: there is another authority, and ca.crt holds both");
    expect(next(begun.lines)).toMatch(
      /deploy every node.*npx cdktf deploy node1 node2; then npm run mirador -- pki rotate-ca --i/,
    );
    expect(rows(begun.lines).node1?.[2]).toBe(rows(begun.lines).ca?.[2]);
    const issued = await pki("rotate-ca --issue");
    expect(issued.lines[0]).toBe("step 2 of 3: the new authority issued certificates for node1, node2");
    expect(next(issued.lines)).toMatch(
      /deploy every node.*npx cdktf deploy node1 node2; then npm run mirador -- pki rotate-ca --f/,
    );
    expect(rows(issued.lines).node1?.[2]).toBe(rows(issued.lines)["ca, new"]?.[2]);
    const finished = await pki("rotate-ca --finish");
    expect(finished.lines[0]).toBe(
      "step 3 of 3: the old authority and its key are gone; ca.crt.previous holds both certificates",
    );
    expect(next(finished.lines)).toMatch(/deploy every node.*npx cdktf deploy node1 node2$/);
    expect(Object.keys(rows(finished.lines))).toEqual(["ca", "node1", "node2"]);
    expect([begun, issued, finished].map(({ exitCode }) => exitCode)).toEqual([EXIT.ok, EXIT.ok, EXIT.ok]);
  });

  test.each(["--issue", "--finish"])("fails for %s out of turn", async (step) => {
    const { lines, exitCode } = await pki(`rotate-ca ${step}`);
    expect(exitCode).toBe(EXIT.wrongFleet);
    expect(lines).toContain("error mesh/rotation-order");
    expect(lines).toContain("  fix    begin with npm run mirador -- pki rotate-ca");
    expect(contentsOf(folder)).toEqual(made);
  });
});

test.each(["", "show", "renew", "rotate-ca"])("fails for a fleet of one node: %s", async (command) => {
  const { lines, exitCode } = await pki(command, { fleet: { ...TWO, nodes: TWO.nodes.slice(0, 1) } });
  expect([lines[0], exitCode]).toEqual(["error pki/no-mesh", EXIT.wrongFleet]);
  expect(readdirSync(checkout)).toEqual([]);
});

describe("as a program", () => {
  const run = async (...argv: string[]) => {
    const tsx = join(ROOT, "node_modules/.bin/tsx");
    const { MIRADOR_FLEET: _, ...env } = process.env;
    const child = promisify(execFile)(tsx, [join(ROOT, "cli/mirador.ts"), "pki", ...argv], { cwd: checkout, env });
    return child.then(
      ({ stdout, stderr }) => ({ stdout, stderr, exitCode: 0 }),
      ({ stdout, stderr, code }) => ({ stdout, stderr, exitCode: code }),
    );
  };

  test("takes its fleet from the variables of .env", async () => {
    writeFileSync(join(checkout, ".env"), "MIRADOR_FLEET=beta.mjs\n");
    const definition = { name: "beta", nodes: TWO.nodes };
    writeFileSync(join(checkout, "beta.mjs"), `export default ${JSON.stringify(definition)};`);
    expect(await run()).toMatchObject({ exitCode: EXIT.ok, stderr: "" });
    expect(readdirSync(join(checkout, ".mirador/pki/beta"))).toEqual(["ca.crt", "ca.key", "node1.pem", "node2.pem"]);
    const { stdout } = await run("show", "--json");
    expect(JSON.parse(stdout).problems).toEqual([]);
  });

  test("fails without a fleet on stderr, with 65", async () => {
    const { exitCode, stdout, stderr } = await run("show", "--json");
    expect([exitCode, stdout]).toEqual([EXIT.wrongFleet, ""]);
    expect(stderr).toContain("error fleet/module-missing");
  });
});
