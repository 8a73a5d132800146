import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { type BuiltPart, buildParts, PART_KEYS, type PartKey } from "../../images/build";
import { PUBLIC_MODE, replaceFile } from "../../inputs/pki/write";
import type { ImageKey } from "../../lib/images/catalog";
import type { ImageOverrides } from "../../lib/images/overrides";
import { servicesOf } from "../../lib/plan/node-plan";
import { partsLog } from "../demo-context";
import { CliError, EXIT, type Trouble } from "../failure";
import type { Session } from "../session";
import { nodesToLookAt } from "./nodes";

/** Not the one of the cache, which holds what tests and the demo have built, a double of VictoriaTraces with it. */
const IMAGES_FILE = ".mirador/images.json";

/** What is asked of whoever builds; a fake in tests. */
export type Build = typeof buildParts;

/**
 * `mirador images build`: builds on this machine's engine what the fleet needs and package registries have, and writes a file
 * for MIRADOR_IMAGES.
 * @throws CliError `images/not-buildable`, after the others were built
 */
export async function buildImages(session: Session, build: Build = buildParts): Promise<number> {
  const { plans } = await nodesToLookAt(session, []);
  const needed = [...new Set(plans.flatMap((plan) => servicesOf(plan).map(({ image }) => image)))];
  const { buildable, troubles } = sortByOrigin(needed);
  const { parts } = await session.progress.step(
    "build",
    `${buildable.join(", ")} from package registries`,
    (step) => build({ only: buildable, log: partsLog(step) }),
    (built) => `${built.parts.length} images, ${built.parts.filter(({ skipped }) => skipped).length} found built`,
  );
  const path = join(session.folder, IMAGES_FILE);
  mkdirSync(dirname(path), { recursive: true });
  replaceFile(path, `${JSON.stringify(overridesOf(parts), null, 2)}\n`, PUBLIC_MODE);
  session.progress.note("images", `MIRADOR_IMAGES=${IMAGES_FILE}, in the environment or in .env, takes them`);
  if (troubles.length > 0) throw new CliError(troubles);
  return EXIT.ok;
}

/** @returns what can be built, and what is to be said of the rest */
export function sortByOrigin(needed: readonly ImageKey[]): {
  readonly buildable: readonly PartKey[];
  readonly troubles: readonly Trouble[];
} {
  // There is a test double alone, and what somebody deploys must never be one by accident.
  const isBuildable = (key: ImageKey): key is ImageKey & PartKey =>
    key !== "victoria-traces" && (PART_KEYS as readonly string[]).includes(key);
  const rest = needed.filter((key) => !isBuildable(key));
  const cluster = rest.filter((key) => ["vminsert", "vmselect", "vmstorage"].includes(key));
  const others = rest.filter((key) => !cluster.includes(key));
  return {
    buildable: needed.filter(isBuildable),
    troubles: [
      ...(cluster.length === 0
        ? []
        : [notBuildable(cluster, 'write layouts: { metrics: "single" } where nothing is stored yet; or carry them')]),
      ...others.map((key) => notBuildable([key], "carry it")),
    ],
  };
}

function notBuildable(keys: readonly ImageKey[], fix: string): Trouble {
  return {
    code: "images/not-buildable",
    what: `${keys.join(", ")}: no package registry has what ${keys.length === 1 ? "it is" : "they are"} built from`,
    where: "fleet.images",
    fix: `${fix}: mirador images save --here, where an image registry can be reached, then load`,
  };
}

function overridesOf(parts: readonly BuiltPart[]): ImageOverrides {
  return Object.fromEntries(parts.flatMap(({ key, image }) => (image === undefined ? [] : [[key, image]])));
}
