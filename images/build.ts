import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import type { ImageChoice } from "../lib/images/catalog";
import { builtVersions, type Edition } from "./built-versions";
import { cacheFolder, withLock, writeAtomically } from "./cache";
import { askEngine, connectEngine, engineAddress, ensureEngine } from "./engine";
import { goSteps } from "./go-parts";
import { haproxyStep } from "./haproxy-rootfs";
import { type ImagePartKey, importPart } from "./part-images";
import { explaining, line, runStep, type StepContext, StepError } from "./steps";
import { installProvider, terraformConfigPath } from "./terraform-mirror";

export type PartKey = "provider" | ImagePartKey;

/** In the order in which they are built: the Go parts one after the other, as each uses all processors. */
const STEPS = { ...goSteps, haproxy: haproxyStep } satisfies Record<PartKey, unknown>;
export const PART_KEYS = Object.keys(STEPS) as readonly PartKey[];

export interface BuildPartsOptions {
  /** Engine that gets the images: `unix:///…` or `tcp://…`. @default - `DOCKER_HOST`, else the socket Docker makes */
  readonly dockerHost?: string;
  readonly log: (line: string) => void;
  /** @default - all parts */
  readonly only?: readonly PartKey[];
  /** @default "newest" */
  readonly edition?: Edition;
}

export interface BuiltPart {
  readonly key: PartKey;
  readonly version: string;
  /** What `MIRADOR_IMAGES` says of it; the provider is no image. */
  readonly image?: ImageChoice;
  /** False when it was built now, true when it was found in the cache. */
  readonly skipped: boolean;
  /** Of building, without the import. */
  readonly seconds: number;
}

export interface BuiltParts {
  /** For `MIRADOR_IMAGES`. */
  readonly imagesFile: string;
  /** For `TF_CLI_CONFIG_FILE`. */
  readonly terraformConfigFile: string;
  readonly parts: readonly BuiltPart[];
}

export interface PartsEnvironment {
  readonly MIRADOR_IMAGES: string;
  readonly TF_CLI_CONFIG_FILE: string;
}

/** The environment in which plan, tests and Terraform use the parts; builds nothing and looks at nothing. */
export function partsEnvironment(edition: Edition = "newest"): PartsEnvironment {
  const cache = cacheFolder();
  const file = edition === "newest" ? "images.json" : `images-${edition}.json`;
  return { MIRADOR_IMAGES: join(cache, file), TF_CLI_CONFIG_FILE: terraformConfigPath(cache) };
}

/**
 * Builds what is missing and gives the engine the images it lacks.
 *
 * @throws StepError with the step that failed, its last output and what to do; finished steps stay finished
 */
export async function buildParts({
  dockerHost,
  log,
  only = PART_KEYS,
  edition = "newest",
}: BuildPartsOptions): Promise<BuiltParts> {
  const context: StepContext = { edition, cache: cacheFolder(), log };
  const address = engineAddress(dockerHost);
  // Asked first: nobody wants to hear of a missing engine after minutes of compiling.
  if (only.some((key) => key !== "provider")) await demandEngine(address);

  const wanted = PART_KEYS.filter((key) => only.includes(key));
  const compiled = wanted.filter((key) => key !== "haproxy");
  // debootstrap waits for the network most of the time, so it goes beside the compiler.
  const lanes = await Promise.allSettled([
    inTurn(compiled, (key) => buildPart(key, address, context)),
    inTurn(only.includes("haproxy") ? (["haproxy"] as const) : [], (key) => buildPart(key, address, context)),
  ]);
  const failures = lanes.flatMap((lane) => (lane.status === "rejected" ? [lane.reason] : []));
  if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join("\n"));
  if (failures.length === 1) throw failures[0];

  const parts = lanes.flatMap((lane) => (lane.status === "fulfilled" ? lane.value : []));
  const { MIRADOR_IMAGES: imagesFile, TF_CLI_CONFIG_FILE: terraformConfigFile } = partsEnvironment(edition);
  await recordImages(imagesFile, parts, context);
  return { imagesFile, terraformConfigFile, parts };
}

