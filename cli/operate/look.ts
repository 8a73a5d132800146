import type Docker from "dockerode";
import type { ContainerInfo } from "dockerode";
import { type NodePlan, servicesOf } from "../../lib/plan/node-plan";
import { PORTS } from "../../lib/plan/ports";
import type { ServicePlan } from "../../lib/plan/service-plan";
import type { ServiceName } from "../../lib/plan/services";
import { missingAt, runInside } from "../engine-exec";
import type { Trouble } from "../failure";
import { engineLost, type ReachedEngine, withinSeconds } from "../up/engines";
import { eyesOn } from "../up/node-eyes";
import type { NodeOnEngine } from "./nodes";
import { uncleanStores } from "./unclean";

const LOOK_SECONDS = 20;

/** A service as its engine and the node's HAProxy see it. */
export interface ServiceLook {
  readonly service: ServiceName;
  /** Docker's word: `running`, `exited`, `restarting`, `paused`, `dead`, `created`; `missing` when there is no container. */
  readonly state: string;
  /** Whether HAProxy's check of it succeeds; absent when HAProxy does not tell. */
  readonly healthy?: boolean;
  /** Of the image in use. */
  readonly version: string;
  /** ISO 8601; while it runs. */
  readonly startedAt?: string;
  /** When it has ended. */
  readonly exitCode?: number;
  /** How often Docker has started it again by itself. */
  readonly restarts: number;
  /** Bytes, without file pages that the kernel would drop first. */
  readonly memory?: number;
  /** Bytes. */
  readonly memoryLimit?: number;
  /** Bytes that wait to be sent, all queues together; of the gateway and the agents. */
  readonly queue?: number;
  /** Its run before this one did not end cleanly; of stores that tell it. */
  readonly uncleanEnd?: true;
  /** Where it keeps its data; absent for one that keeps none, and where that cannot be measured. */
  readonly disk?: ServiceDisk;
}

/** The disk under the data of a service. */
export interface ServiceDisk {
  /** Bytes. */
  readonly free: number;
  /** Until it has no room left; absent where it has room for all that is kept, or where that cannot be told yet. */
  readonly daysLeft?: number;
}

/** A node with all its services. */
export interface NodeLook {
  readonly node: string;
  readonly group: string;
  /** As people name it. */
  readonly engine: string;
  /** Of the engine; absent when it does not answer. */
  readonly version?: string;
  /** Why nothing is known. */
  readonly trouble?: Trouble;
  /** Every service is up. */
  readonly ready: boolean;
  /** What its HAProxy waits for; `haproxy` when that does not answer. */
  readonly missing?: string;
  readonly services: readonly ServiceLook[];
  /** What a person should know, with what to run. @default - nothing */
  readonly notes?: readonly string[];
}

/** Looks at a node through its engine; whatever does not answer is told as missing. */
export async function lookAtNode({ plan, engine }: NodeOnEngine): Promise<NodeLook> {
  const about = { node: plan.name, group: plan.group };
  if ("code" in engine) return { ...about, engine: "", trouble: engine, ready: false, services: [] };
  const { address, version } = engine;
  try {
    return await withinSeconds(lookAtReached(plan, engine), LOOK_SECONDS);
  } catch (error) {
    return { ...about, engine: address, version, trouble: engineLost(engine, error), ready: false, services: [] };
  }
}

