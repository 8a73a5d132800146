import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FleetDefinition, Layout, PortsDefinition } from "../lib/fleet/definition";
import { nodePrefix } from "../lib/plan/node-plan";

export const BENCH_FLEET = "bench";
export const BENCH_NODE = "node1";
/** First part of every container, network and volume that a benchmark makes. */
export const PREFIX = nodePrefix(BENCH_FLEET, BENCH_NODE);

/** Not the defaults and not those of the tests, so that they may go on beside it; and below the range from which clients get their ports. */
export const BENCH_PORTS = {
  otlpGrpc: 27317,
  otlpHttp: 27318,
  stats: 27404,
  gatewayMetrics: 27888,
  metricsSelect: 27481,
  metricsInsert: 27480,
  logsSelect: 27471,
  logsInsert: 27429,
  tracesSelect: 27483,
  tracesInsert: 27327,
} as const satisfies Required<PortsDefinition>;

/** Writes the module that `MIRADOR_FLEET` names; gives back its path. */
export function writeBenchFleet(folder: string, metricsLayout: Layout): string {
  return writeFleet(folder, "fleet", {
    name: BENCH_FLEET,
    nodes: [{ name: BENCH_NODE, address: "127.0.0.1" }],
    ports: BENCH_PORTS,
    layouts: { metrics: metricsLayout },
  });
}

/** A fleet of which only the size matters; it is never deployed. */
export function writeFleetOf(folder: string, size: number): string {
  const nodes = Array.from({ length: size }, (_, index) => {
    const address = `10.77.0.${index + 1}`;
    return { name: `node${index + 1}`, address, docker: { kind: "ssh", host: address } as const };
  });
  return writeFleet(folder, `fleet-of-${size}`, { name: BENCH_FLEET, nodes });
}

function writeFleet(folder: string, name: string, definition: FleetDefinition): string {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(path, `export default ${JSON.stringify(definition, null, 2)};\n`);
  return path;
}
