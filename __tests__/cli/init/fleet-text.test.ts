import { execFileSync } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { definitionText, envFilesText } from "../../../cli/init/fleet-text";
import { DEFAULT_NODES } from "../../../cli/init/wanted";
import type { NodeDefinition } from "../../../lib";
import { ROOT, temporaryFolder } from "../../support/folders";

const place = { folder: "/checkout", path: "/checkout/fleet.ts" };
const local = (number: number): NodeDefinition => ({ name: `node${number}`, address: `10.0.0.1${number}` });
const long = "a-name-of-forty-letters-which-is-the-mos";
const NODES: readonly NodeDefinition[] = [
  { ...local(1), docker: { kind: "ssh", host: "10.0.0.11" } },
  { ...local(2), docker: { kind: "tcp", host: "10.0.0.12", port: 2376, certificatePath: "/etc/mirador/node2" } },
  { ...local(3), docker: { kind: "context", name: "prod" } },
  { ...local(4), name: long, docker: { kind: "ssh", host: "docker.node4.example.org", user: "deploy", port: 2222 } },
  { ...local(5), docker: { kind: "tcp", host: "h", certificatePath: `/etc/${"folder/".repeat(15)}` } },
];
const files = (count: number): string[] => Array.from({ length: count }, (_, i) => `.env.node${i + 1}`);
const none = { engines: {}, namesFolders: false };

const TEXTS: Readonly<Record<string, string>> = {
  "the checkout's own": definitionText(place, { nodes: DEFAULT_NODES }),
  "one node with a name": definitionText(place, { name: "shop", nodes: DEFAULT_NODES }),
  "one node of a long line": definitionText(place, { name: "shop", nodes: NODES.slice(1, 2) }),
  "one node of a longer line": definitionText(place, { name: "shop", nodes: NODES.slice(3, 4) }),
  "one node of the longest line": definitionText(place, { nodes: NODES.slice(4) }),
  "two short nodes": definitionText(place, { nodes: [local(1), local(2)] }),
  "every kind of engine": definitionText(place, { name: long, nodes: NODES }),
  "files alone": envFilesText(place, { ...none, files: files(3) }),
  "one file": envFilesText(place, { ...none, files: files(1), name: "shop" }),
  "many files": envFilesText(place, { ...none, files: files(20), namesFolders: true }),
  "files and an engine": envFilesText(place, { ...none, files: files(2), engines: { node1: { kind: "unix" } } }),
  "files and engines": envFilesText(place, {
    files: files(3),
    name: "shop",
    engines: {
      "node-1": { kind: "context", name: "prod" },
      node2: { kind: "ssh", host: "h" },
      "3rd": { kind: "unix" },
    },
    namesFolders: true,
  }),
};

test.each(Object.entries(TEXTS))("the formatter and the linter find nothing in %s", (_, text) => {
  const biome = join(ROOT, "node_modules/.bin/biome");
  const checked = execFileSync(biome, ["check", "--write", "--stdin-file-path=fleet.ts"], {
    ...{ cwd: ROOT, input: text, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } },
  });
  expect(checked).toBe(text);
});

test("the type checker finds nothing in any of them", { timeout: 120_000 }, () => {
  const folder = temporaryFolder();
  for (const name of ["lib", "inputs", "node_modules"]) symlinkSync(join(ROOT, name), join(folder, name));
  const modules = Object.values(TEXTS).map((text, at) => {
    const path = join(folder, `fleet${at}.ts`);
    writeFileSync(path, text);
    return path;
  });
  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: modules }, ts.sys, folder);
  const program = ts.createProgram(modules, { ...options, preserveSymlinks: false });
  const found = ts.getPreEmitDiagnostics(program);
  expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
});

test("says the README's first fleet, which the checkout comes with, word for word", () => {
  const [, code] =
    /## Your own fleet[\s\S]*?```ts\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, "README.md"), "utf8")) ?? [];
  expect(code).toBe(TEXTS["the checkout's own"]);
});

test.each([
  ["fleets/shop.ts", "../lib"],
  ["a/b/shop.ts", "../../lib"],
  ["../shop.ts", "./checkout/lib"],
  ["../other/shop.ts", "../checkout/lib"],
])("a module at %s imports from %s", (path, from) => {
  const text = definitionText({ folder: "/checkout", path: join("/checkout", path) }, { nodes: DEFAULT_NODES });
  expect(text).toContain(`from "${from}";`);
});
