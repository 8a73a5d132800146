import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseEnv } from "node:util";
import type { EnvFile, EnvVariable } from "../lib/fleet/env-file";
import type { Problem } from "../lib/problem";

export interface EnvReading {
  /** `undefined` for a file that could not be read. */
  readonly variables?: EnvFile["variables"];
  readonly problems: readonly Problem[];
}

/** @param path relative to the folder the program runs in; told as it is */
export function readEnvFile(path: string): EnvReading {
  try {
    return parseEnvText(path, readFileSync(resolve(path), "utf8"));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const problem: Problem =
      code === "ENOENT"
        ? {
            code: "env/file-missing",
            what: `there is no file ${resolve(path)}`,
            where: path,
            fix: "copy the node's .env there, or correct the path: it is relative to the folder the program runs in",
          }
        : { code: "env/file-unreadable", what: message, where: path, fix: "name a file that you may read" };
    return { problems: [problem] };
  }
}

/**
 * Line by line, so that each variable is told with its line, and because `parseEnv` takes a line without `=` for the
 * beginning of the next one. Values over several lines are none of the predecessor's.
 */
function parseEnvText(path: string, text: string): EnvReading {
  const variables = new Map<string, EnvVariable>();
  const problems: Problem[] = [];
  text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .forEach((source, index) => {
      if (/^\s*(#|$)/.test(source)) return;
      const line = index + 1;
      const [assignment] = Object.entries(parseEnv(source));
      if (assignment === undefined || !/^\w+$/.test(assignment[0]))
        problems.push({
          code: "env/line-unreadable",
          what: "the line is no assignment",
          where: `${path}:${line}`,
          fix: "write NAME=value, with both quotes or none, or begin the line with #",
        });
      else {
        const [name, value = ""] = assignment;
        variables.set(name, { value, line, literal: /=\s*'/.test(source) });
      }
    });
  return { variables, problems };
}
