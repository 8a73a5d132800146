import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { moduleProblems } from "../../inputs/module-problem";
import { ROOT, temporaryFolder } from "../support/folders";

/** What a person sees: the program itself, by the loader that it runs with. */
function synth(files: Readonly<Record<string, string>>, fleet: string): string {
  const folder = temporaryFolder(files);
  const { PATH, HOME } = process.env;
  const { stderr, status } = spawnSync(
    process.execPath,
    ["--import", join(ROOT, "node_modules/tsx/dist/loader.mjs"), join(ROOT, "main.ts")],
    { cwd: folder, env: { PATH, HOME, MIRADOR_FLEET: fleet }, encoding: "utf8" },
  );
  expect(status, stderr).toBe(65);
  expect(stderr).not.toContain("loader.mjs");
  return stderr.replaceAll(`${folder}/`, "");
}

const MISSING_COMMA = 'export default {\n  nodes: [{ name: "node1" address: "10.0.0.11" }],\n};\n';

test("a syntax error is told with its line and column, and the line itself", () => {
  expect(synth({ "fleet.ts": MISSING_COMMA }, "fleet.ts")).toContain(
    [
      "error fleet/module-syntax",
      '  what   Expected "}" but found "address": nodes: [{ name: "node1" address: "10.0.0.11" }],',
      "  where  fleet.ts:2:27",
    ].join("\n"),
  );
});

test("so is one in a file that the fleet imports", () => {
  const files = { "fleet.ts": 'import nodes from "./nodes";\nexport default nodes;\n', "nodes.ts": MISSING_COMMA };
  expect(synth(files, "fleet.ts")).toContain("  where  nodes.ts:2:27");
});

test("so is one of a CommonJS module", () => {
  const text = synth({ "fleet.cjs": "module.exports = {\n  a: 1 b: 2,\n};\n" }, "fleet.cjs");
  expect(text).toContain("error fleet/module-syntax");
  expect(text).toMatch(/where {2}fleet\.cjs:2:8/);
  expect(text).toContain("a: 1 b: 2,");
});

test("what a fleet throws is told with the line that threw it", () => {
  const text = synth({ "fleet.ts": "export const one = 1;\n\nexport default { nodes: nowhere };\n" }, "fleet.ts");
  expect(text).toContain("nowhere is not defined (fleet.ts:3:25: export default { nodes: nowhere };)");
  expect(text).toContain("where  environment MIRADOR_FLEET");
});

test("several syntax errors of one file are told at once", () => {
  const folder = temporaryFolder({ "fleet.ts": "one\ntwo\nthree\n" });
  const path = join(folder, "fleet.ts");
  const error = new Error(`Transform failed with 2 errors:\n${path}:1:0: ERROR: first\n${path}:3:4: ERROR: second`);
  expect(moduleProblems(error, { path, folder, where: "fleet.ts" })).toMatchObject([
    { what: "first: one", where: "fleet.ts:1:1" },
    { what: "second: three", where: "fleet.ts:3:5" },
  ]);
});
