import type { DataVolume } from "../../lib/plan/service-plan";
import type { Trouble } from "../failure";
import type { TroubledNode } from "../machine";
import type { DataMarks } from "./host-look";

/**
 * What the node's own job would refuse, told before any node is touched: data of another group or format, and a member
 * of the group that is gone with its part of the data. Only looks; the job is what guards the data.
 */
export function dataTroubles(
  { name, where }: TroubledNode,
  data: readonly DataVolume[],
  marks: Readonly<Record<string, DataMarks>>,
): readonly Trouble[] {
  return data.flatMap((volume): Trouble[] => {
    const found = marks[volume.source];
    if (found === undefined) return [];
    const { source } = volume;
    const troubles: Trouble[] = [];
    if (differs(found.group, volume.group)) {
      troubles.push({
        code: "data/other-group",
        what: `${source} of ${name} holds data of storage group ${found.group}, and this fleet puts the node into group ${volume.group}`,
        where,
        fix: "the place in fleet.nodes is the group: put the list back as it was, and add nodes at its end only",
      });
    }
    if (differs(found.format, volume.format)) {
      troubles.push({
        code: "data/other-format",
        what: `${source} of ${name} holds data of format ${found.format}, and this fleet wants ${volume.format}`,
        where: "fleet.layouts",
        fix: 'set the layout back, or export and import the data (README, "Changing the layout")',
      });
    }
    // Of a group that the node is not in any more, all are gone.
    const gone = differs(found.group, volume.group) ? [] : missing(found.members, volume.members);
    if (gone.length > 0) {
      troubles.push({
        code: "data/member-gone",
        what: `${gone.join(", ")} held a part of the data of ${name}'s group, which would be out of sight: ${source}`,
        where: "fleet.nodes",
        fix: `put ${gone.join(", ")} back into the fleet; or let that part go, on the host of ${name}: echo ${volume.members?.join(" ")} > ${source}/.mirador-members (the other group has it: npm run mirador -- repair)`,
      });
    }
    return troubles;
  });
}

function differs(found: string | undefined, wanted: string | undefined): boolean {
  return found !== undefined && wanted !== undefined && found !== wanted;
}

function missing(found: readonly string[] = [], wanted: readonly string[] = found): readonly string[] {
  return found.filter((name) => !wanted.includes(name));
}
