import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { STATS_PASSWORD_FILE } from "../inputs/secrets";
import type { Environment } from "../lib/fleet/environment";

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
  passwordFile: string | undefined,
): StatsPassword {
  if (passwordFile !== undefined) return { where: passwordFile, made: false };
  if (environment.HAPROXY_STATS_PASS !== undefined) return { where: "HAPROXY_STATS_PASS", made: false };
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
