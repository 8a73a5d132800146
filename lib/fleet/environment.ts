import type { Problem } from "../problem";
import type { FleetDefinition, NodeDefinition, PortsDefinition } from "./definition";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables of the predecessor's `.env` that mean the same on every node, and the field that each fills. */
export const SETTING_VARIABLES = {
  VM_RETENTION: "retention.metrics",
  VL_RETENTION: "retention.logs",
  VT_RETENTION: "retention.traces",
  VM_STORAGE_PATH: "storagePaths.metrics",
  VL_STORAGE_PATH: "storagePaths.logs",
  VT_STORAGE_PATH: "storagePaths.traces",
  OTLP_GRPC_PORT: "ports.otlpGrpc",
  OTLP_HTTP_PORT: "ports.otlpHttp",
  HAPROXY_STATS_PORT: "ports.stats",
  PROMETHEUS_PORT: "ports.gatewayMetrics",
  HAPROXY_STATS_USER: "haproxy.stats.user",
} as const;
export type SettingVariable = keyof typeof SETTING_VARIABLES;
export const SETTING_NAMES = Object.keys(SETTING_VARIABLES) as readonly SettingVariable[];

/** The password of the stats page: a setting too, but one that never stands in a fleet. */
export const PASSWORD_VARIABLE = "HAPROXY_STATS_PASS";

export interface EnvironmentReading {
  readonly definition: FleetDefinition;
  readonly problems: readonly Problem[];
  /** The variable behind each value that came from one, by the value's path: `fleet.retention.metrics`. */
  readonly origins: ReadonlyMap<string, string>;
}

/**
 * Fills what a definition leaves out from the variables of the well-known compose `.env`. The typed field wins.
 * NODE_NAME and NODE_IP make the one node of a definition without nodes; without NODE_IP, NODE1_IP, NODE2_IP, …
 * make node1, node2, …
 */
export function fillFromEnvironment(definition: FleetDefinition, environment: Environment): EnvironmentReading {
  const problems: Problem[] = [];
  const value = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const found: { [group: string]: { [field: string]: string | number } } = {};
  const origins = new Map<string, string>();
  for (const name of SETTING_NAMES) {
    const text = value(name);
    if (text === undefined) continue;
    const path = SETTING_VARIABLES[name].split(".");
    const [group = "", field = ""] = path.slice(-2);
    if (typedField(definition, name) === undefined) origins.set(`fleet.${path.join(".")}`, name);
    if (group !== "ports" || /^\d{1,5}$/.test(text))
      found[group] = { ...found[group], [field]: group === "ports" ? Number(text) : text };
    else
      problems.push({
        code: "fleet/port-invalid",
        what: `${JSON.stringify(text)} is no port`,
        where: environmentPlace(name),
        fix: "write a number from 1 to 65535",
      });
  }

  const nodes = definition.nodes ?? nodesFromEnvironment(value, origins);
  const stats = merged("stats", found.stats ?? {}, definition.haproxy?.stats);
  return {
    problems,
    origins,
    definition: {
      ...definition,
      ...(nodes.length > 0 || definition.nodes ? { nodes } : {}),
      ...merged("retention", found.retention ?? {}, definition.retention),
      ...merged("storagePaths", found.storagePaths ?? {}, definition.storagePaths),
      ...merged("ports", (found.ports ?? {}) as PortsDefinition, definition.ports),
      ...merged(
        "haproxy",
        stats,
        isGroup(definition.haproxy) ? { ...definition.haproxy, ...stats } : definition.haproxy,
      ),
    },
  };
}

/** What a definition itself says where a variable would fill something in. */
export function typedField(definition: Omit<FleetDefinition, "nodes">, name: SettingVariable): unknown {
  return SETTING_VARIABLES[name]
    .split(".")
    .reduce<unknown>((at, key) => (isGroup(at) ? (at as Record<string, unknown>)[key] : undefined), definition);
}

/** Where a variable stands, as problems tell it. */
export function environmentPlace(name: string): string {
  return `environment ${name}`;
}

/** Tells problems of values that came from variables by the variable: nobody wrote `fleet.retention.metrics`. */
export function placedByVariable(problems: readonly Problem[], origins: EnvironmentReading["origins"]): Problem[] {
  const seen = new Set<string>();
  return problems.flatMap((problem) => {
    const name = origins.get(problem.where);
    if (name === undefined) return [problem];
    const where = environmentPlace(name);
    // One variable may fill two fields, an address and its engine's host.
    if (seen.has(`${problem.code} ${where}`)) return [];
    seen.add(`${problem.code} ${where}`);
    return [{ ...problem, where }];
  });
}

function nodesFromEnvironment(
  value: (name: string) => string | undefined,
  origins: Map<string, string>,
): readonly NodeDefinition[] {
  const address = value("NODE_IP");
  if (address !== undefined) {
    origins.set("fleet.nodes[0].name", "NODE_NAME").set("fleet.nodes[0].address", "NODE_IP");
    return [{ name: value("NODE_NAME") ?? "node1", address }];
  }
  const nodes: NodeDefinition[] = [];
  for (let index = 1; ; index++) {
    const name = `NODE${index}_IP`;
    const numbered = value(name);
    if (numbered === undefined) return nodes;
    for (const field of ["address", "docker.host"]) origins.set(`fleet.nodes[${index - 1}].${field}`, name);
    nodes.push({ name: `node${index}`, address: numbered, docker: { kind: "ssh", host: numbered } });
  }
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
