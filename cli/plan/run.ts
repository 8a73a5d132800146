import { columns } from "../access-table";
import { EXIT, formatTrouble } from "../failure";
import { lookAtNode, type ServiceLook } from "../operate/look";
import { enginesSaid, plannedNodes, seeNodes } from "../operate/nodes";
import { progressOf, type Session } from "../session";
import { type PlannedNode, planAll } from "../up/plans";
import type { SeenNode } from "../up/roll-out";
import { beginStacks } from "../up/stacks";
import type { Action, NodeChanges } from "./changes";
import { changeLines } from "./words";

/** What {@link showPlan} and {@link showDrift} look at. */
export interface CompareOptions {
  /** @default - all */
  readonly nodes: readonly string[];
  readonly json: boolean;
}

/**
 * `mirador plan`: what a deploy would do to each node.
 * @returns the exit status: 2 when anything would be done
 */
export async function showPlan(session: Session, options: CompareOptions): Promise<number> {
  const { fleet, planned, warnings } = await compare(session, options);
  const due = planned.some(({ differs }) => differs);
  const text = options.json
    ? JSON.stringify(
        { fleet, differs: due, warnings, nodes: planned.map(({ name, changes }) => ({ node: name, ...changes })) },
        null,
        2,
      )
    : [
        ...warnings.map((warning) => `warning ${warning}`),
        ...planned.flatMap(({ name, plan, changes }) => [
          ...["", name],
          ...changeLines(plan, changes).map((line) => `  ${line}`),
        ]),
      ].join("\n");
  process.stdout.write(`${text}\n`);
  return due ? EXIT.differences : EXIT.ok;
}

/** Something of a node that is not as the fleet says. */
export interface Drift {
  readonly node: string;
  /** Service, job, or Terraform's address of anything else. */
  readonly what: string;
  readonly how: string;
  /** `host` when somebody touched it there, `fleet` when the fleet says something new, `running` when it only does not work. */
  readonly from: "host" | "fleet" | "running";
}

/**
 * `mirador drift`: what on the hosts differs from what the fleet says.
 * @returns the exit status: 2 when anything does
 */
export async function showDrift(session: Session, options: CompareOptions): Promise<number> {
  const { fleet, planned, alongside: looks } = await compare(session, options, lookAtNode);
  const found = planned.flatMap(({ name, changes }) =>
    driftOf(name, changes, looks.find(({ node }) => node === name)?.services ?? []),
  );
  const troubles = looks.flatMap(({ trouble }) => trouble ?? []);
  // Nobody may take a node that could not be looked at for one that is as it should be.
  const said = found.length > 0 || troubles.length === 0 ? driftText(found, planned.length) : [];
  const text = options.json
    ? JSON.stringify({ fleet, differs: found.length > 0, drift: found, troubles }, null, 2)
    : ["", ...said, ...troubles.map(formatTrouble)].join("\n");
  process.stdout.write(`${text}\n`);
  if (troubles.length > 0) return EXIT.failed;
  return found.length > 0 ? EXIT.differences : EXIT.ok;
}

interface Compared<T> {
  readonly fleet: string;
  readonly planned: readonly PlannedNode[];
  /** What a person should know before deploying this; images that `mirador up` would refuse among it. */
  readonly warnings: readonly string[];
  /** In the order of the nodes. */
  readonly alongside: readonly T[];
}

/** @param besides what else is asked of each node meanwhile */
async function compare<T = undefined>(
  session: Session,
  { nodes: named, json }: CompareOptions,
  besides?: (node: SeenNode) => Promise<T>,
): Promise<Compared<T>> {
  const { fleet, plans, plan } = await plannedNodes(session, named);
  const refused = plan.belowFloor.map(({ code, what, fix }) => `${code}: ${what}; mirador up refuses it. ${fix}`);
  const warnings = [...plan.warnings, ...refused];
  const told = { ...session, progress: progressOf(session, json) };
  const stacks = beginStacks(session, plans);
  try {
    const nodes = await told.progress.step(
      "machine",
      "asking all engines",
      () => seeNodes(fleet, plans, session),
      enginesSaid,
    );
    const asked = besides === undefined ? [] : nodes.map(besides);
    const [planned, alongside] = await Promise.all([planAll(told, nodes, stacks), Promise.all(asked)]);
    return { fleet: fleet.name, planned, warnings, alongside };
  } finally {
    await stacks.stop();
  }
}

/** How something differs of which no attribute can be told. */
const HOW: Readonly<Record<Action, string>> = {
  make: "is not there",
  replace: "is another one",
  change: "differs",
  start: "does not run",
  remove: "is no part of the fleet any more",
};

/** Terraform takes a container for well that is paused, or that starts and ends again and again. */
export function driftOf(
  node: string,
  { containers, others }: NodeChanges,
  services: readonly Pick<ServiceLook, "service" | "state" | "healthy">[],
): readonly Drift[] {
  const known = new Set(containers.map(({ name }) => name));
  return [
    ...containers
      .filter(({ because, action }) => because.length > 0 || action !== "replace")
      .map(
        ({ name, because, from, action }): Drift => ({
          ...{ node, what: name, from },
          how: because.join(", ") || HOW[action],
        }),
      ),
    ...others.map(({ address, action }): Drift => ({ node, what: address, how: HOW[action], from: "fleet" })),
    ...services.flatMap(({ service, state, healthy }): Drift[] => {
      if (known.has(service) || (state === "running" && healthy !== false)) return [];
      return [{ node, what: service, how: state === "running" ? "is not healthy" : `is ${state}`, from: "running" }];
    }),
  ];
}

const FROM = { host: "changed on the host", fleet: "the fleet says otherwise", running: "does not work" } as const;

export function driftText(found: readonly Drift[], nodes: number): readonly string[] {
  if (found.length === 0) return [`${nodes === 1 ? "the node is" : `all ${nodes} nodes are`} as the fleet says`];
  const rows = found.map(({ node, what, how, from }) => [node, what, FROM[from], how]);
  const due = found.some(({ from }) => from !== "running");
  return [
    ...columns([["node", "what", "why", "how it differs"], ...rows]),
    "",
    due
      ? "npm run mirador -- up makes it as the fleet says"
      : "npm run mirador -- logs says more; npm run mirador -- restart starts services again",
  ];
}
