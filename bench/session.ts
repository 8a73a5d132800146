import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { terraformEnvironment } from "../cli/terraform";
import { connectEngine, DEFAULT_ENGINE, engineAddress } from "../images/engine";
import { BENCH_FLEET, PREFIX, writeBenchFleet } from "./fleet";
import { chooseParts, type Parts } from "./parts";

export interface Settings {
  /** Length of a load; other waits scale with it. */
  readonly seconds: number;
  readonly rounds: number;
}

/** What every measure needs, and what has to be undone at the end. */
export interface Session {
  readonly settings: Settings;
  readonly docker: Docker;
  /** Temporary: fleets, synthesized files, state, reports. */
  readonly folder: string;
  readonly parts: Parts;
  /** For the program itself and for Terraform: fleet, images, state and password of the benchmark. */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly log: (text: string) => void;
}

/** Runs `work` with a session, and removes all that it made, whatever happens. */
export async function withSession<T>(
  settings: Settings,
  signal: AbortSignal,
  log: (text: string) => void,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const docker = localEngine();
  const left = await leftovers(docker);
  if (left.length > 0) {
    throw new Error(
      `there is a fleet named "${BENCH_FLEET}" on this engine already (${left.slice(0, 3).join(", ")}, …): wait for the other benchmark, or remove what a killed one left: npm run bench -- --clean`,
    );
  }
  const folder = await mkdtemp(join(tmpdir(), "mirador-bench-"));
  try {
    const parts = await chooseParts(docker, log);
    const environment = {
      ...terraformEnvironment({ ...process.env, ...parts.environment }),
      MIRADOR_FLEET: writeBenchFleet(folder, parts.metricsLayout),
      MIRADOR_STATE: join(folder, "state"),
      CDKTF_OUTDIR: join(folder, "cdktf.out"),
      HAPROXY_STATS_PASS: randomBytes(18).toString("base64url"),
    };
    return await work({ settings, docker, folder, parts, environment, signal, log });
  } finally {
    await sweep({ docker });
    await rm(folder, { recursive: true, force: true });
  }
}

/** Load generator, Terraform and engine share one processor in this measurement, so the engine is the machine's own. */
export function localEngine(): Docker {
  const address = engineAddress();
  if (address !== DEFAULT_ENGINE)
    throw new Error(
      `DOCKER_HOST=${address}: the benchmark measures the engine at ${DEFAULT_ENGINE}; unset the variable`,
    );
  return connectEngine(address);
}

async function findAll(docker: Docker) {
  const byLabel = JSON.stringify({ label: [`mirador.fleet=${BENCH_FLEET}`] });
  const byName = JSON.stringify({ name: [PREFIX] });
  const [containers, networks, { Volumes: volumes }] = await Promise.all([
    docker.listContainers({ all: true, filters: byLabel }),
    docker.listNetworks({ filters: byName }),
    docker.listVolumes({ filters: byName }),
  ]);
  return {
    containers: containers.map(({ Id, Names }) => ({ id: Id, name: (Names[0] ?? Id).replace(/^\//, "") })),
    networks: networks.filter(({ Name }) => Name === PREFIX).map(({ Name }) => Name),
    volumes: volumes.map(({ Name }) => Name).filter((name) => name.startsWith(`${PREFIX}-`)),
  };
}

async function leftovers(docker: Docker): Promise<readonly string[]> {
  const { containers, networks, volumes } = await findAll(docker);
  return [...containers.map(({ name }) => name), ...networks, ...volumes];
}

/** Removes every container, network and volume of the benchmark's fleet. */
export async function sweep({ docker }: Pick<Session, "docker">): Promise<void> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const { containers, networks, volumes } = await findAll(docker);
    // What fails is tried again: an interrupted creation or removal may still be under way in the engine.
    await Promise.allSettled(containers.map(({ id }) => docker.getContainer(id).remove({ force: true, v: true })));
    await Promise.allSettled(networks.map((name) => docker.getNetwork(name).remove()));
    await Promise.allSettled(volumes.map((name) => docker.getVolume(name).remove()));
    if ((await leftovers(docker)).length === 0) return;
    await sleep(500);
  }
  throw new Error(`cannot remove ${(await leftovers(docker)).join(", ")}; later: npm run bench -- --clean`);
}
