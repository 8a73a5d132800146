import { execFileSync, spawnSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { completionScript, SHELLS } from "../../../cli/completion/scripts";
import { ROOT, temporaryFolder } from "../../support/folders";

/** A checkout in a folder whose name a shell could take apart. */
function checkout(): string {
  const folder = join(temporaryFolder({ "it's $HOME/x": "" }), "it's $HOME");
  for (const name of ["cli", "lib", "inputs", "images", "node_modules"])
    symlinkSync(join(ROOT, name), join(folder, name));
  const nodes = [1, 2].map((number) => ({ name: `node${number}`, address: `10.0.0.1${number}` }));
  writeFileSync(join(folder, "fleet.mjs"), `export default ${JSON.stringify({ nodes })};`);
  return folder;
}

function run(shell: string, parameters: readonly string[], script: string): string {
  const environment = {
    PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
    MIRADOR_FLEET: "fleet.mjs",
  };
  const { stdout, stderr, status } = spawnSync(shell, [...parameters, script], {
    ...{ cwd: "/", encoding: "utf8", env: { ...environment, HOME: temporaryFolder(), TERM: "dumb" } },
  });
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  return stdout;
}

const isThere = (shell: string): boolean => spawnSync(shell, ["-c", "exit 0"]).status === 0;

/** As bash calls a completion: words are cut at "=" too, and only what is behind it is replaced. */
const BASH_LINES: readonly (readonly [line: string, words: string, expected: string])[] = [
  ["mirador sta", "mirador sta", "status"],
  // The cursor stands within the word.
  ["mirador sta", "mirador status", "status"],
  ["mirador up ", "mirador up ''", "node1 node2"],
  ["mirador up node1 ", "mirador up node1 ''", "node2"],
  ["mirador repair --signal=", "mirador repair --signal =", "logs traces"],
  ["mirador repair --signal=l", "mirador repair --signal = l", "logs"],
  ["mirador logs $(touch pwned) gat", "mirador logs gat", "gateway"],
  ["mirador init --from-env ", "mirador init --from-env ''", ""],
];

describe.skipIf(!isThere("bash"))("bash", () => {
  test("completes, from any folder, read once or twice", { timeout: 120_000 }, () => {
    const folder = checkout();
    const read = completionScript("bash", folder);
    const calls = BASH_LINES.map(([line, words]) => {
      const at = `COMP_LINE='${line}' COMP_POINT=${line.length} COMP_WORDS=(${words})`;
      return `${at}; COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _mirador; echo "\${COMPREPLY[*]}"`;
    });
    const said = run("bash", ["--norc", "-c"], [read, read, "complete -p mirador", ...calls].join("\n"));
    expect(said.split("\n")).toEqual(["complete -F _mirador mirador", ...BASH_LINES.map(([, , words]) => words), ""]);
  });

  test("takes paths from where it was typed", () => {
    const place = temporaryFolder({ "mine/x": "" });
    const typed = `cd '${place}/mine'; mirador images load ../x.tar 2>&1; echo`;
    const said = run("bash", ["--norc", "-c"], [completionScript("bash", checkout()), typed].join("\n"));
    expect(said).toContain(`there is no ${place}/x.tar`);
  });

  test("runs mirador of that checkout, and hands its exit status on", () => {
    const said = run("bash", ["--norc", "-c"], `${completionScript("bash", checkout())}mirador nope 2>&1; echo $?`);
    expect(said).toMatch(/unknown command 'nope'[\s\S]*\n64\n$/);
  });

  test("says nothing where the fleet cannot be read", () => {
    const folder = checkout();
    writeFileSync(join(folder, "fleet.mjs"), "throw new Error('loud');");
    expect(run("bash", ["--norc", "-c"], `${completionScript("bash", folder)}mirador __complete -- up ''`)).toBe("");
  });
});

describe.skipIf(!isThere("zsh"))("zsh", () => {
  test("completes", { timeout: 60_000 }, () => {
    const read = completionScript("zsh", checkout());
    const call = 'compadd() { print -r -- "$found" }; words=(mirador up no) CURRENT=3; _mirador';
    expect(run("zsh", ["-f", "-c"], `compdef() { : }\n${read}\n${call}`)).toBe("node1 node2\n");
  });
});

describe.skipIf(!isThere("fish"))("fish", () => {
  test("completes", { timeout: 60_000 }, () => {
    const read = completionScript("fish", checkout());
    const said = run("fish", ["--no-config", "-c"], `${read}\ncomplete -C 'mirador up no'\ncomplete -C 'mirador sta'`);
    expect(said).toMatch(/^node1\nnode2\nstatus\t.*\n$/);
  });
});

test.each(SHELLS)("%s: the command prints the script of the folder it runs in", (shell) => {
  const tsx = join(ROOT, "node_modules/.bin/tsx");
  const printed = execFileSync(tsx, ["cli/mirador.ts", "completion", shell], { cwd: ROOT, encoding: "utf8" });
  expect(printed).toBe(completionScript(shell, ROOT));
});
