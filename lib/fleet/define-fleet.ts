import { resolveImages } from "../images/overrides";
import { MESH_PORT } from "../mesh/services";
import { nodeQueuesDiskMiB } from "../otel/queues";
import { groupCount } from "../plan/groups";
import { DEFAULT_LIMITS } from "../plan/limits";
import { ACCESS_POINT_NAMES, ACCESS_POINTS, type AccessPointName } from "../plan/ports";
import { SERVICE_NAMES, type ServiceName } from "../plan/services";
import { type Problem, refuse } from "../problem";
import { type FleetDefinition, type PerSignal, perSignal } from "./definition";
import {
  type Environment,
  environmentPlace,
  fillFromEnvironment,
  isGroup,
  PASSWORD_VARIABLE,
  placedByVariable,
} from "./environment";
import type { Fleet, ServiceLimit } from "./fleet";
import { parseMebibytes, parseRetentionDays } from "./quantity";
import { validateShape } from "./schema";
import { statsPasswordProblems } from "./stats-password";
import { validateFleet } from "./validate";

/**
 * Completes a fleet with defaults and checks it as a whole.
 *
 * A definition without `nodes` is complete but empty, so that the environment may still bring the nodes; a plan of an
 * empty fleet is refused.
 * @param environment variables of the predecessor's `.env`; the typed field wins
 * @throws ProblemError with every problem of the definition at once
 */
export function defineFleet(definition: FleetDefinition, environment: Environment = {}): Fleet {
  const filled = fillFromEnvironment(isGroup(definition) ? definition : {}, environment);
  const shape: readonly Problem[] = isGroup(definition)
    ? validateShape(filled.definition)
    : [
        {
          code: "fleet/module-unusable",
          what: `found ${definition === null ? "null" : Array.isArray(definition) ? "a list" : typeof definition}`,
          where: "fleet",
          fix: "export defineFleet({ nodes: [...] })",
        },
      ];
  refuse([...filled.problems, ...placedByVariable([...shape, ...validateFleet(filled.definition)], filled.origins)]);
  return deepFreeze(complete(structuredClone(filled.definition)));
}

/** The same fleet with what it left out filled from the environment, and with other images. */
export function refineFleet(fleet: Fleet, environment: Environment, images: FleetDefinition["images"] = {}): Fleet {
  return defineFleet({ ...fleet.definition, images: { ...fleet.definition.images, ...images } }, environment);
}

/**
 * What is wrong with the variables of an environment, whatever the fleet says: for where no fleet could be read, so that
 * they are told in the same breath. Which nodes they name is left to the fleet.
 */
export function environmentProblems(environment: Environment): readonly Problem[] {
  const { definition, origins, problems } = fillFromEnvironment({ nodes: [] }, environment);
  const { nodes: _, ...settings } = definition;
  const password = environment[PASSWORD_VARIABLE];
  return [
    ...problems,
    ...placedByVariable(validateShape(settings), origins),
    ...(password === undefined ? [] : statsPasswordProblems(password, environmentPlace(PASSWORD_VARIABLE))),
  ];
}

const RETENTION_DEFAULT: PerSignal<string> = { metrics: "30d", logs: "14d", traces: "7d" };
/** A day of scoring costs about 0.2 s of CPU per 1000 points, so the list is short. */
const ANOMALY_DEFAULT = ["system.cpu.utilization", "system.memory.utilization", "process.memory.usage"];

function complete(definition: FleetDefinition): Fleet {
  const { haproxy = {}, batch = {}, queue = {} } = definition;
  return {
    name: definition.name ?? "mirador",
    nodes: (definition.nodes ?? []).map((node) => ({
      ...node,
      docker: node.docker ?? { kind: "unix" },
      pulls: node.pulls ?? true,
    })),
    listenOnAllAddresses: definition.listenOnAllAddresses ?? false,
    retentionDays: perSignal(
      (signal) => parseRetentionDays(definition.retention?.[signal] ?? RETENTION_DEFAULT[signal]) ?? 0,
    ),
    storagePaths: { ...definition.storagePaths },
    layouts: perSignal((signal) => definition.layouts?.[signal] ?? "cluster"),
    ports: portsOf(definition),
    haproxy: {
      algorithm: haproxy.algorithm ?? "random",
      checkIntervalSeconds: haproxy.checkIntervalSeconds ?? 2,
      drainSeconds: haproxy.drainSeconds ?? 30,
      statsUser: haproxy.stats?.user ?? "admin",
      ...(haproxy.stats?.passwordFile === undefined ? {} : { statsPasswordFile: haproxy.stats.passwordFile }),
      ...(haproxy.stats?.passwordEnvFile === undefined ? {} : { statsPasswordEnvFile: haproxy.stats.passwordEnvFile }),
      ...(haproxy.tls === undefined ? {} : { tls: haproxy.tls }),
    },
    limits: Object.fromEntries(SERVICE_NAMES.map((name) => [name, limitOf(definition, name)])) as Fleet["limits"],
    batch: batchOf(batch),
    queue: { sizeMiB: queueMiB(definition), fsync: queue.fsync ?? true },
    minFreeDiskMiB:
      parseMebibytes(definition.minFreeDisk ?? "") ??
      nodeQueuesDiskMiB(queueMiB(definition), groupCount(definition.nodes?.length ?? 1)) + 1024,
    logLevel: definition.logLevel ?? "info",
    // Sorted and unique: the order in which somebody wrote the list replaces no container.
    anomalyMetrics: [...new Set(definition.anomaly?.metrics ?? ANOMALY_DEFAULT)].sort(),
    mesh: {
      port: definition.mesh?.port ?? MESH_PORT,
      ...(definition.mesh?.certificates === undefined ? {} : { certificatesFolder: definition.mesh.certificates }),
    },
    images: resolveImages(definition.images),
    ...(definition.backend === undefined ? {} : { backend: definition.backend }),
    definition,
  };
}

const queueMiB = ({ queue }: FleetDefinition): number => parseMebibytes(queue?.size ?? "512MiB") ?? 0;

function batchOf({ minSize, maxSize, flushMilliseconds = 500 }: NonNullable<FleetDefinition["batch"]>): Fleet["batch"] {
  const minMiB = parseMebibytes(minSize ?? "1MiB") ?? 0;
  return { minMiB, maxMiB: parseMebibytes(maxSize ?? "") ?? Math.max(2, minMiB), flushMilliseconds };
}

export function portsOf(definition: FleetDefinition): Record<AccessPointName, number> {
  const entries = ACCESS_POINT_NAMES.map((name) => [name, definition.ports?.[name] ?? ACCESS_POINTS[name].port]);
  return Object.fromEntries(entries) as Record<AccessPointName, number>;
}

function limitOf({ limits }: FleetDefinition, name: ServiceName): ServiceLimit {
  const { memory, cpus } = limits?.[name] ?? {};
  const memoryMiB = memory === undefined ? undefined : parseMebibytes(memory);
  return { memoryMiB: memoryMiB ?? DEFAULT_LIMITS[name].memoryMiB, ...(cpus === undefined ? {} : { cpus }) };
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
  return value;
}
