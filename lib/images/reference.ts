/** What a reference of Docker's says: `registry:5000/name:tag@sha256:…`. */
export interface ImageReference {
  /** With the registry, when one is named. */
  readonly name: string;
  readonly tag?: string;
  /** `sha256:…`; where there is one, Docker does not look at the tag. */
  readonly digest?: string;
}

export function parseReference(ref: string): ImageReference {
  const [named = "", digest] = ref.split("@");
  // A colon before the last slash is a registry's port.
  const [, name = named, tag] = /^(.+?)(?::([^:/]+))?$/.exec(named) ?? [];
  return { name, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** Images that are made on a machine and have no registry. */
const LOCAL = "mirador.local/";

/** Whether an image was made for this project on some machine, so that no registry can be asked for it. */
export function isLocal(ref: string): boolean {
  return ref.startsWith(LOCAL);
}

/**
 * The name under which an image travels in a file. `docker load` knows tags alone: what was pulled by digest would arrive
 * without a name. So the digest becomes part of a tag, of a name that no registry has and nobody pulls. The name changes
 * with the digest, and a plan shows that as it shows any other version.
 */
export function loadedReference(ref: string): string {
  const { name, tag, digest } = parseReference(ref);
  if (digest === undefined) return ref;
  // A tag has 128 characters at most, and 64 of them are the digest.
  const said = tag === undefined ? "" : `${tag.slice(0, 63)}-`;
  return `${LOCAL}loaded/${name.toLowerCase().replaceAll(":", "-")}:${said}${digest.replace("sha256:", "")}`;
}

/** For people: a digest's first twelve digits, as Docker shows an id. */
export function shortReference(ref: string): string {
  return ref.replaceAll(/([0-9a-f]{12})[0-9a-f]{52}/g, "$1…");
}
