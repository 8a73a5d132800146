import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type Docker from "dockerode";
import type { Fleet } from "../../lib/fleet/fleet";
import { localStatePath } from "../../lib/plan/node-plan";
import type { Trouble } from "../failure";
import { idsInState } from "../terraform";

/** A node that the fleet does not name any more and that still has containers. */
export interface LeftNode {
  readonly name: string;
  /** How it is known. */
  readonly where: string;
}

/** Nodes of the fleet whose local state has containers. */
export function nodesInState(stateFolder: string, { name }: Pick<Fleet, "name">): readonly LeftNode[] {
  const folder = dirname(localStatePath(stateFolder, name, "node"));
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".tfstate"))
    .map((file) => join(folder, file))
    .filter((file) => idsInState(readFileSync(file, "utf8"), "docker_container").size > 0)
    .map((file) => ({ name: basename(file, ".tfstate"), where: file }));
}

/** Nodes of the fleet that have containers on an engine, by their labels. */
export async function nodesOnEngine(client: Docker, fleet: string, address: string): Promise<readonly LeftNode[]> {
  const containers = await client.listContainers({ all: true, filters: { label: [`mirador.fleet=${fleet}`] } });
  const names = new Set(containers.map(({ Labels }) => Labels["mirador.node"] ?? ""));
  return [...names].filter((name) => name !== "").map((name) => ({ name, where: address }));
}

/** Nodes that were taken out of the fleet while they hold their part of the data, perhaps the only copy in their group. */
export function leftNodeTroubles(
  { name: fleet, nodes }: Pick<Fleet, "name" | "nodes">,
  found: readonly LeftNode[],
): readonly Trouble[] {
  const left = found.filter((node) => !nodes.some(({ name }) => name === node.name));
  return [...new Set(left.map(({ name }) => name))].map((name) => ({
    code: "fleet/node-taken-out",
    what: `${name} is not in the fleet ${fleet} any more and still has its containers and its part of the data`,
    where: left
      .filter((node) => node.name === name)
      .map(({ where }) => where)
      .join(", "),
    fix: `put it back at its place in fleet.nodes; to let it go, do so and run npx cdktf destroy ${name} (its volumes stay), then take it out: what its group so lacks comes from the other one (npm run mirador -- repair); another fleet needs another name`,
  }));
}
