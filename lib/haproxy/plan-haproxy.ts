import type { Signal } from "../fleet/definition";
import type { Fleet, ServiceLimit } from "../fleet/fleet";
import { MESH_INTERNAL_PORT } from "../mesh/services";
import { isCollector } from "../plan/limits";
import type { PlannedAccessPoint } from "../plan/node-plan";
import { ACCESS_POINTS, PORTS } from "../plan/ports";
import type { DataVolume, ServicePlan } from "../plan/service-plan";
import type { ServiceName } from "../plan/services";
import { AGENTS, type AgentPlan } from "../victoria/agents";
import type { VictoriaPlan } from "../victoria/plan-victoria";
import type { AccessPoint } from "./access";
import { agentsProgram } from "./agents-lua";
import { choiceProgram, type WatchedNode } from "./choice-lua";
import { landingPage } from "./landing";
import type { MeshView } from "./mesh";
import { hashPassword } from "./password";
import type { ReadinessCheck } from "./readiness";
import { bornFile, CHOICE_FOLDER, type StickyRead } from "./reads";
import {
  HAPROXY_AGENTS,
  HAPROXY_CERTIFICATE,
  HAPROXY_CONFIG,
  HAPROXY_FOLDER,
  HAPROXY_LANDING,
  HAPROXY_PROGRAM,
  renderHaproxy,
} from "./render";
import { MESH_CA, MESH_CERTIFICATE } from "./server";

/** A certificate on the operator's machine, already checked: readable, not expired, matching its key. */
export interface TlsFiles {
  readonly certificatePath: string;
  /** @default - the key stands in `certificatePath` */
  readonly keyPath?: string;
  /** SHA-256 over both files. */
  readonly fingerprint: string;
}

/** What {@link planHaproxy} needs to know of a node. */
export interface HaproxyRequestOfNode {
  readonly fleet: string;
  readonly node: string;
  readonly settings: Fleet["haproxy"];
  readonly limit: ServiceLimit;
  /** The host's address that access points listen on. */
  readonly bindAddress: string;
  /** Where each access point is published. */
  readonly published: readonly PlannedAccessPoint[];
  readonly accessPoints: readonly AccessPoint[];
  /** What must answer before the node is ready. */
  readonly readiness: readonly ReadinessCheck[];
  /** Hashed before it stands anywhere. */
  readonly statsPassword: string;
  /** The access points' certificate. @default - plain text */
  readonly tls?: TlsFiles;
  /** @default - a single node */
  readonly mesh?: NodeMesh;
}

/** What a node among several adds to its balancer. */
export interface NodeMesh {
  readonly view: MeshView;
  readonly reads: readonly StickyRead[];
  readonly watched: WatchedNode;
  readonly agents: readonly AgentPlan[];
  readonly certificate: { readonly path: string; readonly fingerprint: string };
  readonly ca: { readonly path: string; readonly fingerprint: string };
  /** Docker volume where the choice of groups outlives the container. */
  readonly choiceSource: string;
  /** Volumes of the own node's data that is answered by one group at a time. */
  readonly dataSources: { readonly [signal in Signal]?: string };
}

/** A file that HAProxy reads: its text, or a file of the operator's machine that never enters Terraform's state. */
export type ConfigFile = { readonly path: string } & (
  | { readonly text: string }
  | { readonly sourcePath: string; readonly sourceHash: string }
);

/** A node's balancer: its container, the files it reads, and how to tell that it has read them. */
export interface HaproxyPlan {
  readonly service: ServicePlan;
  /** Where `files` are in the container. */
  readonly folder: string;
  readonly files: readonly ConfigFile[];
  /** What `/config` answers once `files` are in use. */
  readonly configHash: string;
  /** How long a check may take to notice that a server is gone, in seconds. */
  readonly settleSeconds: number;
  /** The access points speak TLS. */
  readonly tls: boolean;
  /** Where the choice of storage groups is kept; only on a node among several. */
  readonly data?: DataVolume;
}

const USER = "99:99";

/**
 * Pure but for the hash of the password, whose salt comes from the fleet's name: the same node gives the same files.
 * @throws ProblemError when a text cannot stand in HAProxy's configuration
 */
