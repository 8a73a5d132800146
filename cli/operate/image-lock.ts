import { existsSync } from "node:fs";
import { relative } from "node:path";
import type Docker from "dockerode";
import { readEnvironment } from "../../inputs/environment";
import { imageLockPath } from "../../inputs/image-lock";
import { fleetPath } from "../../inputs/load-fleet";
import { PUBLIC_MODE, replaceFile } from "../../inputs/pki/write";
import type { Fleet } from "../../lib/fleet/fleet";
import { byTag, type ImageLock, lockedDigest, renderImageLock } from "../../lib/images/lock";
import { isLocal, shortReference } from "../../lib/images/reference";
import type { NodePlan } from "../../lib/plan/node-plan";
import { neededImages } from "../../lib/plan/plan-fleet";
import { columns } from "../access-table";
import { chosenNodes } from "../chosen";
import { reasonOf } from "../engine-images";
import { CliError, EXIT, type Trouble } from "../failure";
import { progressOf, type Session } from "../session";
import { type ReachedEngine, withinSeconds } from "../up/engines";
import { hereEngine, nodesToLookAt, reachNodes } from "./nodes";

/** A registry that says nothing for so long is taken for unreachable. */
const ANSWER_SECONDS = 45;

/** What {@link lockFleetImages} does. */
export interface LockOptions {
  /** Whose engine asks the registries. @default - the first node that answers, then this machine for what that did not learn */
  readonly node?: string;
  /** Nothing is written. */
  readonly check: boolean;
  readonly json: boolean;
}

/** An image that is locked. */
export interface LockedImage {
  readonly ref: string;
  /** `sha256:…`, as its registry says now. */
  readonly digest: string;
  /** What the lock says; absent when it has none. */
  readonly before?: string;
}

/** An image that is not locked, and why that is no fault. */
export interface UnlockedImage {
  readonly ref: string;
  readonly reason: string;
}

/** What registries say now beside what the lock says. */
export interface LockReport {
  readonly fleet: string;
  /** The lock, from the checkout. */
  readonly file: string;
  /** Whether all is known and the lock is what registries say now. */
  readonly current: boolean;
  readonly images: readonly LockedImage[];
  readonly leftOut: readonly UnlockedImage[];
  /** References in the lock that nothing needs any more. */
  readonly unneeded: readonly string[];
}

/**
 * `mirador images lock`: resolves the tags of all images that the fleet needs, and writes their digests beside its module.
 * @returns the exit status: 1 when a tag was not resolved; with `check`, 2 when the lock is not what registries say now
 * @throws CliError for people, with everything that was not resolved; then nothing is written
 */
export async function lockFleetImages(session: Session, { node, check, json }: LockOptions): Promise<number> {
  const { fleet, plans } = await nodesToLookAt(session, []);
  const environment = readEnvironment(session.folder, session.environment);
  const path = imageLockPath(fleetPath(session.folder, environment));
  const file = relative(session.folder, path);
  const needed = neededImages(fleet, plans);
  const asking = node === undefined ? plans.filter(({ pulls }) => pulls) : chosenNodes(plans, [node]);
  const askers: readonly Asker[] = [
    () => firstToAnswer(fleet, asking, session),
    ...(node === undefined ? [() => hereEngine(session).catch(troublesOf)] : []),
  ];
  const { answers, troubles } = await progressOf(session, json).step(
    "registry",
    `asking for the digests of ${needed.length} images`,
    () => resolveReferences(needed, askers),
    (found) =>
      `${found.answers.filter((answer) => "digest" in answer).length} of ${needed.length} images have a digest`,
  );
  const report = reportOf({ fleet: fleet.name, file, lock: fleet.imageLock, answers });
  const outdated = check ? lockOutdated(report, existsSync(path)) : [];
  if (json) process.stdout.write(`${JSON.stringify({ ...report, troubles: [...troubles, ...outdated] }, null, 2)}\n`);
  else if (report.images.length + report.leftOut.length > 0) process.stdout.write(`${lockText(report)}\n`);
  if (troubles.length === 0 && !check && !report.current) {
    const digests = Object.fromEntries(report.images.map(({ ref, digest }) => [ref, digest]));
    replaceFile(path, renderImageLock(digests), PUBLIC_MODE);
    if (!json) session.progress.line(`${file} is written; commit it. npm run mirador -- plan tells what it changes`);
  }
  if (troubles.length + outdated.length === 0) return EXIT.ok;
  const status = troubles.length > 0 ? EXIT.failed : EXIT.differences;
  if (json) return status;
  throw new CliError([...troubles, ...outdated], status);
}

