import type { PerSignal } from "../fleet/definition";
import type { ServiceLimit } from "../fleet/fleet";
import type { ResolvedImages } from "../images/overrides";
import { groupDoorPort } from "../mesh/doors";
import { agentDiskMiB, agentQueueMiB } from "../otel/queues";
import type { Group } from "../plan/groups";
import { DEFAULT_LIMITS } from "../plan/limits";
import { PORTS } from "../plan/ports";
import { type DataVolume, type ServicePlan, TMPFS_TMP } from "../plan/service-plan";
import type { ServiceName } from "../plan/services";
import { type Endpoint, endpointUrl, type StoreEndpoints } from "./endpoints";
import { type FlagUse, renderFlags } from "./flags";

/** Signals whose native protocols an agent takes; VictoriaTraces takes OTLP alone. */
export type AgentSignal = "metrics" | "logs";
export type AgentName = "vmagent" | "vlagent";

/** What takes the protocols other than OTLP on a node among several, and leaves each item at every storage group. */
export const AGENTS: Readonly<Record<AgentSignal, Endpoint & { readonly service: AgentName }>> = {
  metrics: { service: "vmagent", port: PORTS.vmagent },
  logs: { service: "vlagent", port: PORTS.vlagent },
};
export const AGENT_SIGNALS = Object.keys(AGENTS) as readonly AgentSignal[];

/** Whether a service takes native protocols for the whole fleet. */
export function isAgent(service: ServiceName): service is AgentName {
  return AGENT_SIGNALS.some((signal) => AGENTS[signal].service === service);
}

/** What {@link planAgents} needs to know of a node among several. */
export interface AgentsRequest {
  /** In their order: it is part of the names of the queues on disk. */
  readonly groups: readonly Group[];
  readonly stores: PerSignal<StoreEndpoints>;
  /** First part of the names of the volumes that hold the queues. */
  readonly prefix: string;
  /** The fleet's queue size, in MiB. */
  readonly queueMiB: number;
  readonly images: ResolvedImages;
  /** @default - see `lib/plan/limits.ts` */
  readonly limits?: { readonly [service in ServiceName]?: ServiceLimit };
}

/** One agent of a node: vmagent or vlagent. */
export interface AgentPlan {
  /** What it takes. */
  readonly signal: AgentSignal;
  readonly service: ServicePlan;
  /** Its queues: one for each storage group, on disk. */
  readonly data: DataVolume;
  /** What each of them holds before the agent drops the oldest, in MiB. HAProxy refuses senders before that. */
  readonly queueMiB: number;
}

const USER = "1000:1000";
const QUEUES = "/queues";

/**
 * Agents acknowledge from memory and pass on within a second; what a group does not take goes to its queue on disk after
 * five. Insert roles would do the same without a disk, and for one group alone.
 * @throws ProblemError when an image's version lacks a flag that is needed
 */
export function planAgents(request: AgentsRequest): readonly AgentPlan[] {
  return AGENT_SIGNALS.map((signal) => planAgent(signal, request));
}

function planAgent(signal: AgentSignal, request: AgentsRequest): AgentPlan {
  const { groups, stores, prefix, queueMiB, images } = request;
  const { service, port } = AGENTS[signal];
  const limit = request.limits?.[service] ?? DEFAULT_LIMITS[service];
  const source = `${prefix}-${service}-data`;
  const urls = groups.map((group): FlagUse => {
    const door = { service: "haproxy", port: groupDoorPort(signal, group) } as const;
    return { flag: "remoteWrite.url", value: endpointUrl(door, stores[signal].remoteWritePath) };
  });
  return {
    signal,
    service: {
      service,
      image: service,
      command: renderFlags(service, images[service].version, [
        { flag: "httpListenAddr", value: `:${port}` },
        ...urls,
        { flag: "remoteWrite.tmpDataPath", value: QUEUES },
        { flag: "remoteWrite.maxDiskUsagePerURL", value: `${agentQueueMiB(queueMiB)}MiB` },
        // While a group is away each sender holds a block in memory, which a kill loses: one is enough, and keeps order.
        { flag: "remoteWrite.queues", value: 1 },
        // Below HAProxy's patience at a group's door, so that who waits is who gives up.
        { flag: "remoteWrite.sendTimeout", value: "30s" },
        // By default a group that is back may wait a minute for what it lacks.
        { flag: signal === "metrics" ? "remoteWrite.retryMaxInterval" : "remoteWrite.retryMaxTime", value: "5s" },
        // HAProxy's check turns it away first.
        { flag: "http.shutdownDelay", value: "5s" },
        { flag: "memory.allowedBytes", value: `${Math.floor(limit.memoryMiB * 0.4)}MiB` },
        { flag: "loggerFormat", value: "json" },
      ]),
      environment: {},
      user: USER,
      memoryMiB: limit.memoryMiB,
      ...(limit.cpus === undefined ? {} : { cpus: limit.cpus }),
      openFiles: 8192,
      // 5 s until it closes its port, 7 s for requests, and 10 s for each group that does not answer.
      stopSeconds: 45,
      volumes: [{ source, path: QUEUES }],
      tmpfs: TMPFS_TMP,
      publish: [],
    },
    data: { source, owner: USER, requiredFreeMiB: agentDiskMiB(queueMiB, groups.length) },
    queueMiB: agentQueueMiB(queueMiB),
  };
}
