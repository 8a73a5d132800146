import { createReadStream, createWriteStream, existsSync, renameSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import type Docker from "dockerode";
import type { Fleet } from "../../lib/fleet/fleet";
import { byTag, lockImages } from "../../lib/images/lock";
import { loadedReference, parseReference } from "../../lib/images/reference";
import { type NodePlan, servicesOf } from "../../lib/plan/node-plan";
import { imageEngine, imagesOf, provideImages } from "../engine-images";
import { CliError, EXIT, type Trouble } from "../failure";
import type { Step } from "../progress";
import { sizeText } from "../queues";
import type { Session } from "../session";
import { onEach } from "./images";
import { enginesSaid, hereEngine, nodesToLookAt, seeNodes } from "./nodes";

/** The types leave it out. */
type WithGetImages = Docker & {
  getImages(options: { readonly names: readonly string[] }): Promise<NodeJS.ReadableStream>;
};

/** An engine that images may be taken from. */
interface Source {
  /** As people name it. */
  readonly name: string;
  readonly client: Docker;
}

/** What {@link saveImages} writes. */
export interface SaveOptions {
  readonly file: string;
  /** What these nodes need. @default - all */
  readonly nodes: readonly string[];
  /** This machine's own engine writes, after it pulled what it lacks; no node is asked. */
  readonly here: boolean;
}

/**
 * `mirador images save`: writes what the nodes need into one file, for hosts that no registry can be reached from.
 * @throws CliError `images/file-exists`, `images/not-together`; no file is left of one that failed
 */
export async function saveImages(session: Session, { file, nodes: named, here }: SaveOptions): Promise<number> {
  const path = resolve(session.folder, file);
  if (existsSync(path)) {
    throw new CliError({
      code: "images/file-exists",
      what: `${file} is there already, and nothing is written over it`,
      where: file,
      fix: "remove it, or name another file",
    });
  }
  const { fleet, plans } = await nodesToLookAt(session, named);
  const refs = lockedReferences(fleet, plans);
  const source = here ? await hereWithAll(session, refs) : await nodeWithAll(session, fleet, plans, refs);
  await session.progress.step(
    "save",
    `the engine of ${source.name} writes ${refs.length} images`,
    (step) => write(source, refs, path, step),
    (bytes) => `${refs.length} images in ${file}, ${sizeText(bytes)}`,
  );
  return EXIT.ok;
}

/** As a node that pulls them names them, whether these nodes do or not. */
function lockedReferences({ images, imageLock }: Fleet, plans: readonly NodePlan[]): readonly string[] {
  const locked = lockImages(images, imageLock);
  return [...new Set(plans.flatMap((plan) => servicesOf(plan).map(({ image }) => locked[image].ref)))];
}

async function hereWithAll(session: Session, refs: readonly string[]): Promise<Source> {
  const { address, client } = await hereEngine(session);
  const engine = imageEngine(client);
  // What a file brought earlier need not be pulled.
  const found = await Promise.all(refs.map((ref) => engine.has(loadedReference(ref))));
  const wanted = refs.filter((_, index) => found[index] === false);
  const provision = await session.progress.step(
    "pull",
    `this machine's engine looks for ${refs.length} images`,
    ({ waiting }) => provideImages(wanted, engine, { waiting }),
    (result) => (result.complete ? `${result.pulled} pulled, ${refs.length - result.pulled} were there` : "failed"),
  );
  if (provision.complete) return { name: "this machine", client };
  throw new CliError({
    code: "image/missing",
    what: `${provision.ref} is not on this machine's engine and cannot be pulled: ${provision.reason}`,
    where: address,
    fix: "run this where the registry can be reached, or name another image in MIRADOR_IMAGES",
  });
}

async function nodeWithAll(
  session: Session,
  fleet: Fleet,
  plans: readonly NodePlan[],
  refs: readonly string[],
): Promise<Source> {
  const nodes = await session.progress.step(
    "machine",
    "asking all engines",
    () => seeNodes(fleet, plans, session),
    enginesSaid,
  );
  const lacking = await Promise.all(
    nodes.map(async ({ plan, engine: { client } }) => {
      const engine = imageEngine(client);
      const found = await Promise.all(
        refs.map(async (ref) => (await engine.has(ref)) || (await engine.has(loadedReference(ref)))),
      );
      return { source: { name: plan.name, client }, missing: refs.filter((_, index) => found[index] === false) };
    }),
  );
  const whole = lacking.find(({ missing }) => missing.length === 0);
  if (whole !== undefined) return whole.source;
  throw new CliError({
    code: "images/not-together",
    what: `no engine has all ${refs.length} images:\n${lacking.map(({ source, missing }) => `${source.name} lacks ${missing.join(", ")}`).join("\n")}`,
    where: "the engines of the nodes",
    fix: "npm run mirador -- images pull, on a node that can reach the registries; or images save --here, on a machine that can",
  });
}

/** @returns bytes */
async function write({ name, client }: Source, refs: readonly string[], path: string, step: Step): Promise<number> {
  // Two at once would write one file.
  const part = `${path}.${process.pid}.part`;
  const tidy = (): void => rmSync(part, { force: true });
  process.once("exit", tidy);
  const tagged: string[] = [];
  try {
    for (const ref of refs) if (await tagForFile(client, ref)) tagged.push(loadedReference(ref));
    const images = await (client as WithGetImages).getImages({ names: refs.map(loadedReference) });
    let bytes = 0;
    images.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      step.waiting(`the engine of ${name} writes ${refs.length} images, ${sizeText(bytes)} so far`);
    });
    await pipeline(images, createWriteStream(part, { flags: "w" }));
    renameSync(part, path);
    return bytes;
  } finally {
    rmSync(part, { force: true });
    // The name alone goes: the image has the one that it was pulled by.
    for (const ref of tagged) await client.getImage(ref).remove();
  }
}

