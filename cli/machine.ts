import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type Docker from "dockerode";
import { DEFAULT_ENGINE, ensureEngine } from "../images/engine";
import type { DockerDefinition } from "../lib/fleet/definition";
import type { Environment } from "../lib/fleet/environment";
import { compareVersions } from "../lib/images/version";
import { MESH_INTERNAL_PORT } from "../lib/mesh/services";
import type { NodePlan } from "../lib/plan/node-plan";
import { ACCESS_POINT_NAMES, ACCESS_POINTS, type AccessPointName } from "../lib/plan/ports";
import { routeTo } from "./engine-route";
import { CliError, EXIT, type Trouble } from "./failure";
import { terraformBinary } from "./terraform";

const NODE_SINCE = "20.19.0";
const TERRAFORM_SINCE = "1.5.0";
const ENGINE_SECONDS = 15;

/** @throws CliError when this Node.js is too old */
export function checkNode(version: string): string {
  if (compareVersions(version, NODE_SINCE) >= 0) return version;
  throw new CliError({
    code: "machine/node-too-old",
    what: `this is Node.js ${version}; ${NODE_SINCE} or newer is needed`,
    fix: "install a current one (nodejs.org/en/download), then run npm ci and the same command again",
  });
}

export type RunProgram = (program: string, args: readonly string[], env: Environment) => Promise<string>;

const runProgram: RunProgram = async (program, args, env) =>
  (await promisify(execFile)(program, [...args], { env: env as NodeJS.ProcessEnv })).stdout;

/** @throws CliError when there is no Terraform, or one that is too old */
export async function checkTerraform(env: Environment, run: RunProgram = runProgram): Promise<string> {
  const binary = terraformBinary(env);
  const fix = `install Terraform ${TERRAFORM_SINCE} or newer (developer.hashicorp.com/terraform/install) so that "${binary} version" works in this shell, then run the same command again`;
  let version: string | undefined;
  try {
    version = JSON.parse(await run(binary, ["version", "-json"], env)).terraform_version;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const what = missing ? `${binary} is not on the PATH` : `${binary} does not run: ${(error as Error).message}`;
    throw new CliError({ code: "machine/terraform-missing", what, fix });
  }
  if (version !== undefined && compareVersions(version.replace(/-.*$/, ""), TERRAFORM_SINCE) >= 0) return version;
  const what = `${binary} is version ${version}; ${TERRAFORM_SINCE} or newer is needed`;
  throw new CliError({ code: "machine/terraform-too-old", what, fix });
}

export interface NodeEngine {
  /** As people name it. */
  readonly address: string;
  readonly version: string;
  readonly client: Docker;
}

/**
 * The engine that a node is deployed to. The standard one of this machine is installed and started when it may be.
 * @throws CliError, StepError with the engine's address and what to do
 */
export async function nodeEngine(
  node: { readonly name: string; readonly docker: DockerDefinition },
  log: (line: string) => void,
): Promise<NodeEngine> {
  const { docker } = node;
  if (docker.kind === "ssh" || docker.kind === "context") {
    throw new CliError(
      {
        code: "machine/engine-not-reachable-here",
        what: `${node.name} is reached by ${docker.kind === "ssh" ? `ssh://${docker.host}` : `the context ${docker.name}`}; the demo talks to engines by socket or TCP only`,
        where: "fleet.nodes[0].docker",
        fix: `deploy it with: npx cdktf deploy ${node.name}`,
      },
      EXIT.wrongFleet,
    );
  }
  const { address, client } = routeTo(docker, {});
  if (address === DEFAULT_ENGINE) return { client, ...(await ensureEngine({ log })) };
  return { address, client, version: await ask(client, address) };
}

async function ask(client: Docker, address: string): Promise<string> {
  const timeout = AbortSignal.timeout(ENGINE_SECONDS * 1000);
  try {
    return await Promise.race([
      client.version().then(({ Version }) => Version),
      new Promise<never>((_, reject) => {
        timeout.addEventListener("abort", () => reject(new Error(`no answer within ${ENGINE_SECONDS} s`)));
      }),
    ]);
  } catch (error) {
    throw new CliError({
      code: "machine/engine-unreachable",
      what: `no Docker engine answers at ${address}: ${(error as Error).message}`,
      where: "fleet.nodes[0].docker",
      fix: `start it there; this must answer: docker -H ${address} version`,
    });
  }
}

export interface PublishedPort {
  /** Of an access point; `mesh` is the port between nodes. */
  readonly name: AccessPointName | "mesh";
  readonly address: string;
  readonly port: number;
}

/** Ports that a deploy of this node takes on the host. */
export function publishedPorts({ haproxy }: NodePlan): readonly PublishedPort[] {
  const byInternal = new Map<number, PublishedPort["name"]>([
    ...ACCESS_POINT_NAMES.map((name) => [ACCESS_POINTS[name].port, name] as const),
    [MESH_INTERNAL_PORT, "mesh"],
  ]);
  return haproxy.service.publish.flatMap(({ internal, external, address }) => {
    const name = byInternal.get(internal);
    return name === undefined ? [] : [{ name, address, port: external }];
  });
}

/** A container, as far as ports are concerned. */
export interface PortHolder {
  readonly container: string;
  readonly ports: readonly number[];
}

export async function portHolders(client: Docker): Promise<readonly PortHolder[]> {
  const containers = await client.listContainers();
  return containers.map(({ Names, Ports }) => ({
    container: Names[0]?.slice(1) ?? "",
    ports: Ports.flatMap(({ PublicPort }) => (PublicPort === undefined ? [] : [PublicPort])),
  }));
}

/** Whether a port can be listened on; gives back the error's code, or nothing when it is free. */
export type TryListen = (address: string, port: number) => Promise<string | undefined>;

/** What of a fleet a trouble is about. */
export interface TroubledNode {
  readonly name: string;
  /** Where it stands in the fleet. */
  readonly where: string;
}

/** What stands in the way of publishing the ports. A port that `ownContainer` holds is ours already. */
export async function portTroubles(
  ports: readonly PublishedPort[],
  ownContainer: string,
  holders: readonly PortHolder[],
  listen: TryListen,
  node: TroubledNode,
): Promise<readonly Trouble[]> {
  const troubles: Trouble[] = [];
  for (const { name, address, port } of ports) {
    const holding = holders.filter((candidate) => candidate.ports.includes(port));
    if (holding.some(({ container }) => container === ownContainer)) continue;
    const [holder] = holding;
    const code = await listen(address, port);
    if (code === "EADDRNOTAVAIL") {
      return [
        {
          code: "machine/address-not-here",
          what: `${address} is no address of the host of ${node.name}`,
          where: `${node.where}.address`,
          fix: `write an address of the host of ${node.name} there`,
        },
      ];
    }
    // EACCES: below 1024 only root may try; the engine is root.
    if (code === undefined || code === "EACCES") continue;
    const by = holder === undefined ? "" : ` by the container ${holder.container}`;
    const mesh = name === "mesh";
    troubles.push({
      code: "machine/port-taken",
      what: `port ${port} on ${address} of ${node.name} is taken${by}, and ${mesh ? "the mesh between the nodes" : ACCESS_POINTS[name].what} needs it`,
      where: mesh ? "fleet.mesh.port" : `fleet.ports.${name}`,
      fix: `stop what listens there (${holder === undefined ? `ss -ltnp 'sport = :${port}'` : `docker stop ${holder.container}`}), or write another port in the fleet: ${mesh ? "mesh: { port: … }" : `ports: { ${name}: … }`}`,
    });
  }
  return troubles;
}