/** One of many is enough: hosts of a fleet share their way out more often than not, and each may take its time to fail. */
async function firstToAnswer(fleet: Fleet, plans: readonly NodePlan[], session: Session): ReturnType<Asker> {
  const engines = (await reachNodes(fleet, plans, session)).map(({ engine }) => engine);
  const troubles = engines.flatMap((engine) => ("code" in engine ? engine : []));
  const [first] = engines.flatMap((engine) => ("code" in engine ? [] : engine));
  return first ?? troubles;
}

/** Reaches an engine that may ask registries, or says why none answers. */
export type Asker = () => Promise<Pick<ReachedEngine, "node" | "client" | "address"> | readonly Trouble[]>;

export type Answer =
  | { readonly ref: string; readonly digest: string }
  /** Not for a lock. */
  | { readonly ref: string; readonly leftOut: string }
  /** The registry says that it has none. */
  | { readonly ref: string; readonly refused: string }
  /** Nobody knows: another engine may have a way to the registry. */
  | { readonly ref: string; readonly unanswered: string };

/**
 * Asks for all references through one engine after the other, until each is answered.
 * @returns what is known in the order of `refs`, and all that stands in the way
 */
export async function resolveReferences(
  refs: readonly string[],
  askers: readonly Asker[],
): Promise<{ readonly answers: readonly Answer[]; readonly troubles: readonly Trouble[] }> {
  const answers = new Map<string, Answer>(refs.map((ref) => [ref, withoutRegistry(ref)]));
  const silent: Trouble[] = [];
  const asked = new Map<string, string>();
  for (const reach of askers) {
    const open = [...answers.values()].filter((answer) => "unanswered" in answer);
    if (open.length === 0) break;
    const engine = await reach();
    if (!("client" in engine)) {
      silent.push(...engine);
      continue;
    }
    // This machine's engine may be a node's.
    if (asked.has(engine.address)) continue;
    asked.set(engine.address, engine.node);
    for (const answer of await Promise.all(open.map(({ ref }) => ask(engine, ref)))) answers.set(answer.ref, answer);
  }
  const found = [...answers.values()];
  // Engines that do not answer matter only where another one did not help.
  const helpless = found.some((answer) => "unanswered" in answer) ? silent : [];
  return { answers: found, troubles: [...unresolved(found, asked), ...helpless] };
}

function withoutRegistry(ref: string): Answer {
  if (isLocal(ref)) return { ref, leftOut: "made on a machine, no registry has it" };
  if (!byTag(ref)) return { ref, leftOut: "the fleet itself names the digest" };
  return { ref, unanswered: "no engine answers" };
}

async function ask({ node, client }: Pick<ReachedEngine, "node" | "client">, ref: string): Promise<Answer> {
  try {
    const image = client.getImage(ref) as Docker.Image & {
      distribution(): Promise<{ readonly Descriptor?: { readonly digest?: string } }>;
    };
    const digest = (await withinSeconds(image.distribution(), ANSWER_SECONDS)).Descriptor?.digest;
    if (digest !== undefined && /^sha256:[0-9a-f]{64}$/.test(digest)) return { ref, digest };
    return { ref, unanswered: `the registry gives no digest by SHA-256 (${digest ?? "none"})` };
  } catch (error) {
    const reason = reasonOf(error as Error);
    if (!isRefusal(error)) return { ref, unanswered: reason };
    const details = await client
      .getImage(ref)
      .inspect()
      .catch(() => undefined);
    // An image that came from a registry keeps the digest that it had there.
    if (details !== undefined && (details.RepoDigests ?? []).length === 0)
      return { ref, leftOut: `made on or loaded into the engine of ${node}, no registry has it` };
    return { ref, refused: reason };
  }
}

