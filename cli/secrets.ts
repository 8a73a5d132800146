import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type PasswordSource, STATS_PASSWORD_FILE } from "../inputs/secrets";
import { type Environment, PASSWORD_VARIABLE } from "../lib/fleet/environment";

export interface StatsPassword {
  /** Where a person finds it. */
  readonly where: string;
  readonly made: boolean;
}

/** Where the password of the stats page is, or `undefined` when nobody has given one and it is to be generated. */
export function statsPasswordPlace(
  folder: string,
  environment: Environment,
  { statsPasswordFile, statsPasswordEnvFile }: PasswordSource = {},
): string | undefined {
  if (statsPasswordFile !== undefined) return statsPasswordFile;
  if (statsPasswordEnvFile !== undefined) return `${PASSWORD_VARIABLE} of ${statsPasswordEnvFile}`;
  if (environment[PASSWORD_VARIABLE] !== undefined) return PASSWORD_VARIABLE;
  return existsSync(resolve(folder, STATS_PASSWORD_FILE)) ? STATS_PASSWORD_FILE : undefined;
}

/**
 * Sees that the stats page has a password: HAPROXY_STATS_PASS, the fleet's own file, or a generated one in
 * `.mirador/secrets`. It is never printed.
 */
export function ensureStatsPassword(
  folder: string,
  environment: Environment,
  source: PasswordSource = {},
): StatsPassword {
  const where = statsPasswordPlace(folder, environment, source);
  if (where !== undefined) return { where, made: false };
  const path = resolve(folder, STATS_PASSWORD_FILE);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(path, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    // Another run was faster; its password is as good.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return { where: STATS_PASSWORD_FILE, made: true };
}
