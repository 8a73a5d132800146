import { type Layout, type PerSignal, perSignal, SIGNALS, type Signal } from "../fleet/definition";
import type { Fleet, FleetNode } from "../fleet/fleet";
import { statsPasswordProblems } from "../fleet/stats-password";
import { accessPoints } from "../haproxy/access";
import { planHaproxy, readinessChecks, type TlsFiles } from "../haproxy/plan-haproxy";
import { IMAGE_CATALOG, type ImageKey } from "../images/catalog";
import { belowFloor } from "../images/floors";
import { lockImages, lockWarnings } from "../images/lock";
import type { ResolvedImages } from "../images/overrides";
import { loadedReference } from "../images/reference";
import { compareVersions } from "../images/version";
import type { MeshFiles } from "../mesh/files";
import { planOtel } from "../otel/plan-otel";
import { nodeQueuesDiskMiB } from "../otel/queues";
import { type Problem, refuse } from "../problem";
import { AGENTS, type AgentSignal, planAgents } from "../victoria/agents";
import type { StoreEndpoints } from "../victoria/endpoints";
import { planVictoria, type StoreFleet, type VictoriaPlan } from "../victoria/plan-victoria";
import { type Group, groupCount, groupOf, planGroups } from "./groups";
import { prepareJob } from "./jobs";
import { dataOf, type NodePlan, nodePrefix, type PlannedAccessPoint, servicesOf } from "./node-plan";
import { ACCESS_POINT_NAMES, ACCESS_POINTS, type AccessPointName, PORTS, STATS_PATHS } from "./ports";
import { planNodeMesh, planTopology } from "./topology";

/** What never stands in a fleet definition. Whoever calls brings it: from the environment, a file, a vault. */
export interface Secrets {
  /** Password of the stats page, 12 characters to 72 bytes. */
  readonly statsPassword: string;
  /** The access points' certificate, when the fleet asks for TLS; checked by whoever read it. */
  readonly tls?: TlsFiles;
  /** Certificates of the mesh, on a fleet of several nodes; checked by whoever read them. */
  readonly mesh?: MeshFiles;
}

/** Everything that is decided about a fleet: what constructs make and what the commands look for. */
export interface FleetPlan {
  readonly fleet: string;
  /** Names of the nodes of each storage group; `b` is empty on a fleet of one node. */
  readonly groups: Readonly<Record<Group, readonly string[]>>;
  /** In the order of `fleet.nodes`. */
  readonly nodes: readonly NodePlan[];
  /** What a person should know before deploying this. */
  readonly warnings: readonly string[];
  /** Images that `mirador up` refuses because of a known fault. A fleet that runs them can still be planned and looked after. */
  readonly belowFloor: readonly Problem[];
}

/**
 * Decides everything about every node. Pure: the same fleet and secrets give the same plan.
 * @throws ProblemError for a fleet without nodes, an unusable secret, or an image whose version lacks a needed flag
 */
export function planFleet(fleet: Fleet, secrets: Secrets): FleetPlan {
  refuse([...nodeProblems(fleet), ...secretProblems(fleet, secrets)]);
  const names = fleet.nodes.map(({ name }) => name);
  const nodes = fleet.nodes.map((node, index) => planNode(fleet, node, groupOf(index), secrets));
  const keys = neededKeys(nodes);
  return {
    fleet: fleet.name,
    groups: planGroups(names),
    nodes,
    warnings: [
      ...diskWarnings(fleet),
      ...versionWarnings(fleet),
      ...ageWarnings(fleet, keys),
      ...Object.entries(fleet.images).flatMap(([key, { standIn }]) =>
        standIn === undefined ? [] : [`${key} is a stand-in (${standIn})`],
      ),
      ...lockWarnings(fleet.imageLock, neededImages(fleet, nodes)),
    ],
    belowFloor: belowFloor(fleet.images, keys),
  };
}

/** References of all images that services run from, as the fleet writes them. */
export function neededImages({ images }: Pick<Fleet, "images">, nodes: readonly NodePlan[]): readonly string[] {
  return [...new Set(neededKeys(nodes).map((key) => images[key].ref))];
}

function neededKeys(nodes: readonly NodePlan[]): readonly ImageKey[] {
  return [...new Set(nodes.flatMap((node) => servicesOf(node).map(({ image }) => image)))];
}

