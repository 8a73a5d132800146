import type { PerSignal } from "../lib/fleet/definition";
import type { CollectorConfig, ComponentSettings } from "../lib/otel/config";
import { QUEUE_DIRECTORY } from "../lib/otel/gateway";
import { serviceGraphConfig } from "../lib/otel/servicegraph";
import { HEALTH_CHECK, innerGrpcReceiver, innerHttpReceiver, MEMORY_LIMITER, telemetry } from "../lib/otel/shared";
import { spanMetricsConfig } from "../lib/otel/spanmetrics";
import { vlogAdapterConfig } from "../lib/otel/vlogadapter";
import { PORTS } from "../lib/plan/ports";
import type { CollectorName } from "../lib/plan/services";
import { endpointUrl, type StoreEndpoints } from "../lib/victoria/endpoints";

/** What the shapes that this product is compared with are made from. */
export interface RivalRequest {
  readonly stores: PerSignal<StoreEndpoints>;
  /** Whether the collector has the `batch` processor. */
  readonly batchProcessor: boolean;
}

export type CollectorConfigs = { readonly [name in CollectorName]?: CollectorConfig };

const TELEMETRY = telemetry("info");
const DERIVED = { node: "bench", adapter: { service: "vmadapter" }, groups: ["a"], logLevel: "info" } as const;
/** Decides what a log stream is. The stores' work would differ without it, and that is not what is compared. */
const LOG_HEADERS = vlogAdapterConfig({ targets: [{ group: "a", storeUrl: "" }], logLevel: "info" }).exporters[
  "otlp_http/store_a"
]?.headers;

const HTTP_RECEIVER = innerHttpReceiver(PORTS.otlpHttp);

const clientReceiver = {
  protocols: { grpc: { ...innerGrpcReceiver.protocols.grpc }, http: { ...HTTP_RECEIVER.protocols.http } },
};

/** One collector: OTLP in, OTLP out straight to the stores, everything else as the collector has it by default. */
export function plainConfigs({ stores }: RivalRequest): CollectorConfigs {
  const exporter = (signal: "traces" | "metrics" | "logs", more: ComponentSettings = {}): ComponentSettings => ({
    [`${signal}_endpoint`]: endpointUrl(stores[signal].otlp, stores[signal].otlp.path),
    ...more,
  });
  const pipeline = (name: string) => ({ receivers: ["otlp"], exporters: [name] });
  return {
    gateway: {
      extensions: { health_check: HEALTH_CHECK },
      receivers: { otlp: clientReceiver },
      processors: {},
      exporters: {
        "otlp_http/traces": exporter("traces"),
        "otlp_http/metrics": exporter("metrics"),
        "otlp_http/logs": exporter("logs", { headers: LOG_HEADERS }),
      },
      service: {
        extensions: ["health_check"],
        pipelines: {
          traces: pipeline("otlp_http/traces"),
          metrics: pipeline("otlp_http/metrics"),
          logs: pipeline("otlp_http/logs"),
        },
        telemetry: TELEMETRY,
      },
    },
  };
}

/**
 * Every collector sends on what it received: the service graph and the span metrics store the spans once more each.
 * Where there was a choice the cheaper one was taken: gRPC to the derived collectors without load balancing, queues
 * on disk for the stores only, no anomaly scores. The connectors' settings are those of this product.
 */
export function predecessorConfigs(request: RivalRequest): CollectorConfigs {
  const { stores, batchProcessor } = request;
  const tracesInsert: ComponentSettings = {
    traces_endpoint: endpointUrl(stores.traces.insert, stores.traces.otlp.path),
  };
  return {
    gateway: predecessorGateway(tracesInsert, batchProcessor),
    servicegraph: reexporting(serviceGraphConfig(DERIVED), "service_graph", tracesInsert, batchProcessor),
    spanmetrics: reexporting(spanMetricsConfig(DERIVED), "span_metrics", tracesInsert, batchProcessor),
    vmadapter: adapter(
      "metrics",
      { metrics_endpoint: endpointUrl(stores.metrics.insert, stores.metrics.otlp.path) },
      batchProcessor,
    ),
    vlogadapter: adapter(
      "logs",
      { logs_endpoint: endpointUrl(stores.logs.insert, stores.logs.otlp.path), headers: LOG_HEADERS },
      batchProcessor,
    ),
  };
}

