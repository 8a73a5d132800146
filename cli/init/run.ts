import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { dirname } from "node:path";
import { readEnvironment } from "../../inputs/environment";
import { completeFleet, fleetPath, loadFleet } from "../../inputs/load-fleet";
import { neverDeployed, stateFolderOf } from "../../inputs/load-plan";
import { ensurePki, type MadePki } from "../../inputs/pki";
import { inspectPki } from "../../inputs/pki/inspect";
import { pkiPaths } from "../../inputs/pki/paths";
import { createFile, PUBLIC_MODE, replaceFile } from "../../inputs/pki/write";
import { readStatsPassword } from "../../inputs/secrets";
import type { Environment } from "../../lib/fleet/environment";
import type { Fleet } from "../../lib/fleet/fleet";
import { collect, collectLater, type Problem, ProblemError, refuse } from "../../lib/problem";
import { CliError, EXIT } from "../failure";
import { ensureStatsPassword, type StatsPassword, statsPasswordPlace } from "../secrets";
import type { Session } from "../session";
import { definitionText } from "./fleet-text";
import { type Asked, DEFAULT_NODES, wantedFleet } from "./wanted";

/** What is known of the machine it runs on. */
export interface Machine {
  readonly addresses: readonly string[];
  readonly now: Date;
}

/** What was made and what was there. */
export interface Made {
  readonly fleet: Fleet;
  /** As MIRADOR_FLEET names it. */
  readonly module: string;
  readonly written: boolean;
  /** The file that was kept is another one than was asked for. */
  readonly differs: boolean;
  /** The file that was kept says what these options say, letter by letter. */
  readonly same: boolean;
  readonly password: StatsPassword;
  /** @default - a single node, or certificates that somebody else brings */
  readonly certificates?: MadePki;
  /** Folders of the predecessor's data, which its files name. */
  readonly oldFolders: readonly string[];
}

/**
 * Makes what a checkout needs before its first deploy: the fleet's module, the password of the stats page and, for several
 * nodes, their certificates. A file that a person wrote is kept. Nothing is made before all of it was checked.
 * @throws ProblemError for a fleet, files or secrets that cannot be used; CliError with status 64 for what was typed wrong
 */
export async function init(
  { folder, environment: processEnvironment }: Pick<Session, "folder" | "environment">,
  asked: Asked,
  { addresses, now }: Machine = thisMachine(),
): Promise<Made> {
  const environment = readEnvironment(folder, processEnvironment);
  const place = { folder, path: fleetPath(folder, environment) };
  const module = environment.MIRADOR_FLEET || "fleet.ts";
  const wanted = wantedFleet(place, asked, addresses);
  const found = existsSync(place.path) ? readFileSync(place.path, "utf8") : undefined;
  if (found === undefined && !place.path.endsWith(".ts")) throw noTypeScript(module);
  const untouched = found === definitionText(place, { nodes: DEFAULT_NODES });
  const problems: Problem[] = [];
  const text = collect(problems, wanted.text);
  const kept = text !== undefined && found !== undefined && found !== text && !untouched;
  const fleet = await collectLater(problems, () =>
    kept ? loadFleet(folder, environment) : completeFleet(folder, environment, async () => wanted.exported()),
  );
  if (fleet === undefined || text === undefined) throw new ProblemError(unique(problems));
  problems.push(...passwordProblems(folder, environment, fleet), ...meshProblems(folder, environment, fleet, now));
  refuse(unique(problems));

  // Certificates first: they alone can still be refused.
  const certificates = hasOwnMesh(folder, fleet)
    ? await ensurePki(folder, meshFleet(fleet, environment), now)
    : undefined;
  const password = ensureStatsPassword(folder, environment, fleet.haproxy);
  const written = !kept && found !== text && write(place.path, text, found !== undefined);
  return {
    ...{ fleet, module, written, password },
    differs: kept && asksForSomething(asked),
    same: found === text,
    ...(certificates === undefined ? {} : { certificates }),
    oldFolders: kept ? [] : wanted.oldFolders(),
  };
}

/** @returns whether it was written; `false` when somebody was faster */
function write(path: string, text: string, replace: boolean): boolean {
  mkdirSync(dirname(path), { recursive: true });
  if (!replace) return createFile(path, text, PUBLIC_MODE);
  replaceFile(path, text, PUBLIC_MODE);
  return true;
}

/** A wrong file of variables is found by its text and by its fleet. */
function unique(problems: readonly Problem[]): readonly Problem[] {
  const seen = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
  return [...seen.values()];
}

function asksForSomething({ nodes, envFiles, name }: Asked): boolean {
  return nodes.length > 0 || envFiles.length > 0 || name !== undefined;
}

function passwordProblems(folder: string, environment: Environment, { haproxy }: Fleet): readonly Problem[] {
  const problems: Problem[] = [];
  if (statsPasswordPlace(folder, environment, haproxy) !== undefined)
    collect(problems, () => readStatsPassword(folder, environment, haproxy));
  return problems;
}

const meshFleet = (fleet: Fleet, { MIRADOR_FLEET }: Environment) => ({ ...fleet, module: MIRADOR_FLEET });

/** Whether the certificates are this program's to make. */
function hasOwnMesh(folder: string, fleet: Fleet): boolean {
  return fleet.nodes.length > 1 && !pkiPaths(folder, fleet).brought;
}

/** What would still be wrong when all that is missing was made. */
function meshProblems(folder: string, environment: Environment, fleet: Fleet, now: Date): readonly Problem[] {
  if (fleet.nodes.length < 2) return [];
  const named = meshFleet(fleet, environment);
  const { problems } = inspectPki(pkiPaths(folder, named), named, now);
  const mayMake = hasOwnMesh(folder, fleet) && neverDeployed(stateFolderOf(folder, environment), fleet);
  return problems.filter(({ code }) => !mayMake || code !== "mesh/certificate-missing");
}

function noTypeScript(module: string): CliError {
  const what = `there is no ${module} yet, and what is written is TypeScript`;
  const fix = "name one, such as MIRADOR_FLEET=fleets/shop.ts, or unset it";
  return new CliError({ code: "init/module-name", what, where: "environment MIRADOR_FLEET", fix }, EXIT.usage);
}

function thisMachine(): Machine {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? []);
  return { addresses, now: new Date() };
}