/** Registries hide what somebody may not see, so "denied" is "not there" too; 408 and 429 are no answers. */
function isRefusal(error: unknown): boolean {
  return [400, 401, 403, 404].includes((error as { readonly statusCode?: number }).statusCode ?? 0);
}

function unresolved(answers: readonly Answer[], asked: ReadonlyMap<string, string>): readonly Trouble[] {
  const refused = answers.flatMap((answer) => ("refused" in answer ? answer : []));
  const unanswered = answers.flatMap((answer) => ("unanswered" in answer ? answer : []));
  const through = [...asked].map(([address, node]) => `${node} (${address})`).join(", ") || "no engine";
  const reasons = [...new Set(unanswered.map(({ unanswered: reason }) => reason))];
  return [
    ...refused.map(({ ref, refused: reason }) => ({
      code: "images/not-in-registry",
      what: `the registry has no ${ref}, or shows it to nobody without a login: ${reason}`,
      where: through,
      fix: "correct the reference in the fleet (images) or in the file of MIRADOR_IMAGES",
    })),
    // One fault of the network is told once, whatever the number of images.
    ...reasons.map((reason) => {
      const refs = unanswered.filter((answer) => answer.unanswered === reason).map(({ ref }) => ref);
      return {
        code: "images/registry-unreached",
        what: `no digest of ${refs.join(", ")}: ${reason}`,
        where: through,
        fix: "run it where an engine reaches the registry: the engine of a node, or the one of this machine",
      };
    }),
  ];
}

interface ReportRequest {
  readonly fleet: string;
  readonly file: string;
  readonly lock: ImageLock | undefined;
  readonly answers: readonly Answer[];
}

export function reportOf({ fleet, file, lock, answers }: ReportRequest): LockReport {
  const images = answers.flatMap((answer): LockedImage[] => {
    if (!("digest" in answer)) return [];
    const before = lockedDigest(lock, answer.ref);
    return [{ ref: answer.ref, digest: answer.digest, ...(before === undefined ? {} : { before }) }];
  });
  const leftOut = answers.flatMap((answer) =>
    "leftOut" in answer ? [{ ref: answer.ref, reason: answer.leftOut }] : [],
  );
  const kept = new Set(answers.filter((answer) => !("leftOut" in answer)).map(({ ref }) => ref));
  const unneeded = Object.keys(lock?.images ?? {}).filter((ref) => !kept.has(ref));
  const known = images.length + leftOut.length === answers.length;
  const current = known && unneeded.length === 0 && images.every(({ digest, before }) => digest === before);
  return { fleet, file, current, images, leftOut, unneeded };
}

export function lockText({ images, leftOut, unneeded }: LockReport): string {
  const rows = [
    ...images.map((image) => [image.ref, shortReference(image.digest), stateOf(image)]),
    ...leftOut.map(({ ref, reason }) => [shortReference(ref), "-", `left out: ${reason}`]),
    ...unneeded.map((ref) => [ref, "-", "in the lock, and nothing needs it any more"]),
  ];
  return columns([["image", "digest", ""], ...rows]).join("\n");
}

function stateOf({ digest, before }: LockedImage): string {
  if (before === undefined) return "new";
  return before === digest ? "as locked" : `moved, was ${shortReference(before)}`;
}

function lockOutdated({ file, images, unneeded }: LockReport, exists: boolean): readonly Trouble[] {
  const moved = images.filter(({ digest, before }) => before !== undefined && before !== digest);
  const fresh = images.filter(({ before }) => before === undefined);
  const lines = [
    ...moved.map(({ ref }) => `${ref} is another image now`),
    ...fresh.map(({ ref }) => `${ref} is not in it`),
    ...unneeded.map((ref) => `${ref} is in it, and nothing needs it any more`),
  ];
  if (lines.length === 0) return [];
  const what = `${exists ? "the lock is not what registries say now" : "there is no lock"}:\n${lines.join("\n")}`;
  const fix = "npm run mirador -- images lock, then look at what it changes and commit it";
  return [{ code: "images/lock-outdated", what, where: file, fix }];
}

function troublesOf(error: unknown): readonly Trouble[] {
  if (error instanceof CliError) return error.troubles;
  throw error;
}
