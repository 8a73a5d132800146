import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseEnv } from "node:util";
import type { Environment } from "../lib/fleet/environment";

/** What the demo chose, for plain cdktf commands and for its own next run. */
export const ENV_FILE = ".mirador/env";

/** Of these the demo's own next run makes use, unless the person says otherwise. */
const REMEMBERED = ["MIRADOR_FLEET", "MIRADOR_IMAGES", "TF_CLI_CONFIG_FILE"] as const;

export type RememberedChoice = { readonly [name in (typeof REMEMBERED)[number]]?: string };

/** The last run's choice; a file that is gone is not remembered. */
export function readEnvFile(folder: string): RememberedChoice {
  const path = join(folder, ENV_FILE);
  if (!existsSync(path)) return {};
  // `parseEnv` would take a line without a value for the beginning of the next one's name.
  const lines = readFileSync(path, "utf8").split("\n");
  const values = parseEnv(lines.filter((line) => line.startsWith("export ")).join("\n"));
  return Object.fromEntries(
    REMEMBERED.flatMap((name) => {
      const value = values[name];
      return value !== undefined && existsSync(join(value.startsWith("/") ? "" : folder, value)) ? [[name, value]] : [];
    }),
  );
}

/**
 * What to say to somebody who works on another fleet than the one that the demo deployed here: both may have the same
 * name, and then each of them takes the other's containers for its own, changed.
 * @returns nothing when the demo deployed none, or the fleet is named
 */
export function demoFleetNote(folder: string, { MIRADOR_FLEET: named }: Environment): string | undefined {
  const { MIRADOR_FLEET: demo } = readEnvFile(folder);
  if (named || demo === undefined) return undefined;
  return `note: this is fleet.ts; the demo deployed ${demo}: for that one first . ${ENV_FILE}; to forget it: rm ${ENV_FILE}`;
}

export function writeEnvFile(folder: string, variables: Environment): void {
  const path = join(folder, ENV_FILE);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, renderEnvFile(variables));
}

/** @returns whether there was something to forget */
export function forgetEnvFile(folder: string): boolean {
  const path = join(folder, ENV_FILE);
  const known = existsSync(path);
  rmSync(path, { force: true });
  return known;
}

/** A variable without a value had none in the run that is written down, or one that was not used. */
export function renderEnvFile(variables: Environment): string {
  // A shell that read an earlier file forgets what that one chose.
  const chosen: Environment = { ...Object.fromEntries(REMEMBERED.map((name) => [name, undefined])), ...variables };
  const lines = Object.entries(chosen).map(([name, value]) =>
    value === undefined ? `unset ${name}` : `export ${name}='${value.replaceAll("'", `'\\''`)}'`,
  );
  return ["# Written by npm run demo, for: . .mirador/env && npx cdktf deploy", ...lines, ""].join("\n");
}
