import type { Problem } from "../problem";
import type { FleetDefinition, NodeDefinition, PortsDefinition, Signal } from "./definition";

export type Environment = Readonly<Record<string, string | undefined>>;

const RETENTION = { VM_RETENTION: "metrics", VL_RETENTION: "logs", VT_RETENTION: "traces" } as const;
const STORAGE_PATH = { VM_STORAGE_PATH: "metrics", VL_STORAGE_PATH: "logs", VT_STORAGE_PATH: "traces" } as const;
const PORT = {
  OTLP_GRPC_PORT: "otlpGrpc",
  OTLP_HTTP_PORT: "otlpHttp",
  HAPROXY_STATS_PORT: "stats",
  PROMETHEUS_PORT: "gatewayMetrics",
} as const;

export interface EnvironmentReading {
  readonly definition: FleetDefinition;
  readonly problems: readonly Problem[];
}

/**
 * Fills what a definition leaves out from the variables of the well-known compose `.env`. The typed field wins.
 * NODE_NAME and NODE_IP make the one node of a definition without nodes; without NODE_IP, NODE1_IP, NODE2_IP, …
 * make node1, node2, …
 */
export function fillFromEnvironment(definition: FleetDefinition, environment: Environment): EnvironmentReading {
  const problems: Problem[] = [];
  const value = (name: string): string | undefined => environment[name]?.trim() || undefined;

  const retention: { [signal in Signal]?: string } = {};
  for (const [name, signal] of Object.entries(RETENTION)) assignDefined(retention, signal, value(name));
  const storagePaths: { [signal in Signal]?: string } = {};
  for (const [name, signal] of Object.entries(STORAGE_PATH)) assignDefined(storagePaths, signal, value(name));
  const ports: { -readonly [name in keyof PortsDefinition]: number } = {};
  for (const [name, accessPoint] of Object.entries(PORT)) {
    const text = value(name);
    if (text === undefined) continue;
    if (/^\d{1,5}$/.test(text)) ports[accessPoint] = Number(text);
    else
      problems.push({
        code: "fleet/port-invalid",
        what: `${JSON.stringify(text)} is no port`,
        where: `environment ${name}`,
        fix: "write a number from 1 to 65535",
      });
  }

  const nodes = definition.nodes ?? nodesFromEnvironment(value);
  const statsUser = value("HAPROXY_STATS_USER");
  const stats = merged("stats", statsUser === undefined ? {} : { user: statsUser }, definition.haproxy?.stats);
  return {
    problems,
    definition: {
      ...definition,
      ...(nodes.length > 0 || definition.nodes ? { nodes } : {}),
      ...merged("retention", retention, definition.retention),
      ...merged("storagePaths", storagePaths, definition.storagePaths),
      ...merged("ports", ports, definition.ports),
      ...merged(
        "haproxy",
        stats,
        isGroup(definition.haproxy) ? { ...definition.haproxy, ...stats } : definition.haproxy,
      ),
    },
  };
}

function nodesFromEnvironment(value: (name: string) => string | undefined): readonly NodeDefinition[] {
  const address = value("NODE_IP");
  if (address !== undefined) return [{ name: value("NODE_NAME") ?? "node1", address }];
  const nodes: NodeDefinition[] = [];
  for (let index = 1; ; index++) {
    const numbered = value(`NODE${index}_IP`);
    if (numbered === undefined) return nodes;
    nodes.push({ name: `node${index}`, address: numbered, docker: { kind: "ssh", host: numbered } });
  }
}

function assignDefined<T>(target: { [key: string]: T }, key: string, value: T | undefined): void {
  if (value !== undefined) target[key] = value;
}

/** Leaves a definition that said nothing about a key as it is; what it said that is no object stays for the schema to refuse. */
function merged<K extends string, T extends object>(
  key: K,
  fromEnvironment: T,
  typed: T | undefined,
): { [key in K]?: T } {
  if (typed !== undefined && !isGroup(typed)) return {};
  const both = { ...fromEnvironment, ...typed };
  return Object.keys(both).length > 0 || typed !== undefined ? ({ [key]: both } as { [key in K]?: T }) : {};
}

/** An object that holds keys; a list is none. */
export function isGroup(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
