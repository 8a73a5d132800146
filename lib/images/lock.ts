import type { Problem } from "../problem";
import type { ImageKey } from "./catalog";
import type { ResolvedImages } from "./overrides";
import { isLocal, parseReference } from "./reference";

/**
 * What the tags of a fleet's images meant when somebody looked: the same content on every host and at every deploy, whoever
 * moves a tag. `mirador images lock` writes it beside the fleet, and it is committed with it.
 */
export interface ImageLock {
  readonly version: 1;
  /** `sha256:…` by reference, as the fleet writes that. Of an image for several processors it is the digest of the list. */
  readonly images: Readonly<Record<string, string>>;
}

/** Checks data that came from a file and is meant to be an {@link ImageLock}. */
export function validateImageLock(data: unknown, where: string): readonly Problem[] {
  if (!isObject(data)) return [invalid(where, "no object")];
  const { version, images, ...rest } = data;
  const problems = Object.keys(rest).map((key) => invalid(`${where}.${key}`, "unknown key"));
  if (version !== 1)
    problems.push(invalid(`${where}.version`, `version ${JSON.stringify(version)}; this program knows 1`));
  if (!isObject(images)) return [...problems, invalid(`${where}.images`, "no object of digests by reference")];
  for (const [ref, digest] of Object.entries(images)) {
    const place = `${where}.images[${JSON.stringify(ref)}]`;
    if (!/^[a-z0-9][\w.\-/:]{0,299}$/i.test(ref)) problems.push(invalid(place, "no reference to an image by its tag"));
    if (typeof digest !== "string" || !/^sha256:[0-9a-f]{64}$/.test(digest))
      problems.push(invalid(place, `${JSON.stringify(digest)} is no digest: sha256:<64 hex digits>`));
  }
  return problems;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function invalid(where: string, what: string): Problem {
  return { code: "image/lock-invalid", what, where, fix: LOCK_ANEW };
}

/** How a lock that cannot be used is mended. */
export const LOCK_ANEW = "put the committed file back; or remove it and write it anew: npm run mirador -- images lock";

/** The text of the file; the same images give the same text. */
export function renderImageLock(images: ImageLock["images"]): string {
  const sorted = Object.fromEntries(Object.entries(images).sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify({ version: 1, images: sorted } satisfies ImageLock, null, 2)}\n`;
}

/** The digest of a reference; a name such as `constructor` has none unless it is written there. */
export function lockedDigest(lock: ImageLock | undefined, ref: string): string | undefined {
  return lock !== undefined && Object.hasOwn(lock.images, ref) ? lock.images[ref] : undefined;
}

/** The same images, those that the lock holds by digest. The tag stays for people; Docker does not look at it. */
export function lockImages(images: ResolvedImages, lock: ImageLock | undefined): ResolvedImages {
  const entries = Object.entries(images).map(([key, choice]) => {
    const digest = lockedDigest(lock, choice.ref);
    return [key as ImageKey, digest === undefined ? choice : { ...choice, ref: `${choice.ref}@${digest}` }];
  });
  return Object.fromEntries(entries) as ResolvedImages;
}

/** What a lock is not told of, or tells in vain. @param needed references, as the fleet writes them */
export function lockWarnings(lock: ImageLock | undefined, needed: readonly string[]): readonly string[] {
  if (lock === undefined) return [];
  const lacking = needed.filter((ref) => lockedDigest(lock, ref) === undefined && !isLocal(ref) && byTag(ref));
  const left = Object.keys(lock.images).filter((ref) => !needed.includes(ref));
  const anew = "`npm run mirador -- images lock` writes it anew";
  return [
    ...(lacking.length > 0 ? [`the image lock has no digest of ${lacking.join(", ")}, taken by tag; ${anew}`] : []),
    ...(left.length > 0 ? [`the image lock holds ${left.join(", ")}, which nothing needs any more; ${anew}`] : []),
  ];
}

/** Whether a reference still has to be resolved. */
export function byTag(ref: string): boolean {
  return parseReference(ref).digest === undefined;
}
