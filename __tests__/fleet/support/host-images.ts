import { text } from "node:stream/consumers";
import type Docker from "dockerode";
import { connectEngine } from "../../../images/engine";
import type { Host } from "./host";

/** Ids of the images that an engine has, of those that are asked for. */
async function imageIds(docker: Docker, refs: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const ids = await Promise.all(refs.map(async (ref) => [ref, await imageId(docker, ref)] as const));
  return new Map(ids.filter((entry): entry is readonly [string, string] => entry[1] !== undefined));
}

async function imageId(docker: Docker, ref: string): Promise<string | undefined> {
  try {
    return (await docker.getImage(ref).inspect()).Id;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}

/**
 * Gives a host the images that it lacks, straight from another engine, and takes away those that are wanted no more.
 * @param refs images that the other engine has
 * @returns how many it got
 */
export async function giveImages(from: Docker, host: Host, refs: readonly string[]): Promise<number> {
  const wanted = await imageIds(from, refs);
  const present = await imageIds(host.docker, refs);
  const missing = refs.filter((ref) => present.get(ref) !== wanted.get(ref));
  // No timeout: hundreds of megabytes take their time.
  const loader = connectEngine(`unix://${host.spec.socket}`);
  for (const ref of missing) {
    const answer = await text(await loader.loadImage(await from.getImage(ref).get()));
    // A failed load is told in the body of an answer with status 200.
    const failure = /"error":"([^"]*)"/.exec(answer);
    if (failure) throw new Error(`${host.name} refused ${ref}: ${failure[1]}`);
  }
  await removeOthers(host.docker, new Set(wanted.values()));
  return missing.length;
}

/** Data folders are kept for years; images of last year's versions are not. */
async function removeOthers(docker: Docker, wanted: ReadonlySet<string>): Promise<void> {
  for (const { Id } of await docker.listImages()) {
    if (!wanted.has(Id)) await docker.getImage(Id).remove({ force: true });
  }
}
