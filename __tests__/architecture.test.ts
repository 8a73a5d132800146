import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { ROOT } from "./support/folders";

const FOLDERS = ["lib", "constructs", "inputs", "cli", "images", "examples", "bench", "__tests__"];

function sourcesOf(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.includes("node_modules"))
    .map((file) => join(folder, file));
}

/** What a file imports: packages by name, files of the tree by their path in it. */
function importsOf(file: string): readonly string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(ROOT, file), "utf8"));
  return importedFiles.map(({ fileName }) =>
    fileName.startsWith(".") ? relative(ROOT, join(ROOT, dirname(file), fileName)) : fileName,
  );
}

/** Where arrows may point; a folder may always import from itself. */
describe.each<[string, readonly RegExp[]]>([
  ["lib", [/^(bcryptjs|fastest-levenshtein|yaml|zod)$/, /^node:crypto$/]],
  ["constructs", [/^lib\//, /^(cdktf|constructs)$/, /^@cdktf\/provider-docker\//, /^node:crypto$/]],
  ["inputs", [/^lib\//, /^node:/, /^(@peculiar\/x509|reflect-metadata)$/]],
])("%s", (folder, allowed) => {
  test.each(sourcesOf(folder))("%s imports nothing that it may not", (file) => {
    const own = new RegExp(`^${folder}/`);
    const others = importsOf(file).filter((path) => ![own, ...allowed].some((pattern) => pattern.test(path)));
    expect(others).toEqual([]);
  });
});

test("nothing imports the command line but itself and its tests", () => {
  const files = ["lib", "constructs", "inputs", "images", "examples"].flatMap(sourcesOf);
  const importers = [...files, "main.ts", "index.ts", "fleet.ts"].filter((file) =>
    importsOf(file).some((path) => path.startsWith("cli/")),
  );
  expect(importers).toEqual([]);
});

test("no file of the library reads a clock, the environment or chance", () => {
  const impure =
    /\bDate\b|\bprocess\.(env|cwd|argv|hrtime|platform)\b|Math\.random|performance\.now|randomBytes|randomUUID/;
  const guilty = [...sourcesOf("lib"), ...sourcesOf("constructs")].filter((file) =>
    impure.test(readFileSync(join(ROOT, file), "utf8")),
  );
  expect(guilty).toEqual([]);
});

test("main.ts stays under 30 lines: it decides nothing", () => {
  expect(readFileSync(join(ROOT, "main.ts"), "utf8").trimEnd().split("\n").length).toBeLessThan(30);
});

test("no source file has more than 350 lines", () => {
  const files = FOLDERS.filter((folder) => readdirSync(ROOT).includes(folder)).flatMap(sourcesOf);
  expect(files.length).toBeGreaterThan(100);
  const long = files
    .filter((file) => !file.startsWith("images/parts/"))
    .map((file) => [file, readFileSync(join(ROOT, file), "utf8").trimEnd().split("\n").length] as const)
    .filter(([, lines]) => lines > 350);
  expect(long).toEqual([]);
});

test("the package exports what it did: a name that goes is a program that no longer compiles", async () => {
  await expect(exportsOf("index.ts")).toMatchFileSnapshot("__fixtures__/public-exports.txt");
});

/** Values and types, as the type checker sees them through `export *`. */
function exportsOf(file: string): string {
  const program = ts.createProgram([join(ROOT, file)], {
    skipLibCheck: true,
    noEmit: true,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    module: ts.ModuleKind.Preserve,
    target: ts.ScriptTarget.ES2023,
  });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(join(ROOT, file));
  const symbol = source && checker.getSymbolAtLocation(source);
  if (symbol === undefined) throw new Error(`${file} is no module`);
  return checker
    .getExportsOfModule(symbol)
    .map((exported) => {
      const target = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      return `${target.flags & ts.SymbolFlags.Value ? "value" : "type "} ${exported.name}\n`;
    })
    .sort()
    .join("");
}