const PROCESSORS = (batch: boolean) => ({ memory_limiter: MEMORY_LIMITER, ...(batch ? { batch: {} } : {}) });
const inFront = (batch: boolean): readonly string[] => ["memory_limiter", ...(batch ? ["batch"] : [])];

/** Acknowledges from a queue on disk, as this product does, unless it has the batch processor, which is in memory. */
function predecessorGateway(tracesInsert: ComponentSettings, batch: boolean): CollectorConfig {
  const queue: ComponentSettings = batch ? {} : { sending_queue: { storage: "file_storage/queue" } };
  const toCollector = (service: CollectorName): ComponentSettings => ({
    endpoint: `${service}:${PORTS.otlpGrpc}`,
    tls: { insecure: true },
  });
  const toAdapter = (service: "vmadapter" | "vlogadapter"): ComponentSettings => ({
    endpoint: endpointUrl({ service, port: PORTS.otlpHttp }),
    ...queue,
  });
  const pipeline = (...exporters: readonly string[]) => ({
    receivers: ["otlp"],
    processors: inFront(batch),
    exporters,
  });
  return {
    extensions: { health_check: HEALTH_CHECK, "file_storage/queue": { directory: QUEUE_DIRECTORY, fsync: true } },
    receivers: { otlp: clientReceiver },
    processors: PROCESSORS(batch),
    exporters: {
      "otlp_http/vtinsert": { ...tracesInsert, ...queue },
      "otlp_grpc/servicegraph": toCollector("servicegraph"),
      "otlp_grpc/spanmetrics": toCollector("spanmetrics"),
      "otlp_http/vmadapter": toAdapter("vmadapter"),
      "otlp_http/vlogadapter": toAdapter("vlogadapter"),
    },
    service: {
      extensions: ["health_check", "file_storage/queue"],
      pipelines: {
        traces: pipeline("otlp_http/vtinsert", "otlp_grpc/servicegraph", "otlp_grpc/spanmetrics"),
        metrics: pipeline("otlp_http/vmadapter"),
        logs: pipeline("otlp_http/vlogadapter"),
      },
      telemetry: TELEMETRY,
    },
  };
}

function reexporting(
  ours: CollectorConfig,
  connector: string,
  tracesInsert: ComponentSettings,
  batch: boolean,
): CollectorConfig {
  const { traces, metrics } = ours.service.pipelines;
  if (traces === undefined || metrics === undefined)
    throw new Error(`${connector}: its pipelines have other names now`);
  return {
    ...ours,
    processors: { ...ours.processors, ...PROCESSORS(batch) },
    exporters: {
      "otlp_http/vmadapter_a": { endpoint: endpointUrl({ ...DERIVED.adapter, port: PORTS.otlpHttp }) },
      "otlp_http/vtinsert": tracesInsert,
    },
    service: {
      ...ours.service,
      pipelines: {
        traces: { ...traces, processors: inFront(batch), exporters: [connector, "otlp_http/vtinsert"] },
        metrics,
      },
    },
  };
}

function adapter(signal: "metrics" | "logs", store: ComponentSettings, batch: boolean): CollectorConfig {
  return {
    extensions: { health_check: HEALTH_CHECK },
    receivers: { otlp: HTTP_RECEIVER },
    processors: PROCESSORS(batch),
    exporters: { "otlp_http/store": store },
    service: {
      extensions: ["health_check"],
      pipelines: { [signal]: { receivers: ["otlp"], processors: inFront(batch), exporters: ["otlp_http/store"] } },
      telemetry: TELEMETRY,
    },
  };
}
