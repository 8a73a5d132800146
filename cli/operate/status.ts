import { columns } from "../access-table";
import { EXIT, formatTrouble } from "../failure";
import { sizeText } from "../queues";
import type { Session } from "../session";
import { lookAtNode, type NodeLook, type ServiceLook } from "./look";
import { nodesToLookAt, reachNodes } from "./nodes";

/** What {@link status} shows. */
export interface StatusOptions {
  /** @default - all */
  readonly nodes: readonly string[];
  readonly json: boolean;
}

/** `mirador status`. @returns the exit status: 1 when an engine does not answer */
export async function status(session: Session, { nodes, json }: StatusOptions): Promise<number> {
  const { fleet, plans } = await nodesToLookAt(session, nodes);
  const looks = await Promise.all((await reachNodes(fleet, plans, session)).map(lookAtNode));
  const text = json
    ? JSON.stringify({ fleet: fleet.name, nodes: looks }, null, 2)
    : statusText(looks, Date.now()).join("\n");
  process.stdout.write(`${text}\n`);
  return looks.some(({ trouble }) => trouble !== undefined) ? EXIT.failed : EXIT.ok;
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
      : ["", ...columns([["node", "service", "state", "health", "version", "memory", "waiting"], ...services])]),
    ...looks.flatMap(({ trouble }) => (trouble === undefined ? [] : ["", ...formatTrouble(trouble).split("\n")])),
  ];
}

function nodeCells({ node, group, ready, missing, engine, version, trouble }: NodeLook): readonly string[] {
  if (trouble !== undefined) return [node, group, "unknown", engine || "does not answer"];
  const state = ready ? "ready" : `waits for ${missing}`;
  return [node, group, state, `${engine}, Docker ${version}`];
}

function serviceCells(look: ServiceLook, now: number): readonly string[] {
  const { service, version, healthy, memory, memoryLimit = 0, queue } = look;
  return [
    service,
    stateText(look, now),
    healthy === undefined ? "-" : healthy ? "up" : "down",
    version || "-",
    memory === undefined ? "-" : `${mebibytes(memory)} of ${mebibytes(memoryLimit)} MiB`,
    queue === undefined ? "-" : queue === 0 ? "0" : sizeText(queue),
  ];
}

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
