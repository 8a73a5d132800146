import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { defineFleet, environmentProblems, refineFleet } from "../lib/fleet/define-fleet";
import type { FleetDefinition } from "../lib/fleet/definition";
import type { Environment } from "../lib/fleet/environment";
import type { Fleet } from "../lib/fleet/fleet";
import { type ImageOverrides, validateImageOverrides } from "../lib/images/overrides";
import { collect, collectLater, type Problem, ProblemError, refuse } from "../lib/problem";
import { imageLockPath, readImageLock } from "./image-lock";
import { type ModuleRequest, moduleProblems } from "./module-problem";

/**
 * The fleet of `MIRADOR_FLEET` (default `fleet.ts`), completed from the environment, with the images of
 * `MIRADOR_IMAGES` and the lock beside its module. A module may export a fleet or a plain definition.
 * @throws ProblemError with what is wrong with the module, images, lock and the environment's variables at once
 */
export async function loadFleet(folder: string, environment: Environment): Promise<Fleet> {
  const where = environment.MIRADOR_FLEET ? "environment MIRADOR_FLEET" : "fleet.ts";
  return completeFleet(folder, environment, () =>
    importDefault({ path: fleetPath(folder, environment), folder, where }),
  );
}

/** Where the fleet's module is, absolute. */
export function fleetPath(folder: string, { MIRADOR_FLEET }: Environment): string {
  return resolve(folder, MIRADOR_FLEET || "fleet.ts");
}

/**
 * As {@link loadFleet}, of what a module exports, or will export once it is written.
 * @throws ProblemError as that does, and what `read` throws with it
 */
export async function completeFleet(
  folder: string,
  environment: Environment,
  read: () => Promise<unknown>,
): Promise<Fleet> {
  const problems: Problem[] = [];
  const images = collect(problems, () => readImageOverrides(folder, environment.MIRADOR_IMAGES)) ?? {};
  const lockPath = imageLockPath(fleetPath(folder, environment));
  const imageLock = collect(problems, () => readImageLock(folder, lockPath));
  const fleet = await collectLater(problems, async () => {
    const exported = await read();
    if (isFleet(exported)) return refineFleet(exported, environment, images);
    const definition = exported as FleetDefinition;
    return defineFleet(
      { ...definition, ...(Object.keys(images).length > 0 ? { images: { ...definition.images, ...images } } : {}) },
      environment,
    );
  });
  if (fleet !== undefined && problems.length === 0)
    return imageLock === undefined ? fleet : Object.freeze({ ...fleet, imageLock });
  const told = new Set(problems.map(({ where }) => where));
  throw new ProblemError([...problems, ...environmentProblems(environment).filter(({ where }) => !told.has(where))]);
}

async function importDefault({ path, folder, where }: ModuleRequest): Promise<unknown> {
  if (!existsSync(path)) {
    throw new ProblemError([
      {
        code: "fleet/module-missing",
        what: `there is no file ${path}`,
        where,
        fix: "`npm run mirador -- init` writes it; or name another file in MIRADOR_FLEET",
      },
    ]);
  }
  let module: unknown;
  try {
    module = await import(pathToFileURL(path).href);
  } catch (error) {
    if (ProblemError.is(error)) throw error;
    throw new ProblemError(moduleProblems(error, { path, folder, where }));
  }
  // A CommonJS module that is imported has its exports one level deeper.
  const outer = (module as { default?: unknown }).default;
  const exported = isObject(outer) && "default" in outer ? outer.default : outer;
  if (isObject(exported)) return exported;
  throw new ProblemError([
    {
      code: "fleet/module-unusable",
      what: `${path} exports ${exported === undefined ? "no default" : exported === null ? "null" : typeof exported}`,
      where,
      fix: "write `export default defineFleet({ nodes: [...] })`",
    },
  ]);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isFleet(value: unknown): value is Fleet {
  return isObject(value) && "definition" in value && "retentionDays" in value;
}

function readImageOverrides(folder: string, file: string | undefined): ImageOverrides {
  if (!file) return {};
  const path = resolve(folder, file);
  const where = "environment MIRADOR_IMAGES";
  let overrides: unknown;
  try {
    overrides = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new ProblemError([
      {
        code: "image/override-invalid",
        what: `${path} cannot be read: ${(error as Error).message}`,
        where,
        fix: 'write JSON such as { "victoria-logs": { "ref": "…", "version": "1.53.0" } }',
      },
    ]);
  }
  refuse(validateImageOverrides(overrides, where));
  return overrides as ImageOverrides;
}