async function buildPart(key: PartKey, address: string, context: StepContext): Promise<BuiltPart> {
  const step = await STEPS[key](context.edition);
  const result = await runStep(step, context);
  const { skipped, seconds } = result;
  if (key === "provider") {
    const install = (): Promise<void> =>
      installProvider(context.cache, join(result.folder, "terraform-provider-docker"));
    await explaining("terraform-mirror", `see that ${context.cache} is writable and has 200 MB free`, install);
    return { key, version: builtVersions(context.edition).provider, skipped, seconds };
  }
  const image = await importPart(key, result, connectEngine(address), context);
  return { key, version: image.version, image, skipped, seconds };
}

async function demandEngine(address: string): Promise<void> {
  const answer = await askEngine(address);
  if ("version" in answer) return;
  throw new StepError(
    "engine",
    `no Docker engine answers at ${address}: ${answer.problem}`,
    "start it, or let `tsx images/build.ts --engine` make one on Debian or Ubuntu",
  );
}

/** Adds to what earlier runs recorded, so that `only` does not forget the other parts. */
async function recordImages(path: string, parts: readonly BuiltPart[], { cache, log }: StepContext): Promise<void> {
  await withLock(
    cache,
    "images.json",
    () => undefined,
    async () => {
      const text = await readFile(path, "utf8").catch(() => "{}");
      const images = JSON.parse(text) as Record<string, ImageChoice>;
      for (const { key, image } of parts) if (image !== undefined) images[key] = image;
      const updated = `${JSON.stringify(images, null, 2)}\n`;
      if (updated === text) return;
      await writeAtomically(path, updated);
      log(line("images.json", `written: ${path}`));
    },
  );
}

async function inTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

function parseKeys(text: string): readonly PartKey[] {
  const keys = text.split(",").map((key) => key.trim());
  const unknown = keys.filter((key) => !(PART_KEYS as readonly string[]).includes(key));
  if (unknown.length > 0) throw new InvalidArgumentError(`${unknown.join(", ")}: allowed are ${PART_KEYS.join(", ")}`);
  return keys as PartKey[];
}

async function main(): Promise<void> {
  const command = new Command("build")
    .description(
      "Builds the parts of Mirador Stack where no image registry can be reached, and imports them into Docker.",
    )
    .option("--only <keys>", `comma-separated: ${PART_KEYS.join(", ")}`, parseKeys)
    .option("--engine", "make a Docker engine first when none answers (root on Debian or Ubuntu)")
    .option("--oldest", "build the oldest versions that this release is for, as the long run of the tests uses them")
    .option(
      "--print-env",
      'print the exports that plan and Terraform need on stdout when done: eval "$(tsx images/build.ts --print-env)"',
    )
    .parse();
  const { only, engine, oldest, printEnv } = command.opts<{
    only?: readonly PartKey[];
    engine?: boolean;
    oldest?: boolean;
    printEnv?: boolean;
  }>();
  const log = (text: string): void => console.error(text);
  if (engine) await ensureEngine({ log });
  const started = performance.now();
  const edition = oldest === true ? "oldest" : "newest";
  const { parts } = await buildParts({ log, edition, ...(only === undefined ? {} : { only }) });
  log(line("done", `${parts.length} parts`, (performance.now() - started) / 1000));
  if (!printEnv) return;
  // Without the first, cdktf asks the registry for checksums; without the second, Terraform asks for news.
  const quiet = { CDKTF_SKIP_PROVIDER_LOCK: "true", CHECKPOINT_DISABLE: "1" };
  for (const [name, value] of Object.entries({ ...partsEnvironment(edition), ...quiet }))
    console.log(`export ${name}='${value.replaceAll("'", `'\\''`)}'`);
}

if (require.main === module) {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
