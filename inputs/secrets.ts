import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { type Environment, environmentPlace, PASSWORD_VARIABLE } from "../lib/fleet/environment";
import type { Fleet } from "../lib/fleet/fleet";
import { statsPasswordProblems } from "../lib/fleet/stats-password";
import { ProblemError, refuse } from "../lib/problem";
import { readEnvFile } from "./env-file";

export const STATS_PASSWORD_FILE = ".mirador/secrets/stats-password";

/** Where a fleet says that its password is. */
export type PasswordSource = Pick<Fleet["haproxy"], "statsPasswordFile" | "statsPasswordEnvFile">;

/**
 * Password of the stats page: the fleet's file, else HAPROXY_STATS_PASS, else `.mirador/secrets/stats-password`.
 * A file that others may read is refused. There is no default.
 */
export function readStatsPassword(
  folder: string,
  environment: Environment,
  { statsPasswordFile, statsPasswordEnvFile }: PasswordSource = {},
): string {
  if (statsPasswordEnvFile !== undefined) return readFromEnvFile(folder, statsPasswordEnvFile);
  const variable = environment[PASSWORD_VARIABLE];
  if (variable !== undefined && statsPasswordFile === undefined)
    return usable(variable, environmentPlace(PASSWORD_VARIABLE));
  const path = resolve(folder, statsPasswordFile ?? STATS_PASSWORD_FILE);
  if (!existsSync(path)) {
    throw new ProblemError([
      {
        code: "secret/missing",
        what: "the stats page has no password",
        where:
          statsPasswordFile === undefined ? environmentPlace(PASSWORD_VARIABLE) : "fleet.haproxy.stats.passwordFile",
        fix:
          statsPasswordFile === undefined
            ? `npm run mirador -- init generates one in ${STATS_PASSWORD_FILE}; or set ${PASSWORD_VARIABLE}`
            : `make the file: (umask 077 && openssl rand -base64 24 > ${statsPasswordFile})`,
      },
    ]);
  }
  refuseOpenFile(path);
  return usable(readText(path).replace(/\r?\n$/, ""), path);
}

function readFromEnvFile(folder: string, file: string): string {
  const path = resolve(folder, file);
  const { variables = new Map(), problems } = existsSync(path) ? readEnvFile(path) : { problems: [] };
  refuse(problems);
  const found = variables.get(PASSWORD_VARIABLE);
  if (found === undefined) {
    const where = "fleet.haproxy.stats.passwordEnvFile";
    const what = `${path} has no ${PASSWORD_VARIABLE}`;
    throw new ProblemError([{ code: "secret/missing", what, where, fix: `write ${PASSWORD_VARIABLE}=… into it` }]);
  }
  refuseOpenFile(path);
  return usable(found.value, `${path}:${found.line} ${PASSWORD_VARIABLE}`);
}

function refuseOpenFile(path: string): void {
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) === 0) return;
  const what = `${path} has mode 0${mode.toString(8)}`;
  throw new ProblemError([{ code: "secret/readable-by-others", what, where: path, fix: `chmod 600 ${path}` }]);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const what = `${path} cannot be read: ${(error as Error).message}`;
    throw new ProblemError([{ code: "secret/unusable", what, where: path, fix: "name a file that you may read" }]);
  }
}

/** Told by what the user set: the plan knows only that there is a password. */
function usable(password: string, where: string): string {
  refuse(statsPasswordProblems(password, where));
  return password;
}
