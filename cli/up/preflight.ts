import type { Environment } from "../../lib/fleet/environment";
import type { Fleet } from "../../lib/fleet/fleet";
import type { MeshFiles } from "../../lib/mesh/files";
import { dataOf, type NodePlan } from "../../lib/plan/node-plan";
import type { FleetPlan } from "../../lib/plan/plan-fleet";
import { carriedBy, imageEngine, imagesOf, provideImages } from "../engine-images";
import { routeTo } from "../engine-route";
import type { Trouble } from "../failure";
import { portHolders, portTroubles, publishedPorts, type TroubledNode } from "../machine";
import { nodeContainers } from "../orphans";
import { clockFindings } from "./clocks";
import { dataTroubles } from "./data-marks";
import { asked, type ReachedEngine, reachEngine, sharedEngines } from "./engines";
import { type Findings, NOTHING_FOUND, together } from "./findings";
import { diskTroubles, engineTroubles } from "./host-fit";
import { type HostLook, listenAsSeen, lookAtHost } from "./host-look";
import { type LeftNode, leftNodeTroubles, nodesInState, nodesOnEngine } from "./left-nodes";
import { lookAtMesh, meshFindings } from "./mesh-look";

export interface PreflightRequest {
  readonly fleet: Fleet;
  readonly plans: readonly NodePlan[];
  /** Images of the fleet that have a known fault. */
  readonly belowFloor: FleetPlan["belowFloor"];
  /** Names of the nodes that may be changed; the others are only looked at. */
  readonly chosen: readonly string[];
  readonly stateFolder: string;
  readonly environment: Environment;
  /** @default - a single node */
  readonly mesh?: MeshFiles;
  readonly waiting: (text: string) => void;
}

/** A node as it was found. */
export interface FoundNode {
  readonly plan: NodePlan;
  /** Absent when the engine does not answer and the node is not one of those to be changed. */
  readonly engine?: ReachedEngine;
  /** It has containers. */
  readonly deployed: boolean;
}

export interface Preflight {
  readonly nodes: readonly FoundNode[];
  readonly findings: Findings;
  /** Images that were pulled. */
  readonly pulled: number;
}

/** Looks at all nodes at once, and changes nothing but images that it pulls. */
export async function preflight(request: PreflightRequest): Promise<Preflight> {
  const { fleet, plans, waiting } = request;
  const inState = fleet.backend === undefined ? nodesInState(request.stateFolder, fleet) : [];
  waiting(`asking the engines of ${plans.length} nodes`);
  const answers = await Promise.all(plans.map((plan, index) => askNode(request, plan, index, inState)));
  const engines = answers.flatMap(({ node }) => node.engine ?? []);
  waiting("looking for images, ports and data on every host");
  const [shared, left, mesh, ...hosts] = await Promise.all([
    sharedEngines(engines),
    Promise.all(engines.map((engine) => asked(engine, () => nodesOnEngine(engine.client, fleet.name, engine.address)))),
    meshOf(request),
    ...answers.map(({ node }, index) => lookAtNode(request, node, index)),
  ]);
  return {
    nodes: answers.map(({ node }) => node),
    findings: together([
      { errors: request.belowFloor, warnings: [] },
      ...answers.map(({ findings }) => findings),
      { errors: shared, warnings: [] },
      clockFindings(engines),
      {
        errors: leftNodeTroubles(fleet, [...inState, ...left.flatMap((found) => ("code" in found ? [] : found))]),
        warnings: [],
      },
      { errors: left.flatMap((found) => ("code" in found ? found : [])), warnings: [] },
      mesh,
      ...hosts.map((found) => ("code" in found ? { errors: [found], warnings: [] } : found.findings)),
    ]),
    pulled: hosts.reduce((all, found) => all + ("code" in found ? 0 : found.pulled), 0),
  };
}

const whereOf = (index: number): string => `fleet.nodes[${index}]`;

async function askNode(
  { fleet, chosen, environment }: PreflightRequest,
  plan: NodePlan,
  index: number,
  inState: readonly LeftNode[],
): Promise<{ readonly node: FoundNode; readonly findings: Findings }> {
  const unanswered = (trouble: Trouble) => {
    // Of a state that lies elsewhere nothing is known, so the node may well be one that others rely on.
    const deployed = fleet.backend !== undefined || inState.some(({ name }) => name === plan.name);
    const stops = deployed || chosen.includes(plan.name);
    const findings: Findings = stops ? { errors: [trouble], warnings: [] } : { errors: [], warnings: [trouble] };
    return { node: { plan, deployed }, findings };
  };
  const route = () => routeTo(plan.docker, environment);
  const engine = await reachEngine({ node: plan, where: whereOf(index), route });
  if ("code" in engine) return unanswered(engine);
  const containers = await asked(engine, () => nodeContainers(engine.client, { fleet: fleet.name, node: plan.name }));
  if ("code" in containers) return unanswered(containers);
  return { node: { plan, engine, deployed: containers.length > 0 }, findings: NOTHING_FOUND };
}

