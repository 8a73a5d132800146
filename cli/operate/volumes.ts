import type { Fleet } from "../../lib/fleet/fleet";
import { columns } from "../access-table";
import { imageEngine, imageNotHere } from "../engine-images";
import { CliError, EXIT, formatTrouble, type Trouble } from "../failure";
import { nodeContainers } from "../orphans";
import { sizeText } from "../queues";
import type { Session } from "../session";
import { asked, withinSeconds } from "../up/engines";
import { type NodeOnEngine, nodesToLookAt, reachNodes } from "./nodes";
import { daysLeft, lookAtVolumes, type VolumeLook } from "./volume-look";

const LIST_SECONDS = 15;

/** What {@link volumes} shows. */
export interface VolumesOptions {
  /** @default - all */
  readonly nodes: readonly string[];
  readonly json: boolean;
}

/** The data of a node. */
export interface NodeVolumes {
  readonly node: string;
  readonly volumes: readonly VolumeLook[];
  /** Days until the disk of a volume has no room left, by its device; one that has room for all that is kept is absent. */
  readonly daysLeft: Readonly<Record<string, number>>;
  /** Why nothing is known. */
  readonly trouble?: Trouble;
}

/** `mirador volumes`. @returns the exit status: 1 when an engine does not answer */
export async function volumes(session: Session, { nodes, json }: VolumesOptions): Promise<number> {
  const { fleet, plans } = await nodesToLookAt(session, nodes);
  const found = await Promise.all((await reachNodes(fleet, plans, session)).map((node) => volumesOf(fleet, node)));
  const text = json
    ? JSON.stringify({ fleet: fleet.name, nodes: found }, null, 2)
    : volumesText(found, fleet.retentionDays).join("\n");
  process.stdout.write(`${text}\n`);
  return found.some(({ trouble }) => trouble !== undefined) ? EXIT.failed : EXIT.ok;
}

/** Measures what a node stores. @param seconds how long that may take. @default 60 */
export async function volumesOf(fleet: Fleet, { plan, engine }: NodeOnEngine, seconds?: number): Promise<NodeVolumes> {
  const nothing = { node: plan.name, volumes: [], daysLeft: {} };
  if ("code" in engine) return { ...nothing, trouble: engine };
  const looks = await asked(engine, async () => {
    const { ref } = plan.images.haproxy;
    const [containers, there] = await withinSeconds(
      Promise.all([
        nodeContainers(engine.client, { fleet: fleet.name, node: plan.name }),
        imageEngine(engine.client).has(ref),
      ]),
      LIST_SECONDS,
    );
    if (!there) throw new CliError(imageNotHere(ref, plan, engine));
    return lookAtVolumes({ plan, engine, deployed: containers.length > 0 }, seconds);
  });
  if ("code" in looks) return { ...nothing, trouble: looks };
  const disks = [...new Set(looks.map(({ disk }) => disk))];
  const left = disks.flatMap((disk) => {
    const here = looks.filter((look) => look.disk === disk);
    const reserve = fleet.minFreeDiskMiB * 1024 ** 2;
    const days = daysLeft({ volumes: here, retentionDays: fleet.retentionDays, reserve });
    return days === undefined ? [] : [[disk, days] as const];
  });
  return { node: plan.name, volumes: looks, daysLeft: Object.fromEntries(left) };
}

/** A table of all volumes, and what could not be asked. */
export function volumesText(
  nodes: readonly NodeVolumes[],
  retentionDays: Readonly<Record<string, number>>,
): readonly string[] {
  const rows = nodes.flatMap(({ node, volumes: looks, daysLeft: left }) =>
    looks.map(({ holds, source, bytes, growth, disk, free, total }) => {
      const kept = retentionDays[holds];
      return [
        ...[node, holds, sizeText(bytes)],
        ...(kept === undefined ? ["-", "-"] : [growth === undefined ? "not known yet" : sizeText(growth), `${kept} d`]),
        `${sizeText(free)} of ${sizeText(total)}`,
        left[disk] === undefined ? "-" : `${left[disk]} d`,
        source,
      ];
    }),
  );
  return [
    ...columns([["node", "holds", "size", "a day", "kept", "free on its disk", "full in", "where"], ...rows]),
    ...nodes.flatMap(({ trouble }) => (trouble === undefined ? [] : ["", ...formatTrouble(trouble).split("\n")])),
  ];
}
