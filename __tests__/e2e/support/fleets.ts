import type { FleetDefinition, Layout } from "../../../lib";

/** Fleets of this suite; whatever carries one of these names is removed before and after a run. */
export const FLEET_NAMES = ["e2e", "e2e-beside", "e2e-weather", "e2e-demo", "e2e-lock"] as const;
export type FleetName = (typeof FLEET_NAMES)[number];

export const NODE = "e2e1";

/** Ports of their own, so that the suite runs beside a node with the default ones. */
function portsFrom(base: number): Required<NonNullable<FleetDefinition["ports"]>> {
  return {
    otlpGrpc: base + 317,
    otlpHttp: base + 318,
    tracesInsert: base + 327,
    stats: base + 404,
    logsInsert: base + 429,
    logsSelect: base + 471,
    metricsInsert: base + 480,
    metricsSelect: base + 481,
    tracesSelect: base + 483,
    gatewayMetrics: base + 888,
  };
}

export type TestFleet = FleetDefinition &
  Required<Pick<FleetDefinition, "name" | "nodes">> & {
    readonly ports: Required<NonNullable<FleetDefinition["ports"]>>;
  };

/** The fleet that most files share. Its queues are small, so that one can be filled in seconds. */
export function sharedFleet(metrics: Layout): TestFleet {
  return {
    name: "e2e",
    nodes: [{ name: NODE, address: "127.0.0.1" }],
    ports: portsFrom(24_000),
    retention: { metrics: "60d", logs: "3d", traces: "2d" },
    layouts: { metrics },
    limits: { vlstorage: { memory: "512MiB" }, haproxy: { memory: "160MiB", cpus: 1 } },
    queue: { size: "32MiB" },
    minFreeDisk: "512MiB",
    anomaly: { metrics: ["system.cpu.utilization", "process.memory.usage"] },
  };
}

/** A fleet that shares nothing with the first but the engine. */
export function fleetBeside(metrics: Layout): TestFleet {
  return {
    name: "e2e-beside",
    nodes: [{ name: "other", address: "127.0.0.1" }],
    ports: portsFrom(14_000),
    retention: { metrics: "1y", logs: "30d", traces: "1d" },
    layouts: { metrics, logs: "single" },
    limits: { gateway: { memory: "192MiB" }, vtstorage: { memory: "256MiB", cpus: 0.5 } },
    queue: { size: "16MiB" },
    anomaly: { metrics: [] },
  };
}

/** The fleet that things are done to which nobody does on purpose. */
export function weatherFleet(metrics: Layout): TestFleet {
  return {
    ...fleetBeside(metrics),
    name: "e2e-weather",
    nodes: [{ name: "storm", address: "127.0.0.1" }],
    ports: portsFrom(18_000),
  };
}

/** The fleet whose images come from a registry. */
export function lockFleet(metrics: Layout): TestFleet {
  return {
    ...fleetBeside(metrics),
    name: "e2e-lock",
    nodes: [{ name: "pinned", address: "127.0.0.1" }],
    ports: portsFrom(10_000),
  };
}

/** The fleet of `npm run demo`, as a person would write it. */
export function demoFleet(metrics: Layout): TestFleet {
  return {
    name: "e2e-demo",
    nodes: [{ name: "demo1", address: "127.0.0.1" }],
    ports: portsFrom(28_000),
    layouts: { metrics },
    queue: { size: "32MiB" },
  };
}
