import { basename, dirname, join, relative } from "node:path";
import type { DockerDefinition, FleetDefinition } from "../../lib/fleet/definition";

/** Where a module is written, and what it imports from. */
export interface ModulePlace {
  /** The checkout, absolute. */
  readonly folder: string;
  /** The module, absolute. */
  readonly path: string;
}

/** What a fleet of `.env` files is written from. */
export interface EnvFilesModule {
  readonly files: readonly string[];
  readonly name?: string | undefined;
  /** By node; another one is reached by ssh at its address. */
  readonly engines: Readonly<Record<string, DockerDefinition>>;
  /** The files name folders, which hold the predecessor's data. */
  readonly namesFolders: boolean;
}

/** Plain data. */
type Value = string | number | object;

/** The module of a fleet that is written out, laid out as the checkout's formatter does it. */
export function definitionText(place: ModulePlace, { name, nodes }: Pick<FleetDefinition, "name" | "nodes">): string {
  const value = { ...(name === undefined ? {} : { name }), nodes: nodes ?? [] };
  const call = "export default defineFleet(";
  return [
    `import { defineFleet } from "${importPath(place, "lib")}";`,
    "",
    `${call}${layOut(value, "", call.length + ");".length)});`,
    "",
  ].join("\n");
}

/** The module of a fleet that its nodes' `.env` files describe. */
export function envFilesText(place: ModulePlace, { files, name, engines, namesFolders }: EnvFilesModule): string {
  const listed = Object.keys(engines).length > 0;
  const declared = "const engines: Readonly<Record<string, DockerDefinition>> = ";
  return [
    `import { fromEnvFiles } from "${importPath(place, "inputs/env-files")}";`,
    ...(listed ? [`import type { DockerDefinition } from "${importPath(place, "lib")}";`] : []),
    "",
    `const files = ${layOut(files, "", "const files = ;".length)};`,
    ...(listed ? ["", `${declared}${expanded(engines, "")};`] : []),
    "",
    "export default fromEnvFiles(files, {",
    ...(name === undefined ? [] : [`  name: ${JSON.stringify(name)},`]),
    ...(namesFolders
      ? [
          "  // The folders in the files hold the old stack's data. Give new ones before the first deploy:",
          '  // storagePaths: { metrics: "/srv/mirador/metrics", logs: "/srv/mirador/logs", traces: "/srv/mirador/traces" },',
        ]
      : []),
    ...(listed
      ? [
          "  // A node that is not among the engines is reached by ssh at its address, as root.",
          '  docker: ({ name, address }) => engines[name] ?? { kind: "ssh", host: address },',
        ]
      : [
          '  // The files do not say how the Docker engines are reached. Other ways: README.md, "A remote host".',
          '  docker: ({ address }) => ({ kind: "ssh", host: address, user: "root" }),',
        ]),
    "});",
    "",
  ].join("\n");
}

/** `./lib`, as the module has to write it. */
function importPath({ folder, path }: ModulePlace, target: string): string {
  const from = relative(dirname(path), join(folder, dirname(target)));
  const way = join(from, basename(target));
  return way.startsWith(".") ? way : `./${way}`;
}

/** Columns of the formatter, as biome.json has them. */
const LINE_WIDTH = 120;
const STEP = "  ";

/** On one line where that is what the formatter would do. @param taken columns of that line that are not the value's */
function layOut(value: Value, indent: string, taken: number): string {
  const flat = inOneLine(value);
  if (typeof value !== "object") return flat;
  return flat.length + indent.length + taken <= LINE_WIDTH && !isTable(value) ? flat : expanded(value, indent);
}

/** The formatter gives several objects of several fields each a line of their own, short or not. */
function isTable(value: Value): boolean {
  if (Array.isArray(value))
    return (
      (value.length > 1 && value.every((one) => typeof one === "object" && Object.keys(one).length > 1)) ||
      value.some(isTable)
    );
  return typeof value === "object" && Object.values(value).some(isTable);
}

function inOneLine(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(inOneLine).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, one]) => `${keyText(key)}: ${inOneLine(one)}`);
  return `{ ${fields.join(", ")} }`;
}

function expanded(value: object, indent: string): string {
  const inner = indent + STEP;
  if (Array.isArray(value))
    return ["[", ...value.map((one) => `${inner}${layOut(one, inner, ",".length)},`), `${indent}]`].join("\n");
  const fields = Object.entries(value).map(([key, one]) => {
    const head = `${keyText(key)}: `;
    const text = layOut(one, inner, head.length + ",".length);
    // A text that is too long for its line begins on the next one.
    const breaks = typeof one === "string" && inner.length + head.length + text.length + ",".length > LINE_WIDTH;
    return breaks ? `${inner}${head.trimEnd()}\n${inner}${STEP}${text},` : `${inner}${head}${text},`;
  });
  return ["{", ...fields, `${indent}}`].join("\n");
}

const keyText = (key: string): string => (/^[A-Za-z_]\w*$/.test(key) ? key : JSON.stringify(key));
