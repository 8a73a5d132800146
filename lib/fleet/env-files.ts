import { collect, type Problem, ProblemError, refuse } from "../problem";
import { defineFleet } from "./define-fleet";
import type { DockerDefinition, FleetDefinition, HaproxyDefinition, NodeDefinition } from "./definition";
import { type EnvFile, foundIn, placeOf, variableProblems } from "./env-file";
import { type EnvNode, envNodes, listProblems } from "./env-nodes";
import { environmentPlace, isGroup, PASSWORD_VARIABLE, SETTING_NAMES, typedField } from "./environment";
import type { Fleet } from "./fleet";
import { statsPasswordProblems } from "./stats-password";

/** What a fleet from `.env` files is given beside them. A field that is set here wins over every file's variable. */
export interface EnvFilesOptions extends Omit<FleetDefinition, "nodes"> {
  /**
   * Where each node's Docker engine is; the files do not say.
   * @default - by ssh at the node's NODE_IP: the files are those of several hosts, and ssh needs nothing new there
   */
  readonly docker?: (node: Pick<NodeDefinition, "name" | "address">) => DockerDefinition;
}

/**
 * One fleet from the `.env` files of its nodes, in whatever order they are given. The password never gets into it: the
 * fleet names the file that has it.
 * @param known what is wrong with the files themselves; told together with what is wrong in them
 * @throws ProblemError `env/…`, `fleet/…`, `secret/…`: everything that is wrong in any of the files at once
 */
export function fleetFromEnvFiles(
  files: readonly EnvFile[],
  { docker, ...typed }: EnvFilesOptions = {},
  known: readonly Problem[] = [],
): Fleet {
  const settings = SETTING_NAMES.filter((name) => typedField(typed, name) === undefined);
  const nodes = envNodes(files);
  const unread = known.some(({ code }) => code === "env/file-missing" || code === "env/file-unreadable");
  const problems = [...known, ...variableProblems(files, settings), ...listProblems(files, nodes, !unread)];
  if (files.length === 0 && !unread) problems.push(noFiles());

  const stats = typed.haproxy?.stats;
  const passwords = (stats?.passwordFile ?? stats?.passwordEnvFile) ? [] : foundIn(files, PASSWORD_VARIABLE);
  problems.push(...passwordProblems(passwords));

  const complete = nodes.flatMap((node) => {
    const { name, address } = node;
    return name === undefined || address === undefined ? [] : [{ ...node, name, address }];
  });
  const definition: FleetDefinition = {
    ...typed,
    ...(passwords[0] === undefined ? {} : { haproxy: withPasswordIn(passwords[0].file, typed.haproxy) }),
    nodes: complete.map(({ name, address }) => ({
      name,
      address,
      docker: docker?.({ name, address }) ?? { kind: "ssh", host: address },
    })),
  };
  const values = settings.map((name) => [name, foundIn(files, name)[0]?.variable.value] as const);
  const own: Problem[] = [];
  const fleet = collect(own, () => defineFleet(definition, Object.fromEntries(values)));
  // Why there is no node was told already.
  const news = own.filter(({ code }) => code !== "fleet/no-nodes");
  refuse([...problems, ...placedInFiles(news, files, complete, docker !== undefined)]);
  if (fleet === undefined) throw new ProblemError(own);
  return fleet;
}

function noFiles(): Problem {
  const fix = 'name the .env file of each node: fromEnvFiles([".env.node1", ".env.node2"])';
  return { code: "fleet/no-nodes", what: "no file is named", where: "fromEnvFiles", fix };
}

function withPasswordIn({ path }: EnvFile, haproxy: HaproxyDefinition = {}): HaproxyDefinition {
  return isGroup(haproxy) ? { ...haproxy, stats: { ...haproxy.stats, passwordEnvFile: path } } : haproxy;
}

/** One password for the fleet; a file without it is right, because it need not lie about more than once. */
function passwordProblems(found: ReturnType<typeof foundIn>): readonly Problem[] {
  const [first] = found;
  if (first === undefined) return [];
  const where = placeOf(found, PASSWORD_VARIABLE);
  const differs = found.some(({ variable }) => variable.value !== first.variable.value);
  if (!differs) return statsPasswordProblems(first.variable.value, where);
  const what = `the files have different values of ${PASSWORD_VARIABLE}`;
  return [{ code: "env/files-differ", what, where, fix: "keep the one that is to be used, in one file or in all" }];
}

/** Problems of the fleet, told by the file and line that each value came from. */
function placedInFiles(
  problems: readonly Problem[],
  files: readonly EnvFile[],
  nodes: readonly EnvNode[],
  ownDocker: boolean,
): readonly Problem[] {
  const places = new Map<string, string>();
  for (const name of SETTING_NAMES) places.set(environmentPlace(name), placeOf(foundIn(files, name), name));
  nodes.forEach(({ file }, index) => {
    const node = `fleet.nodes[${index}]`;
    places.set(`${node}.name`, placeOf(foundIn([file], "NODE_NAME"), "NODE_NAME"));
    for (const field of ownDocker ? ["address"] : ["address", "docker.host"])
      places.set(`${node}.${field}`, placeOf(foundIn([file], "NODE_IP"), "NODE_IP"));
  });
  const byFile = (text: string): string =>
    text.replaceAll(/fleet\.nodes\[(\d+)\]/g, (found, index) => nodes[Number(index)]?.file.path ?? found);
  const seen = new Set<string>();
  return problems.flatMap((problem) => {
    const where = places.get(problem.where) ?? byFile(problem.where);
    // An address that is none is no host of an engine either.
    if (seen.has(`${problem.code} ${where}`)) return [];
    seen.add(`${problem.code} ${where}`);
    return [{ ...problem, where, what: byFile(problem.what) }];
  });
}
