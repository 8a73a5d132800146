import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Container, ContainerInspectInfo } from "dockerode";
import { connectEngine, engineAddress } from "../../../images/engine";

export const docker = connectEngine(engineAddress());

export async function hasImage(ref: string): Promise<boolean> {
  return docker
    .getImage(ref)
    .inspect()
    .then(() => true)
    .catch((error: { statusCode?: number }) => {
      if (error.statusCode === 404) return false;
      throw error;
    });
}

/** Every container of a fleet, services and jobs, by the name after the node's prefix. */
export async function containersOf(fleet: string): Promise<ReadonlyMap<string, ContainerInspectInfo>> {
  const found = await docker.listContainers({ all: true, filters: { label: [`mirador.fleet=${fleet}`] } });
  const inspected = await Promise.all(found.map(({ Id }) => docker.getContainer(Id).inspect()));
  return new Map(
    inspected.map((info) => [
      info.Config.Labels["mirador.service"] ?? info.Config.Labels["mirador.job"] ?? info.Name,
      info,
    ]),
  );
}

/** Long-running services only. */
export async function servicesOf(fleet: string): Promise<ReadonlyMap<string, ContainerInspectInfo>> {
  const all = await containersOf(fleet);
  return new Map([...all].filter(([, { Config }]) => Config.Labels["mirador.service"] !== undefined));
}

export async function volumesOf(fleet: string): Promise<readonly string[]> {
  const { Volumes } = await docker.listVolumes();
  return Volumes.map(({ Name }) => Name)
    .filter((name) => belongsTo(fleet, name))
    .sort();
}

export async function networksOf(fleet: string): Promise<readonly string[]> {
  const networks = await docker.listNetworks();
  return networks.map(({ Name }) => Name).filter((name) => belongsTo(fleet, name));
}

/** No fleet's name holds `_`, so `e2e-beside_…` is not taken for a node of `e2e`. */
function belongsTo(fleet: string, name: string): boolean {
  return name.startsWith(`${fleet}_`);
}

/** Removes all that carries a fleet's name, its data too. */
export async function removeFleet(fleet: string): Promise<void> {
  const containers = await docker.listContainers({ all: true, filters: { name: [`^/${fleet}_`] } });
  const own = containers.filter(({ Names }) => Names.some((name) => belongsTo(fleet, name.slice(1))));
  await Promise.all(own.map(({ Id }) => docker.getContainer(Id).remove({ force: true, v: true }).catch(ignoreGone)));
  // A container that somebody else was removing may be on its network for a while yet.
  await Promise.all(own.map(({ Id }) => untilGone(Id)));
  for (const name of await networksOf(fleet)) await docker.getNetwork(name).remove();
  for (const name of await volumesOf(fleet)) await docker.getVolume(name).remove();
}

async function untilGone(id: string): Promise<void> {
  for (let tries = 0; tries < 120; tries++) {
    const gone = await docker
      .getContainer(id)
      .inspect()
      .then(
        () => false,
        (error: { statusCode?: number }) => error.statusCode === 404,
      );
    if (gone) return;
    await sleep(500);
  }
  throw new Error(`container ${id} is not removed after a minute`);
}

function ignoreGone(error: { statusCode?: number }): void {
  if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
}

/** What a container wrote, both streams, without Docker's frame headers. */
export async function logsOf(id: string): Promise<string> {
  const raw = await docker.getContainer(id).logs({ stdout: true, stderr: true, follow: false });
  const lines: string[] = [];
  for (let at = 0; at + 8 <= raw.length; ) {
    const length = raw.readUInt32BE(at + 4);
    lines.push(raw.toString("utf8", at + 8, at + 8 + length));
    at += 8 + length;
  }
  return lines.join("");
}

export async function stop(container: Container): Promise<void> {
  // The containers' own stop timeout: no `t`.
  await container.stop();
}

/**
 * Kills the first process of a container from outside, as a crash or the kernel would: `docker kill` counts as a wish of
 * the operator, and the restart policy would leave the container down. Returns when it runs again.
 */
export async function crash(container: Container): Promise<void> {
  const before = await container.inspect();
  process.kill(before.State.Pid, "SIGKILL");
  for (;;) {
    await sleep(100);
    const { State, RestartCount } = await container.inspect();
    if (State.Running && State.Pid !== before.State.Pid && RestartCount > before.RestartCount) return;
  }
}

/** What the kernel knows of a process, whatever Docker was told. */
export async function kernelFacts(pid: number) {
  const text = await readFile(`/proc/${pid}/status`, "utf8");
  const field = (name: string): string => new RegExp(`^${name}:\\s+(\\S+)`, "m").exec(text)?.[1] ?? "";
  return {
    effective: BigInt(`0x${field("CapEff")}`),
    bounding: BigInt(`0x${field("CapBnd")}`),
    noNewPrivileges: field("NoNewPrivs"),
    root: field("Uid") === "0",
  };
}