function diskWarnings({ nodes, minFreeDiskMiB, queue, storagePaths }: Fleet): string[] {
  const needed = nodeQueuesDiskMiB(queue.sizeMiB, groupCount(nodes.length));
  if (minFreeDiskMiB >= needed || SIGNALS.every((signal) => storagePaths[signal] !== undefined)) return [];
  return [
    `minFreeDisk leaves ${minFreeDiskMiB} MiB and the queues may need ${needed} MiB: a store on the disk of the queues can fill it, and a full disk loses what was acknowledged`,
  ];
}

function versionWarnings({ nodes, images }: Fleet): string[] {
  const [agent, store] = [images.vlagent.version, images["victoria-logs"].version];
  if (nodes.length < 2 || agent === store) return [];
  return [
    `vlagent is ${agent} and victoria-logs ${store}: where they do not understand each other, logs of native protocols wait in vlagent's queues; name one version for both`,
  ];
}

/** A stand-in counts its own versions, and is told as what it is. */
function ageWarnings({ images }: Fleet, keys: readonly ImageKey[]): string[] {
  const older = keys.filter(
    (key) => images[key].standIn === undefined && compareVersions(images[key].version, IMAGE_CATALOG[key].version) < 0,
  );
  if (older.length === 0) return [];
  const list = older.map((key) => `${key} ${images[key].version} (${IMAGE_CATALOG[key].version})`);
  return [`older than the pins that this release names: ${list.join(", ")}`];
}

function nodeProblems({ nodes }: Fleet): Problem[] {
  if (nodes.length > 0) return [];
  const fix = 'add one: nodes: [{ name: "node1", address: "10.0.0.11" }], or set NODE_NAME and NODE_IP';
  return [{ code: "fleet/no-nodes", what: "the fleet has no nodes", where: "fleet.nodes", fix }];
}

function secretProblems({ nodes, haproxy }: Fleet, { statsPassword, tls, mesh }: Secrets): Problem[] {
  const problems = [...statsPasswordProblems(statsPassword, "secrets.statsPassword")];
  if (haproxy.tls !== undefined && tls === undefined)
    problems.push({
      code: "tls/certificate-unreadable",
      what: "the fleet asks for TLS and no certificate was given",
      where: "secrets.tls",
      fix: "give the checked certificate files",
    });
  for (const { name } of nodes.length > 1 ? nodes : []) {
    if (mesh?.certificates[name] !== undefined) continue;
    problems.push({
      code: "mesh/certificate-missing",
      what: `no certificate of the mesh was given for ${name}`,
      where: "secrets.mesh",
      fix: "make them with `npm run mirador -- pki`, or give the checked certificate files",
    });
  }
  return problems;
}

function planNode(fleet: Fleet, node: FleetNode, group: Group, secrets: Secrets): NodePlan {
  const prefix = nodePrefix(fleet.name, node.name);
  const view = fleet.nodes.length > 1 ? planTopology(fleet, node.name, group) : undefined;
  const stores = perSignal((signal) => planStore(fleet, node.name, signal, group, view?.stores[signal]));
  const endpoints = perSignal((signal) => stores[signal].endpoints);
  const otel = planOtel({
    node: node.name,
    group,
    stores: endpoints,
    ...(view === undefined ? {} : { fleet: view.otel }),
    queueSource: `${prefix}-queue-data`,
    image: fleet.images.otelcol,
    batch: fleet.batch,
    queue: fleet.queue,
    logLevel: fleet.logLevel,
    anomalyMetrics: fleet.anomalyMetrics,
    limits: fleet.limits,
  });
  const agents =
    view === undefined
      ? []
      : planAgents({
          groups: view.groups,
          stores: endpoints,
          prefix,
          queueMiB: fleet.queue.sizeMiB,
          images: fleet.images,
          limits: fleet.limits,
        });
  const tls = fleet.haproxy.tls === undefined ? undefined : secrets.tls;
  const services = [
    ...SIGNALS.flatMap((signal) => stores[signal].services),
    ...agents.map(({ service }) => service),
    ...otel.services,
  ];
  const { mesh: files } = secrets;
  const mesh = view && files && planNodeMesh(view, { fleet, node: node.name, prefix, stores, agents, services, files });
  const published = ACCESS_POINT_NAMES.map((name) => plannedAccessPoint(fleet, node, name, endpoints));
  const haproxy = planHaproxy({
    fleet: fleet.name,
    node: node.name,
    settings: fleet.haproxy,
    limit: fleet.limits.haproxy,
    bindAddress: fleet.listenOnAllAddresses ? "0.0.0.0" : node.address,
    published,
    accessPoints: accessPoints(
      { service: "gateway", port: PORTS.otlpHttp },
      endpoints,
      perSignal((signal) => hasInsertRole(fleet.layouts[signal])),
      mesh?.access,
    ),
    readiness: readinessChecks(
      SIGNALS.map((signal) => stores[signal]),
      otel.services.map(({ service }) => service),
      fleet.nodes.length,
      agents,
    ),
    statsPassword: secrets.statsPassword,
    ...(tls === undefined ? {} : { tls }),
    ...(mesh === undefined ? {} : { mesh: mesh.balancer }),
  });
  return {
    fleet: fleet.name,
    name: node.name,
    address: node.address,
    docker: node.docker,
    group,
    prefix,
    network: prefix,
    images: nodeImages(fleet, node),
    pulls: node.pulls,
    stores,
    agents,
    otel,
    haproxy,
    prepare: prepareJob(dataOf({ stores, agents, otel, haproxy })),
    accessPoints: published,
    ...(fleet.backend === undefined ? {} : { backend: fleet.backend }),
  };
}

