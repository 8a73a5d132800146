import type { Layout } from "../fleet/definition";

/** A storage group is a complete cluster that holds everything, sharded over its nodes. */
export type Group = "a" | "b";

/** Node i (0-based) belongs to group a if i is even, else to b: a fourth node moves none of the other three. */
export function groupOf(index: number): Group {
  return index % 2 === 0 ? "a" : "b";
}

/** How many storage groups a fleet of so many nodes has. */
export function groupCount(nodes: number): number {
  return nodes > 1 ? 2 : 1;
}

export function planGroups(nodes: readonly string[]): Readonly<Record<Group, readonly string[]>> {
  return {
    a: nodes.filter((_, index) => groupOf(index) === "a"),
    b: nodes.filter((_, index) => groupOf(index) === "b"),
  };
}

/** A node as the others know it. */
export interface Member {
  readonly name: string;
  readonly address: string;
  readonly group: Group;
  /** From 1, in the fleet's order. It is part of door numbers, and so of the names that storages are sharded by. */
  readonly number: number;
}

export function planMembers(nodes: readonly { readonly name: string; readonly address: string }[]): readonly Member[] {
  return nodes.map(({ name, address }, index) => ({ name, address, group: groupOf(index), number: index + 1 }));
}

/** The groups that have a node, in order. */
export function groupsOf(members: readonly Member[]): readonly Group[] {
  return (["a", "b"] as const).filter((group) => members.some((member) => member.group === group));
}

/**
 * The nodes that hold a group's data of one signal. The single layout cannot shard, so there the first node of a group
 * holds all of it: a fleet of ten such nodes has two stores, and any one node may still die.
 */
export function storageMembers(members: readonly Member[], group: Group, layout: Layout): readonly Member[] {
  const own = members.filter((member) => member.group === group);
  return layout === "single" ? own.slice(0, 1) : own;
}
