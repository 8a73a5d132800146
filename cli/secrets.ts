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

/**
 * Sees that the stats page has a password: HAPROXY_STATS_PASS, the fleet's own file, or a generated one in
 * `.mirador/secrets`. It is never printed.
 */
export function ensureStatsPassword(
  folder: string,
  environment: Environment,
  { statsPasswordFile, statsPasswordEnvFile }: PasswordSource = {},
): StatsPassword {
  if (statsPasswordFile !== undefined) return { where: statsPasswordFile, made: false };
  if (statsPasswordEnvFile !== undefined)
    return { where: `${PASSWORD_VARIABLE} of ${statsPasswordEnvFile}`, made: false };
  if (environment[PASSWORD_VARIABLE] !== undefined) return { where: PASSWORD_VARIABLE, made: false };
  const path = resolve(folder, STATS_PASSWORD_FILE);
  if (existsSync(path)) return { where: STATS_PASSWORD_FILE, made: false };
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(path, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    // Another run was faster; its password is as good.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return { where: STATS_PASSWORD_FILE, made: true };
}
