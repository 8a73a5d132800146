import { type NodePlan, servicesOf } from "../../lib/plan/node-plan";
import { type ContainerChange, type DataMove, differs, type NodeChanges } from "./changes";

/** How an action reads before its reasons. */
const ACTIONS: Readonly<Record<ContainerChange["action"], string>> = {
  make: "is made",
  replace: "restarts as a new container",
  change: "is changed while it runs",
  start: "is started",
  remove: "is removed",
};

/** What a deploy of a node does, a line for each container and what stays as it is. */
export function changeLines(plan: NodePlan, changes: NodeChanges): readonly string[] {
  if (!differs(changes)) return ["nothing to change"];
  const services = new Set<string>(servicesOf(plan).map(({ service }) => service));
  const ours = changes.containers.filter(({ name, action }) => services.has(name) || action === "remove");
  const jobs = changes.containers.filter((change) => !ours.includes(change)).map(({ name }) => name);
  const names = new Set(ours.map(({ name }) => name));
  const staying = [...services].filter((service) => !names.has(service));
  return [
    ...ours.map((change) => `${change.name} ${ACTIONS[change.action]}${reasons(change)}`),
    ...(jobs.length === 0 ? [] : [`jobs that run: ${jobs.join(", ")}`]),
    ...(staying.length === 0 ? [] : [`stays up: ${staying.join(", ")}`]),
    ...lossesOf(changes).map((loss) => `lost: ${loss}`),
    ...changes.moves.filter(({ container }) => services.has(container)).map(moveSaid),
  ];
}

const moveSaid = ({ container, from, to }: DataMove): string =>
  `left behind: what ${container} has in ${from} stays there and is seen no more; it goes on with what is in ${to}`;

function reasons({ because, from }: ContainerChange): string {
  const by = from === "host" ? "on the host" : "";
  const text = [by, because.join(", ")].filter((part) => part !== "").join(": ");
  return text === "" ? "" : ` (${text})`;
}

const DAY = 86_400;
const UNITS: Readonly<Record<string, number>> = { h: 3_600, d: DAY, w: 7 * DAY, y: 365 * DAY };

/** A store removes what is older than its retention within the hour. */
function lossesOf({ containers }: NodeChanges): readonly string[] {
  return containers.flatMap(({ name, because }) =>
    because.flatMap((reason) => {
      const [, from, to] = /^-retentionPeriod (\S+) → (\S+)$/.exec(reason) ?? [];
      const [before, after] = [secondsOf(from), secondsOf(to)];
      if (before === undefined || after === undefined || after >= before) return [];
      return [`${name} removes what is older than ${to} (${from} until now)`];
    }),
  );
}

function secondsOf(text: string | undefined): number | undefined {
  const [, count, unit = ""] = /^(\d+)([hdwy])$/.exec(text ?? "") ?? [];
  return count === undefined ? undefined : Number(count) * (UNITS[unit] ?? DAY);
}

/** In one line, for a command that goes on with it. */
export function changesSaid({ containers, others }: NodeChanges): string {
  const of = (...actions: ContainerChange["action"][]) =>
    containers.filter(({ action }) => actions.includes(action)).map(({ name }) => name);
  const groups = [
    [of("make"), "to be made"],
    [of("replace"), "to be replaced"],
    [of("change", "start"), "to be changed"],
    [of("remove"), "to be removed"],
  ] as const;
  const said = groups.flatMap(([names, words]) => (names.length === 0 ? [] : [`${shortList(names)} ${words}`]));
  if (said.length > 0) return said.join("; ");
  return others.length === 0
    ? "nothing to change"
    : others.map(({ address, action }) => `${address}: ${action}`).join("; ");
}

const shortList = (names: readonly string[]): string =>
  names.length > 4 ? `${names.length} containers` : names.join(", ");
