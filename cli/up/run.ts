import { loadPlan } from "../../inputs/load-plan";
import { readMeshFiles } from "../../inputs/pki";
import { SIGNALS } from "../../lib/fleet/definition";
import type { Fleet } from "../../lib/fleet/fleet";
import type { Group } from "../../lib/plan/groups";
import { servicesOf } from "../../lib/plan/node-plan";
import { chosenNodes } from "../chosen";
import { deploy, type Told } from "../deployment";
import { CliError, EXIT } from "../failure";
import { checkNode, checkTerraform } from "../machine";
import { MeshClient } from "../mesh-client";
import type { Session } from "../session";
import { drainNode, LEAVE_SECONDS, TELL_AGAIN_MILLISECONDS } from "./drain";
import { formatWarning } from "./findings";
import { FleetWatch, type NodeEyes } from "./fleet-watch";
import { eyesOn } from "./node-eyes";
import { type PlannedNode, planAll, type UpNode } from "./plans";
import { preflight } from "./preflight";
import { type Rolled, RollStopped, roll } from "./roll";
import { underName } from "./under-name";

export interface UpOptions {
  /** Nodes in the order in which they are changed. @default - all, in a good order */
  readonly nodes: readonly string[];
  readonly waitSeconds: number;
  /** Only tell what would change. */
  readonly check: boolean;
}

/**
 * Brings the fleet, or some of its nodes, to what the definition says, one node after the other.
 * @returns the exit status
 */
export async function up(session: Session, options: UpOptions): Promise<number> {
  const started = performance.now();
  const { progress } = session;
  const { fleet, plan, stateFolder } = await loadPlan(session.folder, session.environment);
  for (const warning of plan.warnings) progress.note("note", warning);
  const chosen = chosenNodes(plan.nodes, options.nodes);
  const meshFleet = { ...fleet, module: session.environment.MIRADOR_FLEET };
  const mesh = plan.nodes.length > 1 ? readMeshFiles(session.folder, meshFleet, new Date()) : undefined;
  const names = chosen.map(({ name }) => name);
  const found = await progress.step(
    "machine",
    "looking at terraform and all hosts",
    async (step) => {
      checkNode(process.versions.node);
      await checkTerraform(session.environment);
      const { environment } = session;
      const request = { fleet, plans: plan.nodes, chosen: names, stateFolder, environment, waiting: step.waiting };
      const looked = await preflight({ ...request, ...(mesh === undefined ? {} : { mesh }) });
      for (const warning of looked.findings.warnings)
        for (const line of formatWarning(warning).split("\n")) step.line(line);
      if (looked.findings.errors.length > 0) throw new CliError(looked.findings.errors);
      return looked;
    },
    ({ nodes, pulled }) =>
      `${nodes.length === 1 ? "the host is" : `${nodes.length} hosts are`} fit${pulled > 0 ? `, ${pulled} images pulled` : ""}; nothing was touched yet`,
  );
  const nodes = found.nodes.filter((node): node is UpNode => node.engine !== undefined);
  const ours = names.flatMap((name) => nodes.find(({ plan: { name: own } }) => own === name) ?? []);
  const planned = await planAll(session, ours);
  if (options.check) return planned.some(({ differs }) => differs) ? EXIT.differences : EXIT.ok;
  const client = mesh === undefined ? undefined : new MeshClient(mesh, fleet.mesh.port);
  try {
    const rolled = await rollOut({
      session,
      options,
      fleet,
      nodes,
      planned,
      ...(client === undefined ? {} : { client }),
    });
    progress.line(`\n${summaryOf(rolled, (performance.now() - started) / 1000)}`);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof RollStopped)) throw error;
    for (const line of stoppedAt(error.rolled)) progress.line(line);
    throw error.cause;
  } finally {
    client?.close();
  }
}

interface RollOut {
  readonly session: Session;
  readonly options: UpOptions;
  readonly fleet: Fleet;
  readonly nodes: readonly UpNode[];
  readonly planned: readonly PlannedNode[];
  /** @default - a single node */
  readonly client?: MeshClient;
}

