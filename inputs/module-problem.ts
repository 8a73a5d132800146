import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Problem } from "../lib/problem";

/** A place in a source file; lines and columns count from 1. */
interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What cannot be loaded, and who named it. */
export interface ModuleRequest {
  /** Absolute. */
  readonly path: string;
  /** The checkout; files in it are told relative to it. */
  readonly folder: string;
  /** What named the module. */
  readonly where: string;
}

/** What the import of a module threw, told with file, line and column as far as the loader tells them. */
export function moduleProblems(error: unknown, { path, folder, where }: ModuleRequest): readonly Problem[] {
  const syntax = syntaxErrors(error);
  if (syntax.length > 0)
    return syntax.map(({ text, ...place }) => ({
      code: "fleet/module-syntax",
      what: `${text}: ${lineOf(place)}`,
      where: shown(place, folder),
      fix: "mend that line; what is wrong may also stand shortly before it",
    }));
  const what = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  const thrownAt = firstOwnFrame(error);
  const at = thrownAt === undefined ? "" : ` (${shown(thrownAt, folder)}: ${lineOf(thrownAt)})`;
  const fix = "mend the module; `npx tsc --noEmit` shows where";
  return [{ code: "fleet/module-unusable", what: `${path} cannot be loaded: ${what}${at}`, where, fix }];
}

/** `file:line:column: ERROR: text`, one line each, as esbuild tells it, by which tsx loads modules. */
const OF_ESBUILD = /^(.+):(\d+):(\d+): ERROR: (.+)$/gm;
/** `file:line`, the line itself and a mark below the column, as Node.js begins the stack of a CommonJS module. */
const OF_NODE = /^(\S.*):(\d+)\n.*\n( *)\^/;

function syntaxErrors(error: unknown): readonly (Place & { readonly text: string })[] {
  if (!(error instanceof Error)) return [];
  const { name, message, stack = "" } = error;
  const all = [...message.matchAll(OF_ESBUILD)];
  if (all.length > 0)
    // esbuild counts columns from 0.
    return all.map(([, file = "", line, column, text = ""]) => ({
      file,
      line: Number(line),
      column: Number(column) + 1,
      text,
    }));
  const [, file, line, before] = (name === "SyntaxError" && OF_NODE.exec(stack)) || [];
  if (file === undefined || before === undefined) return [];
  return [{ file, line: Number(line), column: before.length + 1, text: message }];
}

/** Where the person's own code was when it threw. */
function firstOwnFrame(error: unknown): Place | undefined {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  for (const [, place = "", line, column] of stack.matchAll(
    /^ +at .*?\(?((?:file:\/\/)?\/[^\s()]*):(\d+):(\d+)\)?$/gm,
  )) {
    const file = place.startsWith("file:") ? fileURLToPath(place) : place;
    if (!file.includes("/node_modules/")) return { file, line: Number(line), column: Number(column) };
  }
  return undefined;
}

const LONGEST = 120;

function lineOf({ file, line }: Place): string {
  try {
    const text = readFileSync(file, "utf8").split(/\r?\n/)[line - 1]?.trim() ?? "";
    return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
  } catch {
    return "";
  }
}

function shown({ file, line, column }: Place, folder: string): string {
  const path = relative(folder, file);
  return `${path.startsWith("..") ? file : path}:${line}:${column}`;
}