async function lookAtReached(plan: NodePlan, engine: ReachedEngine): Promise<NodeLook> {
  const { address, version, client } = engine;
  const haproxy = `${plan.prefix}-haproxy`;
  const [containers, missing, healthy, queues, unclean] = await Promise.all([
    serviceContainers(client, plan),
    missingAt(client, haproxy).catch(() => "haproxy"),
    checks(client, haproxy).catch(() => new Map<string, boolean>()),
    eyesOn(plan, client, engine.aheadSeconds)
      .queues()
      .catch(() => undefined),
    uncleanStores(plan, client).catch(() => new Set<string>()),
  ]);
  const services = await Promise.all(
    servicesOf(plan).map(async (service) => {
      const look = await lookAtService(client, plan, service, containers.get(service.service));
      const waits = queues && waiting(service.service, queues);
      const up = service.service === "haproxy" ? missing !== "haproxy" : healthy.get(service.service);
      return {
        ...look,
        ...(waits === undefined ? {} : { queue: waits }),
        ...(unclean.has(service.service) ? { uncleanEnd: true as const } : {}),
        ...(up === undefined || look.state !== "running" ? {} : { healthy: up }),
      };
    }),
  );
  const ready = missing === undefined;
  const about = { node: plan.name, group: plan.group, engine: address, version };
  return { ...about, ready, ...(ready ? {} : { missing }), services };
}

/** The containers of a node's services, whatever their state; by service. */
export async function serviceContainers(
  client: Docker,
  { fleet, name }: NodePlan,
): Promise<ReadonlyMap<string, ContainerInfo>> {
  const label = [`mirador.fleet=${fleet}`, `mirador.node=${name}`, "mirador.service"];
  const containers = await client.listContainers({ all: true, filters: { label } });
  return new Map(containers.map((container) => [container.Labels["mirador.service"] ?? "", container]));
}

async function lookAtService(
  client: Docker,
  plan: NodePlan,
  { service, image, memoryMiB }: ServicePlan,
  info: ContainerInfo | undefined,
): Promise<ServiceLook> {
  const { ref, version } = plan.images[image];
  if (info === undefined) return { service, state: "missing", version: "", restarts: 0 };
  const container = client.getContainer(info.Id);
  const running = info.State === "running";
  const [details, stats] = await Promise.all([
    container.inspect().catch(unlessGone),
    running ? container.stats({ stream: false, "one-shot": true }).catch(() => undefined) : undefined,
  ]);
  // Replaced meanwhile, as `mirador up` does.
  if (details === undefined) return { service, state: "missing", version: "", restarts: 0 };
  const { State, RestartCount } = details;
  const used = stats && memoryOf(stats.memory_stats);
  return {
    service,
    state: info.State,
    version: info.Image === ref ? version : info.Image,
    restarts: RestartCount,
    ...(running ? { startedAt: State.StartedAt } : { exitCode: State.ExitCode }),
    ...(used === undefined ? {} : { memory: used, memoryLimit: memoryMiB * 1024 ** 2 }),
  };
}

/** A container that is not there any more is no trouble of its engine. */
export function unlessGone(error: { readonly statusCode?: number }): undefined {
  if (error.statusCode === 404) return undefined;
  throw error;
}

/** As `docker stats` counts; the names of the counters are those of cgroup v1 and v2. */
function memoryOf({ usage, stats }: Docker.ContainerStats["memory_stats"]): number | undefined {
  const counters = stats as unknown as Readonly<Record<string, number | undefined>> | undefined;
  if (usage === undefined || counters === undefined) return undefined;
  return usage - (counters.total_inactive_file ?? counters.inactive_file ?? 0);
}

/** Whether HAProxy's check of each service succeeds. */
async function checks(client: Docker, haproxy: string): Promise<ReadonlyMap<string, boolean>> {
  const url = `http://127.0.0.1:${PORTS.haproxyInternal}/metrics?scope=server`;
  const script = `wget -q -T 3 -O - '${url}' | grep '^haproxy_server_status{proxy="be_chk_.*state="UP"'`;
  const text = await runInside(client, haproxy, script, 5);
  const found = text.matchAll(/proxy="be_chk_([^"]+)".* (\d)$/gm);
  return new Map([...found].map(([, service = "", up]) => [service, up === "1"]));
}

function waiting(service: string, queues: ReadonlyMap<string, number>): number | undefined {
  const own = [...queues].filter(([name]) =>
    service === "gateway" ? !/^v[lm]agent\//.test(name) : name.startsWith(`${service}/`),
  );
  return own.length === 0 ? undefined : own.reduce((all, [, bytes]) => all + bytes, 0);
}