export function planHaproxy(request: HaproxyRequestOfNode): HaproxyPlan {
  const { settings, tls, mesh } = request;
  const landing = landingPage({ ...request, tls: tls !== undefined });
  const programs =
    mesh === undefined
      ? []
      : [
          { path: fileName(HAPROXY_PROGRAM), text: choiceProgram(mesh.reads, mesh.watched) },
          { path: fileName(HAPROXY_AGENTS), text: agentsProgram(mesh.agents) },
        ];
  const { config, hash } = renderHaproxy({
    accessPoints: request.accessPoints,
    readiness: request.readiness,
    landing,
    algorithm: settings.algorithm,
    checkIntervalSeconds: settings.checkIntervalSeconds,
    drainSeconds: settings.drainSeconds,
    statsUser: settings.statsUser,
    statsPasswordHash: hashPassword(request.statsPassword, request.fleet),
    ...(tls === undefined ? {} : { tlsFingerprint: tls.fingerprint }),
    ...(mesh === undefined
      ? {}
      : {
          mesh: {
            view: mesh.view,
            reads: mesh.reads,
            fingerprint: `${mesh.certificate.fingerprint}${mesh.ca.fingerprint}${programs.map(({ text }) => text).join("")}`,
          },
        }),
  });
  return {
    service: {
      service: "haproxy",
      image: "haproxy",
      entrypoint: ["haproxy"],
      command: ["-W", "-db", "-f", HAPROXY_CONFIG],
      environment: {},
      user: USER,
      memoryMiB: request.limit.memoryMiB,
      ...(request.limit.cpus === undefined ? {} : { cpus: request.limit.cpus }),
      openFiles: 8192,
      stopSeconds: settings.drainSeconds + 5,
      // SIGUSR1 is HAProxy's graceful stop; SIGTERM would cut what is in flight.
      stopSignal: "SIGUSR1",
      // Where the configuration lives is the construct's business: it makes that volume and owns it.
      volumes: mesh === undefined ? [] : [{ source: mesh.choiceSource, path: CHOICE_FOLDER }],
      tmpfs: { "/run/haproxy": "rw,noexec,nosuid,size=1m,uid=99,gid=99,mode=0700" },
      publish: [
        ...request.published.map(({ name, port }) => ({
          internal: ACCESS_POINTS[name].port,
          external: port,
          address: request.bindAddress,
        })),
        ...(mesh === undefined
          ? []
          : [{ internal: MESH_INTERNAL_PORT, external: mesh.view.port, address: request.bindAddress }]),
      ],
      healthcheck: {
        command: `wget -q -T 3 -O /dev/null http://127.0.0.1:${PORTS.haproxyInternal}/readyz || exit 1`,
        // Each probe is two new processes: one a second would be most of what an idle HAProxy costs.
        intervalSeconds: 3,
        timeoutSeconds: 4,
        retries: 10,
        startPeriodSeconds: 60,
        awaited: true,
      },
    },
    folder: HAPROXY_FOLDER,
    files: [
      { path: fileName(HAPROXY_CONFIG), text: config },
      { path: fileName(HAPROXY_LANDING), text: landing },
      ...(tls === undefined
        ? []
        : [{ path: fileName(HAPROXY_CERTIFICATE), sourcePath: tls.certificatePath, sourceHash: tls.fingerprint }]),
      ...(tls?.keyPath === undefined
        ? []
        : [{ path: `${fileName(HAPROXY_CERTIFICATE)}.key`, sourcePath: tls.keyPath, sourceHash: tls.fingerprint }]),
      ...programs,
      ...(mesh === undefined
        ? []
        : [
            {
              path: fileName(MESH_CERTIFICATE),
              sourcePath: mesh.certificate.path,
              sourceHash: mesh.certificate.fingerprint,
            },
            { path: fileName(MESH_CA), sourcePath: mesh.ca.path, sourceHash: mesh.ca.fingerprint },
          ]),
    ],
    ...(mesh === undefined ? {} : { data: { source: mesh.choiceSource, owner: USER, births: birthsOf(mesh) } }),
    configHash: hash,
    settleSeconds: settings.checkIntervalSeconds + 1,
    tls: tls !== undefined,
  };
}

/** What must answer before a node counts as ready: every service, and the selects by a real query. */
export function readinessChecks(
  stores: readonly VictoriaPlan[],
  collectors: readonly ServiceName[],
  nodes: number,
  agents: readonly AgentPlan[] = [],
): readonly ReadinessCheck[] {
  const storeChecks = stores.flatMap(({ services, endpoints }) =>
    services.map(({ service }): ReadinessCheck => {
      const port = PORTS[service as keyof typeof PORTS];
      // A query may need other nodes, and the first node of a fleet must become ready without them.
      return nodes === 1 && service === endpoints.select.service
        ? { service, port, ...endpoints.readCheck }
        : { service, port, path: "/health" };
    }),
  );
  const collectorChecks = collectors
    .filter(isCollector)
    .map((service) => ({ service, port: PORTS.collectorHealth, path: "/" }));
  const agentChecks = agents.map(({ signal }) => ({ ...AGENTS[signal], path: "/health" }));
  return [...collectorChecks, ...storeChecks, ...agentChecks];
}

function birthsOf({ dataSources }: NodeMesh): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(dataSources).map(([signal, source]) => [bornFile(signal as Signal), source]),
  );
}

function fileName(path: string): string {
  return path.slice(HAPROXY_FOLDER.length + 1);
}
