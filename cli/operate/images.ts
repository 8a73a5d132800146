import type Docker from "dockerode";
import { shortReference } from "../../lib/images/reference";
import type { NodePlan } from "../../lib/plan/node-plan";
import { columns } from "../access-table";
import { carriedBy, imageEngine, imagesOf, provideImages } from "../engine-images";
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
    ...[node, shortReference(ref), version],
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
    const provision = await provideImages(imagesOf(plan), imageEngine(engine.client), { waiting, pulls: plan.pulls });
    if (provision.complete) return `${provision.pulled} pulled, ${provision.present} were there`;
    const { ref, reason } = provision;
    const trouble: Trouble = {
      code: "image/missing",
      what: `${ref} cannot be pulled for ${plan.name}: ${reason}`,
      where: engine.address,
      fix: plan.pulls
        ? "name one that can be had (MIRADOR_IMAGES), or carry it there: mirador images save, then load"
        : carriedBy(ref, plan, engine.address),
    };
    return trouble;
  });
  if (troubles.length > 0) throw new CliError(troubles);
  return EXIT.ok;
}

/** One node after the other, and the others all the same when one fails. */
export async function onEach(
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
