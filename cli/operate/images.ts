import { createReadStream, createWriteStream, existsSync, renameSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import type Docker from "dockerode";
import type { NodePlan } from "../../lib/plan/node-plan";
import { columns } from "../access-table";
import { imageEngine, imagesOf, provideImages } from "../engine-images";
import { CliError, EXIT, formatTrouble, type Trouble } from "../failure";
import { sizeText } from "../queues";
import type { Session } from "../session";
import { asked } from "../up/engines";
import type { SeenNode } from "../up/roll-out";
import { underName } from "../up/under-name";
import { enginesSaid, nodesToLookAt, reachNodes, seeNodes } from "./nodes";

/** An image that a node needs. */
export interface ImageRow {
  readonly node: string;
  readonly ref: string;
  readonly version: string;
  /** `sha256:…` of the image on the engine; absent when it is not there. */
  readonly id?: string;
  /** Bytes; absent when it is not there. */
  readonly size?: number;
}

/** `mirador images`: what each node needs and has. @returns the exit status: 1 when an engine does not answer */
export async function listImages(session: Session, named: readonly string[], json: boolean): Promise<number> {
  const { fleet, plans } = await nodesToLookAt(session, named);
  const found = await Promise.all(
    (await reachNodes(fleet, plans, session)).map(async ({ plan, engine }) =>
      "code" in engine ? engine : asked(engine, () => rowsOf(plan, engine.client)),
    ),
  );
  const troubles = found.flatMap((one) => ("code" in one ? one : []));
  const rows = found.flatMap((one) => ("code" in one ? [] : one));
  const text = json
    ? JSON.stringify({ fleet: fleet.name, images: rows, troubles }, null, 2)
    : imagesText(rows, troubles);
  process.stdout.write(`${text}\n`);
  return troubles.length > 0 ? EXIT.failed : EXIT.ok;
}

async function rowsOf(plan: NodePlan, client: Docker): Promise<readonly ImageRow[]> {
  const versions = new Map(Object.values(plan.images).map(({ ref, version }) => [ref, version]));
  return Promise.all(
    imagesOf(plan).map(async (ref): Promise<ImageRow> => {
      const about = { node: plan.name, ref, version: versions.get(ref) ?? "" };
      const details = await client
        .getImage(ref)
        .inspect()
        .catch((error: { statusCode?: number }) => {
          if (error.statusCode === 404) return undefined;
          throw error;
        });
      return details === undefined ? about : { ...about, id: details.Id, size: details.Size };
    }),
  );
}

export function imagesText(rows: readonly ImageRow[], troubles: readonly Trouble[]): string {
  const cells = rows.map(({ node, ref, version, id, size }) => [
    ...[node, ref, version],
    ...(id === undefined ? ["not there", "-"] : [id.replace("sha256:", "").slice(0, 12), sizeText(size ?? 0)]),
  ]);
  return [
    ...columns([["node", "image", "version", "id", "size"], ...cells]),
    ...troubles.flatMap((trouble) => ["", formatTrouble(trouble)]),
  ].join("\n");
}

/** `mirador images pull`: so that a deploy finds them there. @throws CliError with all that cannot be had */
export async function pullImages(session: Session, named: readonly string[]): Promise<number> {
  const troubles = await onEach(session, named, "pull", async ({ plan, engine }, waiting) => {
    const provision = await provideImages(imagesOf(plan), imageEngine(engine.client), { waiting });
    if (provision.complete) return `${provision.pulled} pulled, ${provision.present} were there`;
    const { ref, reason } = provision;
    const trouble: Trouble = {
      code: "image/missing",
      what: `${ref} cannot be pulled for ${plan.name}: ${reason}`,
      where: engine.address,
      fix: "name one that can be had (MIRADOR_IMAGES), or carry it there: mirador images save, then load",
    };
    return trouble;
  });
  if (troubles.length > 0) throw new CliError(troubles);
  return EXIT.ok;
}

/** The types leave it out. */
type WithGetImages = Docker & {
  getImages(options: { readonly names: readonly string[] }): Promise<NodeJS.ReadableStream>;
};

/**
 * `mirador images save`: writes what the nodes need into one file, for hosts that no registry can be reached from.
 * @throws CliError `images/file-exists`, `images/not-together`; no file is left of one that failed
 */
export async function saveImages(session: Session, file: string, named: readonly string[]): Promise<number> {
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
  const refs = [...new Set(plans.flatMap(imagesOf))];
  const { progress } = session;
  const nodes = await progress.step(
    "machine",
    "asking all engines",
    () => seeNodes(fleet, plans, session),
    enginesSaid,
  );
  const source = await firstWithAll(nodes, refs);
  // Two at once would write one file.
  const part = `${path}.${process.pid}.part`;
  const tidy = (): void => rmSync(part, { force: true });
  process.once("exit", tidy);
  await progress.step(
    "save",
    `the engine of ${source.plan.name} writes ${refs.length} images`,
    async (step) => {
      try {
        const images = await (source.engine.client as WithGetImages).getImages({ names: refs });
        let bytes = 0;
        images.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          step.waiting(`the engine of ${source.plan.name} writes ${refs.length} images, ${sizeText(bytes)} so far`);
        });
        await pipeline(images, createWriteStream(part, { flags: "w" }));
        renameSync(part, path);
        return bytes;
      } finally {
        tidy();
        process.off("exit", tidy);
      }
    },
    (bytes) => `${refs.length} images in ${file}, ${sizeText(bytes)}`,
  );
  return EXIT.ok;
}

