import { MESH_PORT } from "../mesh/services";
import { minimumMemoryMiB } from "../plan/limits";
import { ACCESS_POINT_NAMES, ACCESS_POINTS } from "../plan/ports";
import { SERVICE_NAMES } from "../plan/services";
import type { Problem } from "../problem";
import { type FleetDefinition, SIGNALS } from "./definition";
import { parseMebibytes } from "./quantity";

/** What several values mean together. Skips what has no usable shape: `validateShape` tells about that. */
export function validateFleet(definition: FleetDefinition): readonly Problem[] {
  return [
    ...duplicates(definition, "name", "fleet/name-duplicate", "give each node a name of its own"),
    ...duplicates(
      definition,
      "address",
      "fleet/address-duplicate",
      "give each node its own address; two nodes on one host lose together",
    ),
    ...duplicatePorts(definition),
    ...sharedFolders(definition),
    ...passwordPlaces(definition),
    ...batchOrder(definition),
    ...memoryFloors(definition),
    ...backendProblems(definition),
  ];
}

function duplicates(
  definition: FleetDefinition,
  key: "name" | "address",
  code: Problem["code"],
  fix: string,
): Problem[] {
  const seen = new Map<string, number>();
  const problems: Problem[] = [];
  nodesOf(definition).forEach((node, index) => {
    const value: unknown = node?.[key];
    if (typeof value !== "string") return;
    const first = seen.get(value);
    if (first === undefined) seen.set(value, index);
    else
      problems.push({
        code,
        what: `${key} ${JSON.stringify(value)} is also that of fleet.nodes[${first}]`,
        where: `fleet.nodes[${index}].${key}`,
        fix,
      });
  });
  return problems;
}

function duplicatePorts(definition: FleetDefinition): Problem[] {
  const { ports, mesh } = definition;
  const published = ACCESS_POINT_NAMES.map((name) => ({
    name: `ports.${name}`,
    port: ports?.[name] ?? ACCESS_POINTS[name].port,
  }));
  if (nodesOf(definition).length > 1) published.push({ name: "mesh.port", port: mesh?.port ?? MESH_PORT });
  const seen = new Map<number, string>();
  const problems: Problem[] = [];
  for (const { name, port } of published) {
    const first = seen.get(port);
    if (first === undefined) seen.set(port, name);
    else
      problems.push({
        code: "fleet/port-duplicate",
        what: `port ${port} is also that of ${first}`,
        where: `fleet.${name}`,
        fix: `give ${name} a port that nothing else of the node has`,
      });
  }
  return problems;
}

/** Two stores in one folder, or one in the other's, would take each other's data for theirs. */
function sharedFolders({ storagePaths }: FleetDefinition): Problem[] {
  const folders = SIGNALS.flatMap((signal) => {
    const path: unknown = storagePaths?.[signal];
    return typeof path === "string" ? [{ signal, folder: `${path.replace(/\/+/g, "/").replace(/\/$/, "")}/` }] : [];
  });
  return folders.flatMap(({ signal, folder }, index) => {
    const other = folders
      .slice(0, index)
      .find((first) => folder.startsWith(first.folder) || first.folder.startsWith(folder));
    const what = `the folder of ${signal} and that of ${other?.signal} are one, or one is within the other`;
    const fix = "give each signal a folder of its own";
    return other ? [{ code: "fleet/path-invalid", what, where: `fleet.storagePaths.${signal}`, fix }] : [];
  });
}

function passwordPlaces({ haproxy }: FleetDefinition): Problem[] {
  const { passwordFile, passwordEnvFile } = haproxy?.stats ?? {};
  if (passwordFile === undefined || passwordEnvFile === undefined) return [];
  const what = "the password of the stats page is to come from passwordFile and from passwordEnvFile";
  return [{ code: "fleet/value-invalid", what, where: "fleet.haproxy.stats", fix: "keep one of the two" }];
}

function batchOrder({ batch }: FleetDefinition): Problem[] {
  const { minSize, maxSize } = batch ?? {};
  const minimum = typeof minSize === "string" ? parseMebibytes(minSize) : 1;
  const maximum = typeof maxSize === "string" ? parseMebibytes(maxSize) : undefined;
  if (minimum === undefined || maximum === undefined || maximum >= minimum) return [];
  return [
    {
      code: "fleet/value-invalid",
      what: `maxSize ${maxSize} is below minSize ${minSize ?? "1MiB"}`,
      where: "fleet.batch",
      fix: `write a maxSize of at least ${minSize ?? "1MiB"}, or a smaller minSize`,
    },
  ];
}

function memoryFloors({ limits }: FleetDefinition): Problem[] {
  return SERVICE_NAMES.flatMap((service): Problem[] => {
    const memory: unknown = limits?.[service]?.memory;
    const mebibytes = typeof memory === "string" ? parseMebibytes(memory) : undefined;
    const floor = minimumMemoryMiB(service);
    if (mebibytes === undefined || mebibytes >= floor) return [];
    return [
      {
        code: "fleet/memory-invalid",
        what: `${memory} is too little for ${service} to start`,
        where: `fleet.limits.${service}.memory`,
        fix: `write at least "${floor}MiB"`,
      },
    ];
  });
}

function backendProblems(definition: FleetDefinition): Problem[] {
  const { backend } = definition;
  if (typeof backend?.config !== "object" || backend.config === null) return [];
  const perNode = Object.values(backend.config).some((value) => typeof value === "string" && value.includes("{node}"));
  if (perNode || nodesOf(definition).length < 2) return [];
  return [
    {
      code: "fleet/backend-invalid",
      what: `${nodesOf(definition).length} nodes would write one ${backend.type} state`,
      where: "fleet.backend.config",
      fix: 'put "{node}" into the key, path or address, so that each node has its own state',
    },
  ];
}

function nodesOf({ nodes }: FleetDefinition): NonNullable<FleetDefinition["nodes"]> {
  return Array.isArray(nodes) ? nodes : [];
}
