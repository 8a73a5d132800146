import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Environment } from "../lib/fleet/environment";
import { ProblemError } from "../lib/problem";

export const STATS_PASSWORD_FILE = ".mirador/secrets/stats-password";
const VARIABLE = "HAPROXY_STATS_PASS";

/**
 * Password of the stats page: the fleet's file, else HAPROXY_STATS_PASS, else `.mirador/secrets/stats-password`.
 * A file that others may read is refused. There is no default.
 */
export function readStatsPassword(folder: string, environment: Environment, passwordFile: string | undefined): string {
  const variable = environment[VARIABLE];
  if (variable !== undefined && passwordFile === undefined) return notBlank(variable, `environment ${VARIABLE}`);
  const path = resolve(folder, passwordFile ?? STATS_PASSWORD_FILE);
  if (!existsSync(path)) {
    throw new ProblemError([
      {
        code: "secret/missing",
        what: "the stats page has no password",
        where: passwordFile === undefined ? `environment ${VARIABLE}` : "fleet.haproxy.stats.passwordFile",
        fix: `set ${VARIABLE}, or make the file: mkdir -p -m 700 .mirador/secrets && (umask 077 && openssl rand -base64 24 > ${passwordFile ?? STATS_PASSWORD_FILE})`,
      },
    ]);
  }
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) !== 0) {
    throw new ProblemError([
      {
        code: "secret/readable-by-others",
        what: `${path} has mode 0${mode.toString(8)}`,
        where: path,
        fix: `chmod 600 ${path}`,
      },
    ]);
  }
  return notBlank(readText(path).replace(/\r?\n$/, ""), path);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const what = `${path} cannot be read: ${(error as Error).message}`;
    throw new ProblemError([{ code: "secret/unusable", what, where: path, fix: "name a file that you may read" }]);
  }
}

function notBlank(value: string, where: string): string {
  if (value.trim() !== "") return value;
  throw new ProblemError([
    { code: "secret/blank", what: "the password of the stats page is blank", where, fix: "give 12 characters or more" },
  ]);
}