function nodeImages({ images, imageLock }: Fleet, { pulls }: FleetNode): ResolvedImages {
  const locked = lockImages(images, imageLock);
  if (pulls) return locked;
  const entries = Object.entries(locked).map(([key, choice]) => [key, { ...choice, ref: loadedReference(choice.ref) }]);
  return Object.fromEntries(entries) as ResolvedImages;
}

const hasInsertRole = (layout: Layout): boolean => layout === "cluster";

function planStore(fleet: Fleet, node: string, signal: Signal, group: Group, others?: StoreFleet): VictoriaPlan {
  return planVictoria({
    signal,
    layout: fleet.layouts[signal],
    retentionDays: fleet.retentionDays[signal],
    dataSource: fleet.storagePaths[signal] ?? `${nodePrefix(fleet.name, node)}-${signal}-data`,
    minFreeDiskMiB: fleet.minFreeDiskMiB,
    images: fleet.images,
    group,
    members: others?.members ?? [node],
    ...(others === undefined ? {} : { fleet: others }),
    limits: fleet.limits,
  });
}

/** Where a person goes: the UI of a select, the bare address of everything else. */
function plannedAccessPoint(
  fleet: Fleet,
  node: FleetNode,
  name: AccessPointName,
  stores: PerSignal<StoreEndpoints>,
): PlannedAccessPoint {
  const scheme = fleet.haproxy.tls === undefined ? "http" : "https";
  const store = /^(metrics|logs|traces)(Select|Insert)$/.exec(name);
  const endpoints = store?.[1] === undefined ? undefined : stores[store[1] as Signal];
  const path =
    name === "stats"
      ? STATS_PATHS.landing
      : name === "gatewayMetrics"
        ? "/metrics"
        : store?.[2] === "Select"
          ? endpoints?.uiPath
          : undefined;
  const service =
    name === "stats"
      ? "haproxy"
      : store?.[2] === "Select" && endpoints !== undefined
        ? endpoints.select.service
        : endpoints === undefined
          ? "gateway"
          : fleet.nodes.length > 1
            ? // OTLP at the native ports of a fleet of several goes through the gateway.
              (AGENTS[store?.[1] as AgentSignal]?.service ?? "gateway")
            : endpoints.insert.service;
  const standIn = name.startsWith("traces") ? fleet.images["victoria-traces"].standIn : undefined;
  const port = fleet.ports[name];
  const authority = `${node.address}:${port}`;
  return {
    name,
    what: ACCESS_POINTS[name].what,
    url: name === "otlpGrpc" ? authority : `${scheme}://${authority}${path ?? ""}`,
    port,
    ...(path === undefined ? {} : { path }),
    service,
    ...(name === "stats" ? { login: fleet.haproxy.statsUser } : {}),
    ...(standIn === undefined ? {} : { standIn }),
  };
}
