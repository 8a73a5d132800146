import { SIGNALS } from "../fleet/definition";
import type { Fleet } from "../fleet/fleet";
import { groupsOf, type Member, planMembers, storageMembers } from "./groups";

/** What runs where and what survives what, for a person who is about to deploy. One line each. */
export function summarizeFleet(fleet: Fleet): readonly string[] {
  const members = planMembers(fleet.nodes);
  const width = Math.max(...members.map(({ name }) => name.length));
  const lines = members.map((member) => {
    const held = SIGNALS.map((signal) => `${signal} ${share(fleet, members, member, signal)}`).join(", ");
    return `${member.name.padEnd(width)}  ${member.address.padEnd(15)}  group ${member.group}  ${held}`;
  });
  return [...lines, ...survival(members)];
}

/** Such as `1/2`: the first of two storages that hold a group's data between them. */
function share(fleet: Fleet, members: readonly Member[], member: Member, signal: (typeof SIGNALS)[number]): string {
  const holders = storageMembers(members, member.group, fleet.layouts[signal]);
  const place = holders.findIndex(({ name }) => name === member.name);
  return place < 0 ? "-" : `${place + 1}/${holders.length}`;
}

function survival(members: readonly Member[]): readonly string[] {
  if (groupsOf(members).length < 2) {
    return ["survives: no node. A store that is killed loses its last seconds; while the node is away nothing answers"];
  }
  const names = (group: string): string =>
    members
      .filter((member) => member.group === group)
      .map(({ name }) => name)
      .join(", ");
  return [
    "survives: any one node, and any number of nodes of one group: the other group holds everything",
    `survives not: a node of each group at the same time (group a: ${names("a")}; group b: ${names("b")})`,
  ];
}
