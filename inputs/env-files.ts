import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { EnvFile } from "../lib/fleet/env-file";
import { type EnvFilesOptions, fleetFromEnvFiles } from "../lib/fleet/env-files";
import { PASSWORD_VARIABLE } from "../lib/fleet/environment";
import type { Fleet } from "../lib/fleet/fleet";
import type { Problem } from "../lib/problem";
import { readEnvFile } from "./env-file";

/**
 * The fleet that the `.env` files of a compose stack's nodes describe, one file per node: what `defineFleet` would give.
 * Settings that all nodes share must be the same in every file. HAPROXY_STATS_PASS stays in its file, which must have mode
 * 0600, and is read from there when the fleet is planned.
 * @param paths relative to the folder the program runs in
 * @param options fields of the fleet that the files do not have, or that win over them; and where the engines are
 * @throws ProblemError `env/…`, `fleet/…`, `secret/…`: everything that is wrong in any of the files at once
 */
export function fromEnvFiles(paths: readonly string[], options: EnvFilesOptions = {}): Fleet {
  const read = paths.map((path) => ({ path, ...readEnvFile(path) }));
  const { passwordFile, passwordEnvFile } = options.haproxy?.stats ?? {};
  // A password that is not used may be anywhere.
  const open =
    (passwordFile ?? passwordEnvFile)
      ? []
      : read.flatMap(({ path, variables }) => (variables === undefined ? [] : readableByOthers({ path, variables })));
  return fleetFromEnvFiles(
    read.flatMap(({ path, variables }) => (variables === undefined ? [] : [{ path, variables }])),
    options,
    [...read.flatMap(({ problems }) => problems), ...open],
  );
}

function readableByOthers({ path, variables }: EnvFile): Problem[] {
  if (!variables.get(PASSWORD_VARIABLE)?.value.trim()) return [];
  const mode = statSync(resolve(path)).mode & 0o777;
  if ((mode & 0o077) === 0) return [];
  return [
    {
      code: "secret/readable-by-others",
      what: `${path} has mode 0${mode.toString(8)} and holds ${PASSWORD_VARIABLE}`,
      where: path,
      fix: `chmod 600 ${path}`,
    },
  ];
}
