import { randomUUID } from "node:crypto";
import type Docker from "dockerode";
import type { FleetNode } from "../../lib/fleet/fleet";
import type { EngineRoute } from "../engine-route";
import { CliError, type Trouble } from "../failure";
import type { Diagnostic } from "../terraform-output";

const ANSWER_SECONDS = 15;

/** An engine that answered. */
export interface ReachedEngine extends EngineRoute {
  readonly node: string;
  /** Where the node stands in the fleet, such as `fleet.nodes[0]`. */
  readonly where: string;
  readonly id: string;
  readonly version: string;
  /** How far the host's clock is ahead of this machine's, in seconds; good to half of what an answer takes. */
  readonly aheadSeconds: number;
  readonly host: EngineHost;
}

/** What an engine says of the machine it runs on. */
export interface EngineHost {
  /** Bytes. */
  readonly memory: number;
  readonly cpus: number;
  /** As `uname -m` says it. */
  readonly architecture: string;
  /** The kernel holds containers to their memory limits. */
  readonly limitsMemory: boolean;
}

export interface EngineQuestion {
  readonly node: Pick<FleetNode, "name" | "docker">;
  readonly where: string;
  /** @throws Error when there is no way to the engine */
  readonly route: () => EngineRoute;
}

/** What to say of an engine that answered before, and does not any more, or not with what was asked for. */
export function engineLost({ node, where, address }: KnownEngine, error: unknown): Trouble {
  return lost(node, `${where}.docker (${address})`, (error as Error).message);
}

/** The same, as Terraform's provider tells it: once for each resource, and never which node it is. */
export function engineLostBy(diagnostics: readonly Diagnostic[], node: string): Trouble | undefined {
  const [first] = diagnostics.filter(isEngineLost);
  return first && lost(node, `stack ${node}`, `terraform: ${first.detail || first.summary}`);
}

/** Of Terraform's provider for Docker, 4.6. */
export function isEngineLost({ summary, detail = "" }: Diagnostic): boolean {
  return /failed to create docker client|cannot connect to the docker daemon|error during connect/i.test(
    `${summary} ${detail}`,
  );
}

function lost(node: string, where: string, reason: string): Trouble {
  return {
    code: "machine/engine-lost",
    what: `the Docker engine of ${node} answered, and then failed: ${reason.trim()}`,
    where,
    fix: "see the engine's own log (journalctl -u docker) and its disk; then run the same command again",
  };
}

type KnownEngine = Pick<ReachedEngine, "node" | "where" | "address">;

/** One engine that fails in the middle must not hide what others have to tell. @returns the trouble instead of throwing it */
export async function asked<T>(engine: KnownEngine, work: () => Promise<T>): Promise<T | Trouble> {
  try {
    return await work();
  } catch (error) {
    return error instanceof CliError ? (error.troubles[0] ?? engineLost(engine, error)) : engineLost(engine, error);
  }
}

/** Asks an engine who it is and what time it has. @returns what stands in the way, when it does not answer */
export async function reachEngine({ node, where, route }: EngineQuestion): Promise<ReachedEngine | Trouble> {
  let address = addressOf(node.docker);
  try {
    const found = route();
    address = found.address;
    const asked = Date.now();
    const info = await withinSeconds(found.client.info(), ANSWER_SECONDS);
    const middle = (asked + Date.now()) / 2;
    return {
      ...{ ...found, node: node.name, where, id: info.ID, version: info.ServerVersion },
      aheadSeconds: (Date.parse(info.SystemTime) - middle) / 1000,
      host: {
        memory: info.MemTotal,
        cpus: info.NCPU,
        architecture: info.Architecture,
        limitsMemory: info.MemoryLimit,
      },
    };
  } catch (error) {
    return {
      code: "machine/engine-unreachable",
      what: `no Docker engine answers for ${node.name} at ${address}: ${(error as Error).message}`,
      where: `${where}.docker`,
      fix: fixFor(node.docker, address),
    };
  }
}

/** Before it is known whether there is a way; a route says it better. */
function addressOf(docker: FleetNode["docker"]): string {
  if (docker.kind === "unix") return `unix://${docker.socket ?? "/var/run/docker.sock"}`;
  return docker.kind === "context" ? `context ${docker.name}` : `${docker.kind}://${docker.host}`;
}