async function rollOut({ session, options, fleet, nodes, planned, client }: RollOut): Promise<Rolled> {
  const there = new Set(nodes.filter(({ deployed }) => deployed).map(({ plan }) => plan.name));
  const eyes = nodes.map(({ plan, engine }) => eyesOn(plan, engine.client, engine.aheadSeconds));
  const watch = new FleetWatch({
    nodes: () => eyes.filter(({ name }) => there.has(name)),
    signals: SIGNALS,
    batchBytes: fleet.batch.maxMiB * 1024 ** 2,
  });
  const byName = new Map(planned.map((node) => [node.name, node]));
  const planFor = (name: string): PlannedNode => byName.get(name) ?? fail(name);
  const wholeGroup = ({ plan }: PlannedNode): boolean =>
    nodes.every((node) => node.plan.group !== plan.group || there.has(node.plan.name)) &&
    nodes.length === fleet.nodes.length;
  const toldNodes = () => nodes.map(({ plan }) => plan).filter(({ name }) => there.has(name));
  const tell = async (name: string, seconds: number) =>
    client === undefined || there.size < 2 ? [] : drainNode(client, toldNodes(), name, seconds);
  const told = (name: string): Told =>
    fleet.nodes.length === 1 ? session.progress : underName(session.progress, name);
  const order = options.nodes.length > 0 ? planned : await bestOrder(planned, eyes, there);
  return roll({
    nodes: order,
    told,
    waitSeconds: options.waitSeconds,
    interrupt: session.interrupt,
    isMissed: (name) => there.has(name) && there.size > 1,
    hindrances: async (name) => {
      const { plan } = planFor(name);
      const reasons = await watch.withoutNode(name, plan.group);
      return reasons.length > 0 ? reasons : tell(name, LEAVE_SECONDS);
    },
    deploy: async (name) => {
      const { deployment, plan } = planFor(name);
      const again = setInterval(() => void tell(name, LEAVE_SECONDS), TELL_AGAIN_MILLISECONDS);
      try {
        const services = servicesOf(plan).length;
        await deploy({ ...deployment, progress: told(name), services });
      } finally {
        there.add(name);
        clearInterval(again);
        watch.forget();
      }
    },
    unsettled: async (name) => {
      const node = planFor(name);
      return watch.afterNode(name, node.plan.group, wholeGroup(node));
    },
    unready: (name) => watch.readiness(name),
    release: async (name) => {
      await tell(name, 0);
    },
  });
}

function fail(name: string): never {
  throw new Error(`${name} was not planned`);
}

async function bestOrder(
  planned: readonly PlannedNode[],
  eyes: readonly Pick<NodeEyes, "name" | "missing">[],
  there: ReadonlySet<string>,
): Promise<readonly PlannedNode[]> {
  const well = new Set<string>();
  const look = async ({ name, missing }: (typeof eyes)[number]): Promise<void> => {
    const service = await missing().catch(() => "haproxy");
    if (service === undefined) well.add(name);
  };
  await Promise.all(eyes.filter(({ name }) => there.has(name)).map(look));
  return inBestOrder(planned, ({ name, plan: { group } }) => ({
    group,
    state: there.has(name) ? (well.has(name) ? "well" : "unwell") : "new",
  }));
}

interface Standing {
  readonly group: Group;
  readonly state: "new" | "unwell" | "well";
}

/**
 * New nodes first, then those that a run left half done, then the others: of these first the ones of the group that no new
 * node is in. Until they know a new node they take nothing from it, and what it keeps for their group would stand in the way of
 * every change in its own.
 */
export function inBestOrder<T>(nodes: readonly T[], standing: (node: T) => Standing): readonly T[] {
  const known = nodes.map((node) => ({ node, ...standing(node) }));
  const grown = new Set(known.filter(({ state }) => state === "new").map(({ group }) => group));
  const rank = ({ group, state }: Standing): number =>
    state === "new" ? 0 : state === "unwell" ? 1 : grown.has(group) ? 3 : 2;
  return known.toSorted((a, b) => rank(a) - rank(b)).map(({ node }) => node);
}

export function summaryOf({ changed, unchanged }: Rolled, seconds: number): string {
  const time = `${seconds.toFixed(0)} s in all`;
  if (changed.length === 0) return `Nothing to change: ${unchanged.join(", ")} as the fleet says, ${time}`;
  const rest = unchanged.length > 0 ? `; ${unchanged.join(", ")} had nothing to change` : "";
  return `Changed: ${changed.join(", ")}${rest}; ${time}`;
}

/** What a person needs to know before the reason. */
export function stoppedAt({ changed, unchanged, failed, untouched }: Rolled): readonly string[] {
  const done = [...changed, ...unchanged];
  return [
    "",
    `stopped at   ${failed}`,
    `as wanted    ${done.join(", ") || "none"}`,
    `untouched    ${untouched.join(", ") || "none"}`,
    "go on        mend what is told below and run the same command again; it completes what is missing",
  ];
}
