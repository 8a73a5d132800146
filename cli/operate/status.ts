import { servicesOf } from "../../lib/plan/node-plan";
import { columns } from "../access-table";
import { EXIT, formatTrouble } from "../failure";
import { fold } from "../progress";
import { sizeText } from "../queues";
import type { Session } from "../session";
import { withinSeconds } from "../up/engines";
import { lookAtNode, type NodeLook, type ServiceDisk, type ServiceLook } from "./look";
import { type NodeOnEngine, nodesToLookAt, reachNodes } from "./nodes";
import { uncleanNotes } from "./unclean";
import { type NodeVolumes, volumesOf } from "./volumes";

/** A store of very many files takes longer to measure; `mirador volumes` waits for that. */
const MEASURE_SECONDS = 3;
const NOTE_WIDTH = 120;

/** What {@link status} shows. */
export interface StatusOptions {
  /** @default - all */
  readonly nodes: readonly string[];
  readonly json: boolean;
}

/** `mirador status`. @returns the exit status: 1 when an engine does not answer */
export async function status(session: Session, { nodes, json }: StatusOptions): Promise<number> {
  const { fleet, plans } = await nodesToLookAt(session, nodes);
  const looks = await Promise.all(
    (await reachNodes(fleet, plans, session)).map(async (node) => {
      const measured = withinSeconds(volumesOf(fleet, node, MEASURE_SECONDS), MEASURE_SECONDS + 2);
      // Whatever stands in the way, it is the state that was asked for.
      const stored = measured.catch(() => ({ volumes: [], daysLeft: {} }));
      const look = withDisks(await lookAtNode(node), node, await stored);
      const notes = uncleanNotes(look, fleet.nodes.length, Date.now());
      return notes.length === 0 ? look : { ...look, notes };
    }),
  );
  const text = json
    ? JSON.stringify({ fleet: fleet.name, nodes: looks }, null, 2)
    : statusText(looks, Date.now()).join("\n");
  process.stdout.write(`${text}\n`);
  return looks.some(({ trouble }) => trouble !== undefined) ? EXIT.failed : EXIT.ok;
}

/** Each service with the disk that it writes its data to. */
export function withDisks(
  look: NodeLook,
  { plan }: Pick<NodeOnEngine, "plan">,
  { volumes, daysLeft }: Pick<NodeVolumes, "volumes" | "daysLeft">,
): NodeLook {
  const written = new Map(
    servicesOf(plan).map(({ service, volumes: mounts }) => [
      service,
      volumes.find(({ source }) => mounts.some((mount) => mount.source === source && mount.readOnly !== true)),
    ]),
  );
  const services = look.services.map((one): ServiceLook => {
    const volume = written.get(one.service);
    if (volume === undefined) return one;
    const left = daysLeft[volume.disk];
    return { ...one, disk: { free: volume.free, ...(left === undefined ? {} : { daysLeft: left }) } };
  });
  return { ...look, services };
}

/**
 * A line for each node, a table of all services, and what is wrong in full.
 * @param now milliseconds since 1970
 */
export function statusText(looks: readonly NodeLook[], now: number): readonly string[] {
  const services = looks.flatMap(({ node, services: all }) =>
    all.map((service) => [node, ...serviceCells(service, now)]),
  );
  return [
    ...columns([["node", "group", "state", "engine"], ...looks.map(nodeCells)]),
    ...(services.length === 0
      ? []
      : [
          "",
          ...columns([["node", "service", "state", "health", "version", "memory", "waiting", "disk"], ...services]),
        ]),
    ...looks.flatMap(({ notes = [] }) => notes.flatMap((note) => ["", ...fold(`note: ${note}`, NOTE_WIDTH)])),
    ...looks.flatMap(({ trouble }) => (trouble === undefined ? [] : ["", ...formatTrouble(trouble).split("\n")])),
  ];
}

function nodeCells({ node, group, ready, missing, engine, version, trouble }: NodeLook): readonly string[] {
  if (trouble !== undefined) return [node, group, "unknown", engine || "does not answer"];
  const state = ready ? "ready" : `waits for ${missing}`;
  return [node, group, state, `${engine}, Docker ${version}`];
}

function serviceCells(look: ServiceLook, now: number): readonly string[] {
  const { service, version, healthy, memory, memoryLimit = 0, queue, disk } = look;
  return [
    service,
    stateText(look, now),
    healthy === undefined ? "-" : healthy ? "up" : "down",
    version || "-",
    memory === undefined ? "-" : `${mebibytes(memory)} of ${mebibytes(memoryLimit)} MiB`,
    queue === undefined ? "-" : queue === 0 ? "0" : sizeText(queue),
    disk === undefined ? "-" : diskText(disk),
  ];
}

const diskText = ({ free, daysLeft }: ServiceDisk): string =>
  daysLeft === undefined ? `${sizeText(free)} free` : `${sizeText(free)} free, full in ${daysLeft} d`;

const mebibytes = (bytes: number): string => (bytes / 1024 ** 2).toFixed(0);

function stateText({ state, startedAt, exitCode, restarts }: ServiceLook, now: number): string {
  const again = restarts === 0 ? "" : `, started again ${restarts} ×`;
  if (startedAt !== undefined) return `up ${durationText((now - Date.parse(startedAt)) / 1000)}${again}`;
  return exitCode === undefined ? state : `${state} (${exitCode})${again}`;
}

/** The largest unit that fits, rounded down. @returns such as `45 s`, `12 min`, `3 h`, `9 d` */
export function durationText(seconds: number): string {
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
