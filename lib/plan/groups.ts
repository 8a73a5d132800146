/** A storage group is a complete cluster that holds everything, sharded over its nodes. */
export type Group = "a" | "b";

/** Node i (0-based) belongs to group a if i is even, else to b: a fourth node moves none of the other three. */
export function groupOf(index: number): Group {
  return index % 2 === 0 ? "a" : "b";
}

export function planGroups(nodes: readonly string[]): Readonly<Record<Group, readonly string[]>> {
  return {
    a: nodes.filter((_, index) => groupOf(index) === "a"),
    b: nodes.filter((_, index) => groupOf(index) === "b"),
  };
}
