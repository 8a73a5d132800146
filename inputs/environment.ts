import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import type { Environment } from "../lib/fleet/environment";

/** The variables of the folder's `.env`, if there is one; those of the process win. */
export function readEnvironment(folder: string, processEnvironment: Environment): Environment {
  const file = join(folder, ".env");
  const fromFile = existsSync(file) ? parseEnv(readFileSync(file, "utf8")) : {};
  return { ...fromFile, ...processEnvironment };
}