async function firstWithAll(nodes: readonly SeenNode[], refs: readonly string[]): Promise<SeenNode> {
  const lacking = await Promise.all(
    nodes.map(async (node) => {
      const engine = imageEngine(node.engine.client);
      const found = await Promise.all(refs.map((ref) => engine.has(ref)));
      return { node, missing: refs.filter((_, index) => found[index] === false) };
    }),
  );
  const whole = lacking.find(({ missing }) => missing.length === 0);
  if (whole !== undefined) return whole.node;
  throw new CliError({
    code: "images/not-together",
    what: `no engine has all ${refs.length} images:\n${lacking.map(({ node, missing }) => `${node.plan.name} lacks ${missing.join(", ")}`).join("\n")}`,
    where: "the engines of the nodes",
    fix: "npm run mirador -- images pull, on a node that can reach the registries",
  });
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
    const trouble: Trouble = {
      code: "images/not-loaded",
      what: `${plan.name}: ${why}`,
      where: file,
      fix: "write the file anew with mirador images save, of a fleet with the same images",
    };
    return trouble;
  });
  if (troubles.length > 0) throw new CliError(troubles);
  return EXIT.ok;
}

async function loadInto(client: Docker, path: string): Promise<undefined> {
  const stream = await client.loadImage(createReadStream(path));
  await new Promise<void>((done, failed) => {
    client.modem.followProgress(stream, (error) => (error ? failed(error) : done()));
  });
  return undefined;
}

/** One node after the other, and the others all the same when one fails. */
async function onEach(
  session: Session,
  named: readonly string[],
  verb: string,
  work: (node: SeenNode, waiting: (text: string) => void) => Promise<string | Trouble>,
): Promise<readonly Trouble[]> {
  const { fleet, plans } = await nodesToLookAt(session, named);
  const { progress } = session;
  const nodes = await progress.step(
    "machine",
    "asking all engines",
    () => seeNodes(fleet, plans, session),
    enginesSaid,
  );
  const troubles: Trouble[] = [];
  for (const node of nodes) {
    const told = fleet.nodes.length === 1 ? progress : underName(progress, node.plan.name);
    const done = await told.step(
      verb,
      `${verb}s images`,
      (step) => asked(node.engine, async () => work(node, step.waiting)),
      (result) => (typeof result === "string" ? result : `failed: ${result.code}`),
    );
    if (typeof done !== "string") troubles.push(done);
  }
  return troubles;
}