interface NodeLook {
  readonly findings: Findings;
  readonly pulled: number;
}

/** Images, addresses, ports and data of one node. */
async function lookAtNode(
  { fleet, chosen }: PreflightRequest,
  node: FoundNode,
  index: number,
): Promise<NodeLook | Trouble> {
  const { engine } = node;
  if (engine === undefined || !chosen.includes(node.plan.name)) return { findings: NOTHING_FOUND, pulled: 0 };
  return asked(engine, () => lookAtReached(fleet, { ...node, engine }, index));
}

async function lookAtReached(
  fleet: Fleet,
  { plan, engine, deployed }: FoundNode & { readonly engine: ReachedEngine },
  index: number,
): Promise<NodeLook> {
  const about = { name: plan.name, where: whereOf(index) };
  const provision = await provideImages(imagesOf(plan), imageEngine(engine.client), { pulls: plan.pulls });
  const images = provision.complete ? [] : [imageMissing(plan, engine, provision)];
  const image = plan.images.haproxy.ref;
  const data = dataOf(plan);
  const look = await lookAtHost({ client: engine.client, image, data, deployed }).catch((error: Error) => error);
  const pulled = provision.complete ? provision.pulled : 0;
  if (look instanceof Error) {
    // Told already, when it is the image that is missing.
    const warnings = provision.complete ? [notLooked(about, engine, look)] : [];
    return { findings: { errors: images, warnings }, pulled };
  }
  const address = fleet.listenOnAllAddresses ? [] : addressTroubles(about, plan.address, look);
  const own = `${plan.prefix}-haproxy`;
  const holders = await portHolders(engine.client);
  // Told once, not for each port.
  const ports =
    address.length > 0 ? [] : await portTroubles(publishedPorts(plan), own, holders, listenAsSeen(look), about);
  const disk = diskTroubles(about, plan, look);
  const errors = [
    ...[...images, ...engineTroubles(engine), ...address, ...ports, ...disk],
    ...dataTroubles(about, data, look.marks),
  ];
  return { findings: { errors, warnings: [] }, pulled };
}

function imageMissing(
  plan: Pick<NodePlan, "name" | "pulls">,
  { address }: ReachedEngine,
  { ref, reason }: { readonly ref: string; readonly reason: string },
): Trouble {
  return {
    code: "image/missing",
    what: `${ref} is not on the engine of ${plan.name} and cannot be pulled: ${reason}`,
    where: address,
    fix: `${carriedBy(ref, plan, address)}; or name another one in MIRADOR_IMAGES`,
  };
}

/** The address is asked of the host itself: ports that the node has already are no proof that it is still there. */
export function addressTroubles(
  { name, where }: TroubledNode,
  address: string,
  { addresses }: Pick<HostLook, "addresses">,
): readonly Trouble[] {
  if (addresses.length === 0 || addresses.includes(address)) return [];
  const own = addresses.filter((one) => !one.startsWith("127."));
  return [
    {
      code: "machine/address-not-here",
      what: `${address} is no address of the host of ${name}, which has ${own.join(", ") || "none but its own"}`,
      where: `${where}.address`,
      fix: "write one of the host's addresses there, or in docker the engine of the host that has it",
    },
  ];
}

function notLooked({ name }: TroubledNode, { address }: ReachedEngine, { message }: Error): Trouble {
  return {
    code: "machine/host-unseen",
    what: `the host of ${name} cannot be looked at, so its address, ports and data were not checked: ${message}`,
    where: address,
    fix: "nothing has to be done; the deploy itself fails where a port is taken, and refuses wrong data",
  };
}

async function meshOf({ fleet, plans, mesh }: PreflightRequest): Promise<Findings> {
  if (mesh === undefined) return NOTHING_FOUND;
  const { port } = fleet.mesh;
  const found = plans.map(async (plan) => meshFindings(plan, port, await lookAtMesh(plan, port, mesh)));
  return together(await Promise.all(found));
}