/** A file holds tags alone. @returns whether the engine had no such tag before */
async function tagForFile(client: Docker, ref: string): Promise<boolean> {
  if (byTag(ref) || (await imageEngine(client).has(loadedReference(ref)))) return false;
  const { name: repo, tag = "" } = parseReference(loadedReference(ref));
  await client.getImage(ref).tag({ repo, tag });
  return true;
}

/**
 * `mirador images load`: brings a file of {@link saveImages} to nodes.
 * @throws CliError `images/file-missing`; `images/not-loaded` for each node that lacks something afterwards
 */
export async function loadImages(session: Session, file: string, named: readonly string[]): Promise<number> {
  const path = resolve(session.folder, file);
  if (!existsSync(path)) {
    throw new CliError({
      code: "images/file-missing",
      what: `there is no ${file}`,
      where: file,
      fix: "npm run mirador -- images save <file> writes it, where the images are",
    });
  }
  const troubles = await onEach(session, named, "load", async ({ plan, engine }) => {
    const { client } = engine;
    const failure = await loadInto(client, path).catch((error: Error) => error);
    const has = imageEngine(client).has;
    const refs = imagesOf(plan);
    const found = await Promise.all(refs.map(has));
    const missing = refs.filter((_, index) => found[index] === false);
    if (failure === undefined && missing.length === 0) return `all ${refs.length} images are there`;
    const why = failure === undefined ? `the file has no ${missing.join(", ")}` : failure.message;
    return notLoaded(plan, why, file, missing);
  });
  if (troubles.length > 0) throw new CliError(troubles);
  return EXIT.ok;
}

function notLoaded({ name, pulls }: NodePlan, why: string, file: string, missing: readonly string[]): Trouble {
  // A file holds tags alone, so this node looks for a name that no file can bring.
  const byDigest = pulls && !missing.every(byTag);
  return {
    code: "images/not-loaded",
    what: `${name}: ${why}`,
    where: file,
    fix: byDigest
      ? `write pulls: false for ${name} in the fleet: what is locked by digest then has the name that the file gives it`
      : "write the file anew with mirador images save, of a fleet with the same images and the same lock",
  };
}

async function loadInto(client: Docker, path: string): Promise<undefined> {
  const stream = await client.loadImage(createReadStream(path));
  await new Promise<void>((done, failed) => {
    client.modem.followProgress(stream, (error) => (error ? failed(error) : done()));
  });
  return undefined;
}
