import { loadPlan } from "../inputs/load-plan";
import { perSignal, SIGNALS } from "../lib/fleet/definition";
import type { Fleet } from "../lib/fleet/fleet";
import { accessPoints } from "../lib/haproxy/access";
import { type HaproxyPlan, planHaproxy, readinessChecks } from "../lib/haproxy/plan-haproxy";
import { QUEUE_DIRECTORY } from "../lib/otel/gateway";
import { renderCollectorConfig } from "../lib/otel/render";
import { type NodePlan, servicesOf } from "../lib/plan/node-plan";
import { PORTS } from "../lib/plan/ports";
import type { DataVolume, ServicePlan } from "../lib/plan/service-plan";
import type { CollectorName } from "../lib/plan/services";
import { BENCH_FLEET } from "./fleet";
import { type CollectorConfigs, plainConfigs, predecessorConfigs } from "./rival-configs";
import type { Session } from "./session";

export const SHAPE_KEYS = ["ours", "plain", "predecessor"] as const;
export type ShapeKey = (typeof SHAPE_KEYS)[number];

/** One way to take OTLP to the stores, as containers. All have the same stores and the same HAProxy in front. */
export interface Shape {
  readonly key: ShapeKey;
  readonly services: readonly ServicePlan[];
  readonly data: readonly DataVolume[];
  readonly haproxy: HaproxyPlan;
}

/** Ample, so that no rival is slowed by a limit that was measured for this product. */
const RIVAL_MEMORY_MIB = 1024;

export async function planShapes(session: Session): Promise<Readonly<Record<ShapeKey, Shape>>> {
  const { fleet, plan } = await loadPlan(session.folder, session.environment);
  const [node] = plan.nodes;
  if (node === undefined) throw new Error("the benchmark's fleet has no node");
  const rival = {
    stores: perSignal((signal) => node.stores[signal].endpoints),
    batchProcessor: await hasBatch(session),
  };
  session.log(
    `predecessor's shape: ${rival.batchProcessor ? "batch processor" : "default queues, on disk in the gateway"}`,
  );
  const shape = (key: ShapeKey, configs: CollectorConfigs): Shape => rivalShape(session, fleet, node, key, configs);
  return {
    ours: {
      key: "ours",
      services: servicesOf(node),
      data: dataOf(node),
      haproxy: node.haproxy,
    },
    plain: shape("plain", plainConfigs(rival)),
    predecessor: shape("predecessor", predecessorConfigs(rival)),
  };
}

const dataOf = ({ stores, otel }: NodePlan) =>
  [...SIGNALS.map((signal) => stores[signal].data), otel.data].filter((volume) => volume !== undefined);

function rivalShape(
  { environment }: Session,
  fleet: Fleet,
  node: NodePlan,
  key: ShapeKey,
  configs: CollectorConfigs,
): Shape {
  const collectors = Object.entries(configs).map(([name, config]) =>
    rivalCollector(name as CollectorName, renderCollectorConfig(config), node),
  );
  const haproxy = planHaproxy({
    fleet: fleet.name,
    node: node.name,
    settings: fleet.haproxy,
    limit: fleet.limits.haproxy,
    bindAddress: node.address,
    published: node.accessPoints,
    accessPoints: accessPoints(
      { service: "gateway", port: PORTS.otlpHttp },
      perSignal((signal) => node.stores[signal].endpoints),
      perSignal((signal) => fleet.layouts[signal] === "cluster"),
    ),
    readiness: readinessChecks(
      SIGNALS.map((signal) => node.stores[signal]),
      collectors.map(({ service }) => service),
      1,
    ),
    statsPassword: environment.HAPROXY_STATS_PASS ?? "",
  });
  return {
    key,
    services: [...SIGNALS.flatMap((signal) => node.stores[signal].services), ...collectors, haproxy.service],
    data: dataOf(node),
    haproxy,
  };
}

/** The collector as its image has it: no limit on its garbage, and the rest of the container as ours. */
function rivalCollector(service: CollectorName, config: string, { otel }: NodePlan): ServicePlan {
  const [like] = otel.services;
  if (like === undefined) throw new Error("the plan has no collector");
  const gateway = service === "gateway";
  return {
    ...like,
    service,
    command: ["--config=env:OTELCOL_CONFIG"],
    environment: { OTELCOL_CONFIG: config },
    memoryMiB: RIVAL_MEMORY_MIB,
    volumes: gateway ? [{ source: otel.data.source, path: QUEUE_DIRECTORY }] : [],
  };
}

async function hasBatch({ docker, parts }: Session): Promise<boolean> {
  // A terminal, because its output comes without the frames of two mixed streams.
  const container = await docker.createContainer({
    Image: parts.images.otelcol.ref,
    Cmd: ["components"],
    Tty: true,
    Labels: { "mirador.fleet": BENCH_FLEET },
  });
  try {
    await container.start();
    await container.wait();
    return String(await container.logs({ stdout: true })).includes("/processor/batchprocessor ");
  } finally {
    await container.remove({ force: true });
  }
}
