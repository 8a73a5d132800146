import type Docker from "dockerode";
import { CliError } from "./failure";

export interface LabelledContainer {
  readonly id: string;
  readonly name: string;
}

/** Every container of one node of one fleet, running or not. */
export async function nodeContainers(
  client: Docker,
  { fleet, node }: { readonly fleet: string; readonly node: string },
): Promise<readonly LabelledContainer[]> {
  const label = [`mirador.fleet=${fleet}`, `mirador.node=${node}`];
  const containers = await client.listContainers({ all: true, filters: { label } });
  return containers.map(({ Id, Names }) => ({ id: Id, name: Names[0]?.slice(1) ?? Id.slice(0, 12) }));
}

/** Containers that carry our labels and that Terraform does not know: their names would make every apply fail. */
export function findOrphans(
  containers: readonly LabelledContainer[],
  idsInState: ReadonlySet<string>,
): readonly LabelledContainer[] {
  return containers.filter(({ id }) => !idsInState.has(id)).toSorted((a, b) => a.name.localeCompare(b.name));
}

export interface OrphanCase {
  readonly node: string;
  readonly orphans: readonly LabelledContainer[];
  /** An earlier run from here was killed in the middle, so that these are what it left. */
  readonly unfinished: boolean;
  /** Where Terraform's state is, for people. */
  readonly state: string;
}

/**
 * Decides what may be removed. Without a sign of an unfinished run the containers are somebody's deployment: another
 * checkout's, or one whose state was lost.
 * @throws CliError when they are not ours to remove
 */
export function removableOrphans({ node, orphans, unfinished, state }: OrphanCase): readonly LabelledContainer[] {
  if (orphans.length === 0 || unfinished) return orphans;
  const names = orphans.map(({ name }) => name);
  const shown = names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
  throw new CliError({
    code: "engine/not-in-state",
    what: `${shown} belong to ${node}, but another state than this one made them`,
    where: state,
    fix: `deploy from the checkout that made them, or give this fleet another name; if their state is lost, remove them (data volumes stay): docker rm -f ${names.join(" ")}`,
  });
}

export async function removeContainers(client: Docker, containers: readonly LabelledContainer[]): Promise<void> {
  for (const { id } of containers) await ignoreMissing(client.getContainer(id).remove({ force: true, v: true }));
}

/** A network of ours that Terraform does not know and nobody uses. */
export async function removeOrphanNetwork(
  client: Docker,
  name: string,
  idsInState: ReadonlySet<string>,
): Promise<boolean> {
  const networks = await client.listNetworks({ filters: { name: [name] } });
  const orphan = networks.find((network) => network.Name === name && !idsInState.has(network.Id));
  if (orphan === undefined) return false;
  const network = client.getNetwork(orphan.Id);
  const { Containers = {} } = await network.inspect();
  if (Object.keys(Containers).length > 0) return false;
  await ignoreMissing(network.remove());
  return true;
}

async function ignoreMissing(removal: Promise<unknown>): Promise<void> {
  await removal.catch((error: { statusCode?: number }) => {
    if (error.statusCode !== 404) throw error;
  });
}