function fixFor(docker: FleetNode["docker"], address: string): string {
  const command = `${dockerCommand(docker, address)} version`;
  if (docker.kind === "unix") return `start it there; this must answer: ${command}`;
  return `this must answer${docker.kind === "ssh" ? " without a question" : ""}: ${command}`;
}

/** How a person reaches an engine by hand: the beginning of a command. @param address as {@link EngineRoute} has it */
export function dockerCommand(docker: FleetNode["docker"], address: string): string {
  switch (docker.kind) {
    case "unix":
      return `docker -H ${address}`;
    case "ssh":
      return `ssh -o BatchMode=yes -p ${docker.port ?? 22} ${docker.user ?? "root"}@${docker.host} docker`;
    case "tcp":
      return `docker -H ${address} --tlsverify --tlscacert ${docker.certificatePath}/ca.pem --tlscert ${docker.certificatePath}/cert.pem --tlskey ${docker.certificatePath}/key.pem`;
    case "context":
      return `docker --context ${docker.name}`;
  }
}

export async function withinSeconds<T>(work: Promise<T>, seconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${seconds} s`)), seconds * 1000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What is needed of an engine to find it again by another address. */
export type EngineVolumes = Pick<Docker, "createVolume" | "getVolume" | "listVolumes">;

type Comparable = Pick<ReachedEngine, "node" | "where" | "address" | "id"> & { readonly client: EngineVolumes };

/**
 * Nodes that share an engine: their ports and names would collide, and one host's death would take both groups.
 *
 * An engine's id alone proves nothing: machines that were cloned, and engines that share `/etc/docker/key.json`, have the
 * same one. So an empty volume is made through one of them and looked for through the others.
 */
export async function sharedEngines(engines: readonly Comparable[]): Promise<readonly Trouble[]> {
  const ids = [...new Set(engines.map(({ id }) => id))];
  const found = ids.map((id) => {
    const [first, ...others] = engines.filter((engine) => engine.id === id);
    return first === undefined ? [] : asked(first, () => sharedAmong(first, others));
  });
  return (await Promise.all(found)).flat();
}

const LABEL = "mirador.look.volume";
const LEFT_AFTER_MILLISECONDS = 5 * 60_000;

/** Those that a run left which was killed at the wrong moment; another run's, which is under way, is younger. */
async function removeEarlier(client: EngineVolumes): Promise<void> {
  const { Volumes } = await client.listVolumes({ filters: { label: [LABEL] } });
  const left = (Volumes ?? []).filter(({ Labels }) => Number(Labels?.[LABEL]) < Date.now() - LEFT_AFTER_MILLISECONDS);
  for (const { Name } of left)
    await client
      .getVolume(Name)
      .remove()
      .catch(() => undefined);
}

async function sharedAmong(first: Comparable, others: readonly Comparable[]): Promise<readonly Trouble[]> {
  await removeEarlier(first.client);
  if (others.length === 0) return [];
  const name = `mirador-same-engine-${randomUUID()}`;
  await first.client.createVolume({ Name: name, Labels: { [LABEL]: `${Date.now()}` } });
  try {
    const seen = await Promise.all(others.map((other) => asked(other, () => hasVolume(other.client, name))));
    const lost = seen.filter((found) => typeof found === "object");
    const same = others.filter((_, index) => seen[index] === true);
    const [next, ...further] = others.filter((_, index) => seen[index] === false);
    const rest = [...lost, ...(next === undefined ? [] : await sharedAmong(next, further))];
    return same.length === 0 ? rest : [sharedTrouble([first, ...same]), ...rest];
  } finally {
    await first.client.getVolume(name).remove();
  }
}

function sharedTrouble(engines: readonly Comparable[]): Trouble {
  return {
    code: "machine/engine-shared",
    what: `${engines.map(({ node, address }) => `${node} (${address})`).join(" and ")} are deployed to one engine`,
    where: engines.map(({ where }) => `${where}.docker`).join(", "),
    fix: "give each node the engine of its own host; for two fleets on one host write two fleets with names of their own",
  };
}

async function hasVolume(client: EngineVolumes, name: string): Promise<boolean> {
  try {
    await client.getVolume(name).inspect();
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw error;
  }
}
