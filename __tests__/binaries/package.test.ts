import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PASSWORD } from "../support/fleets";
import { ROOT } from "../support/folders";

/** What the package is made from; a copy, because packing builds and would write into the checkout. */
const SOURCES = [
  "lib",
  "constructs",
  "inputs",
  "index.ts",
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "README.md",
  "CHANGELOG.md",
  "LICENSE",
];

let work: string;
let outside: string;
let packed: readonly string[];
const npm = (cwd: string, ...parameters: string[]): string =>
  execFileSync("npm", parameters, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "mirador-package-"));
  const checkout = join(work, "checkout");
  mkdirSync(checkout);
  for (const source of SOURCES) cpSync(join(ROOT, source), join(checkout, source), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(checkout, "node_modules"));
  const [{ filename = "", files = [] } = {}] = JSON.parse(npm(checkout, "pack", "--json", "--silent")) as {
    filename?: string;
    files?: { path: string }[];
  }[];
  packed = files.map(({ path }) => path);

  outside = join(work, "outside");
  mkdirSync(outside);
  copyFileSync(join(checkout, filename), join(outside, "mirador-stack.tgz"));
  writeFileSync(join(outside, "package.json"), JSON.stringify({ name: "outside", private: true }));
  npm(outside, "install", "./mirador-stack.tgz", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts");
  const program = readFileSync(join(ROOT, "examples", "outside-program.ts"), "utf8");
  writeFileSync(join(outside, "outside-program.ts"), program.replace('"../index"', '"mirador-stack"'));
}, 300_000);

afterAll(() => rmSync(work, { recursive: true, force: true }));

function run(...parameters: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, parameters, {
    cwd: outside,
    encoding: "utf8",
    env: { PATH: process.env.PATH, HOME: process.env.HOME, STATS_PASSWORD: PASSWORD },
  });
  return { status, output: stdout + stderr };
}

test("holds what runs and what is read, and neither tests nor the command line's sources", () => {
  expect(packed.filter((path) => !path.startsWith("dist/")).toSorted()).toEqual([
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "package.json",
  ]);
  expect(packed).toEqual(expect.arrayContaining(["dist/index.js", "dist/index.d.ts", "dist/lib/index.js"]));
  expect(packed.filter((path) => path.startsWith("dist/") && !/\.(js|d\.ts)$/.test(path))).toEqual([]);
});

test("needs an outside program that is short", () => {
  const code = readFileSync(join(outside, "outside-program.ts"), "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("/**"));
  expect(code.length).toBeLessThan(30);
});

describe("an outside program", () => {
  test("compiles against the package's types and, as CommonJS, builds both stacks", () => {
    const types = join(ROOT, "node_modules", "@types");
    const compiler = join(ROOT, "node_modules", "typescript", "bin", "tsc");
    const strict = ["--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--skipLibCheck"];
    const node = [
      "--module",
      "node16",
      "--moduleResolution",
      "node16",
      "--target",
      "es2023",
      "--types",
      "node",
      "--typeRoots",
      types,
    ];
    const compiled = run(compiler, ...strict, ...node, "outside-program.ts");
    expect(compiled.status, compiled.output).toBe(0);
    const ran = run("outside-program.js");
    expect(ran.status, ran.output).toBe(0);
    expect(readdirSync(join(outside, "cdktf.out", "stacks"))).toEqual(["logs", "node1"]);
    const logs = JSON.parse(readFileSync(join(outside, "cdktf.out/stacks/logs/cdk.tf.json"), "utf8"));
    expect(Object.keys(logs.resource.docker_container)).toHaveLength(5);
  });

  test.each([
    [
      "the whole package from an ECMAScript module",
      [
        "--input-type=module",
        "--eval",
        'import { defineFleet, MiradorNode } from "mirador-stack"; if (!defineFleet || !MiradorNode) process.exit(1)',
      ],
    ],
    [
      "the library alone, without loading cdktf",
      [
        "--eval",
        'require("mirador-stack/lib").defineFleet({}); if (Object.keys(require.cache).some((file) => file.includes("cdktf"))) process.exit(1)',
      ],
    ],
    ["the version", ["--eval", 'if (!require("mirador-stack/package.json").version) process.exit(1)']],
  ])("may import %s", (_, parameters) => {
    const { status, output } = run(...parameters);
    expect(status, output).toBe(0);
  });

  test("fails to import what is not exported", () => {
    expect(run("--eval", 'require("mirador-stack/dist/lib/problem.js")').output).toContain(
      "ERR_PACKAGE_PATH_NOT_EXPORTED",
    );
  });
});
