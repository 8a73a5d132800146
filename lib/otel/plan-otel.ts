import type { PerSignal, Signal } from "../fleet/definition";
import type { Fleet, ServiceLimit } from "../fleet/fleet";
import type { ImageChoice } from "../images/catalog";
import { isAtLeast } from "../images/version";
import { groupDoorPort } from "../mesh/doors";
import type { Group } from "../plan/groups";
import { DEFAULT_LIMITS } from "../plan/limits";
import { PORTS } from "../plan/ports";
import type { DataVolume, ServicePlan } from "../plan/service-plan";
import { COLLECTOR_NAMES, type CollectorName, type ServiceName } from "../plan/services";
import { ProblemError } from "../problem";
import { endpointUrl, type StoreEndpoints } from "../victoria/endpoints";
import type { CollectorConfig } from "./config";
import { gatewayConfig, QUEUE_DIRECTORY } from "./gateway";
import { isolationForestConfig } from "./isolationforest";
import { queueDiskMiB } from "./queues";
import { renderCollectorConfig } from "./render";
import { serviceGraphConfig } from "./servicegraph";
import { adapterPort } from "./shared";
import { spanMetricsConfig } from "./spanmetrics";
import { vlogAdapterConfig } from "./vlogadapter";
import { vmAdapterConfig } from "./vmadapter";

/** What the six collectors of one node need to know. */
export interface OtelRequest {
  /** Marks derived series; also the node's name. */
  readonly node: string;
  readonly group: Group;
  /** The own node's stores; on a node among several the group doors stand in front of them. */
  readonly stores: PerSignal<StoreEndpoints>;
  /** @default - a single node */
  readonly fleet?: OtelFleet;
  /** Docker volume that holds the gateway's queues. */
  readonly queueSource: string;
  /** The collector in use: its version, and that of each component which has another one. */
  readonly image: Pick<ImageChoice, "version" | "components">;
  readonly batch: Fleet["batch"];
  readonly queue: Fleet["queue"];
  readonly logLevel: Fleet["logLevel"];
  readonly anomalyMetrics: readonly string[];
  readonly limits?: { readonly [service in ServiceName]?: ServiceLimit };
}

/** What the collectors of a node among several need to know of the others. */
export interface OtelFleet {
  readonly groups: readonly Group[];
  /** `host:port` of every node's service graph collector, the same texts in the same order on every node. */
  readonly serviceGraphHosts: readonly string[];
}

export interface OtelPlan {
  readonly services: readonly ServicePlan[];
  /** The text that each collector reads. */
  readonly configs: { readonly [name in CollectorName]?: string };
  readonly data: DataVolume;
}

/** The oldest collector whose component names and keys these configurations use. */
const OLDEST_COLLECTOR = "0.158.0";
/** Variable that carries the configuration; a changed setting so replaces exactly one container. */
const CONFIG_VARIABLE = "OTELCOL_CONFIG";
const USER = "10001:10001";

/** @throws ProblemError `image/flag-unsupported` for a collector older than 0.158 */
export function planOtel(request: OtelRequest): OtelPlan {
  if (!isAtLeast(request.image.version, OLDEST_COLLECTOR)) {
    throw new ProblemError([
      {
        code: "image/flag-unsupported",
        what: `collector ${request.image.version} lacks components of these names`,
        where: "images.otelcol.version",
        fix: `use ${OLDEST_COLLECTOR} or newer`,
      },
    ]);
  }
  const configs = renderConfigs(request);
  const names = COLLECTOR_NAMES.filter((name) => configs[name] !== undefined);
  return {
    configs,
    services: names.map((name) => collectorService(name, configs[name] ?? "", request)),
    data: {
      source: request.queueSource,
      owner: USER,
      requiredFreeMiB: queueDiskMiB(request.queue.sizeMiB, request.fleet?.groups.length ?? 1),
    },
  };
}

function renderConfigs(request: OtelRequest): { readonly [name in CollectorName]?: string } {
  const { node, logLevel, anomalyMetrics, fleet, image } = request;
  const forestVersion = image.components?.isolationforestprocessor ?? image.version;
  const groups = fleet?.groups ?? [request.group];
  const derived = { node, adapter: { service: "vmadapter" }, groups, logLevel } as const;
  const scored = anomalyMetrics.length > 0;
  const targets = (signal: Signal) => groups.map((group) => ({ group, storeUrl: storeUrl(request, signal, group) }));
  const configs: { [name in CollectorName]?: CollectorConfig } = {
    gateway: gatewayConfig({
      targets: groups.map((group) => ({
        group,
        tracesUrl: storeUrl(request, "traces", group),
        metrics: { service: "vmadapter", port: adapterPort(group) },
        logs: { service: "vlogadapter", port: adapterPort(group) },
      })),
      serviceGraphHosts: fleet?.serviceGraphHosts ?? [`servicegraph:${PORTS.otlpGrpc}`],
      spanMetrics: { service: "spanmetrics", port: PORTS.otlpGrpc },
      ...(scored ? { isolationForest: { service: "isolationforest", port: PORTS.otlpGrpc } } : {}),
      anomalyMetrics,
      batch: request.batch,
      queue: request.queue,
      logLevel,
    }),
    servicegraph: serviceGraphConfig(derived),
    spanmetrics: spanMetricsConfig(derived),
    ...(scored
      ? { isolationforest: isolationForestConfig({ ...derived, metrics: anomalyMetrics, version: forestVersion }) }
      : {}),
    vmadapter: vmAdapterConfig({ targets: targets("metrics"), logLevel }),
    vlogadapter: vlogAdapterConfig({ targets: targets("logs"), logLevel }),
  };
  return Object.fromEntries(Object.entries(configs).map(([name, config]) => [name, renderCollectorConfig(config)]));
}

/** The store itself on a single node, else the door of a group: whoever holds its data is behind that. */
function storeUrl({ stores, fleet }: OtelRequest, signal: Signal, group: Group): string {
  const { otlp } = stores[signal];
  const at = fleet === undefined ? otlp : { service: "haproxy" as const, port: groupDoorPort(signal, group) };
  return endpointUrl(at, otlp.path);
}

function collectorService(name: CollectorName, config: string, request: OtelRequest): ServicePlan {
  const limit = request.limits?.[name] ?? DEFAULT_LIMITS[name];
  const gateway = name === "gateway";
  return {
    service: name,
    image: "otelcol",
    command: [`--config=env:${CONFIG_VARIABLE}`],
    environment: {
      [CONFIG_VARIABLE]: config,
      // Below the memory limiter's soft limit of 60 %, which counts garbage too: the collector cleans up before it refuses.
      GOMEMLIMIT: `${Math.floor(limit.memoryMiB * 0.55)}MiB`,
      // A quarter less CPU for about 45 MiB more at 5k spans a second.
      GOGC: "400",
    },
    user: USER,
    memoryMiB: limit.memoryMiB,
    ...(limit.cpus === undefined ? {} : { cpus: limit.cpus }),
    openFiles: 8192,
    stopSeconds: gateway ? 60 : 30,
    volumes: gateway ? [{ source: request.queueSource, path: QUEUE_DIRECTORY }] : [],
    tmpfs: {},
    publish: [],
  };
}

export function collectorHealthUrls({ services }: OtelPlan): readonly string[] {
  return services.map(({ service }) => endpointUrl({ service, port: PORTS.collectorHealth }, "/"));
}
