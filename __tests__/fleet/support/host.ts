import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import { connectEngine } from "../../../images/engine";
import type { DockerDefinition } from "../../../lib";
import { DAEMONS, foldersOfCgroup, removeCgroup } from "./cgroup";
import { disarmContainers, removeRuntimeFiles, startEngine } from "./daemon";
import { mountsBelow, unmountBelow } from "./mounts";
import { hasNamespace, plugIn, unplug } from "./network";
import { makeChains } from "./packet-filter";
import { continueAll, killAll, processesIn, stopAll } from "./processes";
import type { HostSpec, RigSpec } from "./rig-spec";
import { waitFor } from "./wait";

/** Longer than any call but a load of images; a hung host must not hang a test. */
const CALL_SECONDS = 60;

/** A Docker host of the rig. Holds nothing but names: every process that has its own object sees the same host. */
export class Host {
  public readonly docker: Docker;

  constructor(
    private readonly rig: RigSpec,
    public readonly spec: HostSpec,
  ) {
    this.docker = connectEngine(`unix://${spec.socket}`, CALL_SECONDS);
  }

  public get name(): string {
    return this.spec.name;
  }

  public get address(): string {
    return this.spec.address;
  }

  /** For the `docker` of a fleet's node. */
  public get definition(): DockerDefinition {
    return { kind: "unix", socket: this.socket };
  }

  /** Where its engine listens. */
  public get socket(): string {
    return this.spec.socket;
  }

  /** Everything that runs on it, daemons, containers and what watches over them, with its state. */
  public async processes(): Promise<ReadonlyMap<number, string>> {
    return processesIn(this.spec.cgroup);
  }

  /** Where the processes of one container are. */
  public cgroupOf(containerId: string): string {
    return join(this.spec.cgroup, containerId);
  }

  /** Power on: network, engine; containers with a restart policy come back by themselves. */
  public async boot(): Promise<void> {
    await plugIn(this.rig, this.spec);
    await makeChains(this.spec);
    await startEngine(this.spec, this.docker);
  }

  /**
   * Power off, with no warning to anybody: neither peers nor programs hear a word. What programs had written stays, as the
   * machine's page cache lives on; what they had in memory is gone.
   */
  public async crash(): Promise<void> {
    await unplug(this.rig, this.spec);
    await killAll(this.spec.cgroup);
    await unmountBelow(this.spec.runFolder);
    await unmountBelow(this.spec.dataFolder);
    await removeRuntimeFiles(this.spec);
    await removeCgroup(this.spec.cgroup);
    const left = await this.leftovers();
    if (left.length > 0) throw new Error(`${this.name} is down, and still there is ${left.join(", ")}`);
  }

  /** Everything on it is stopped, daemons first: a running one would take part in the fault. */
  public async hang(): Promise<void> {
    await stopAll(join(this.spec.cgroup, DAEMONS));
    await stopAll(this.spec.cgroup);
  }

  public async resume(): Promise<void> {
    await continueAll(this.spec.cgroup);
  }

  public isUp(): boolean {
    return hasNamespace(this.spec.namespace);
  }

  /** What a host that is down must not have; nothing of it is a file. */
  public async leftovers(): Promise<readonly string[]> {
    const { namespace, runFolder, dataFolder, cgroup } = this.spec;
    const [processes, mounts, cgroups] = await Promise.all([
      this.processes(),
      Promise.all([mountsBelow(runFolder), mountsBelow(dataFolder)]),
      foldersOfCgroup(cgroup),
    ]);
    return [
      ...[...processes.keys()].map((pid) => `process ${pid}`),
      ...(hasNamespace(namespace) ? [`namespace ${namespace}`] : []),
      ...mounts.flat().map((point) => `mount ${point}`),
      ...cgroups.map((folder) => `cgroup ${folder}`),
    ];
  }

  /** What an earlier run made on it is removed; its images stay. The host is down before and up afterwards. */
  public async bootEmpty(): Promise<void> {
    await disarmContainers(this.spec);
    await this.boot();
    await this.empty();
  }

  /** Removes all containers, networks and volumes. */
  public async empty(): Promise<void> {
    const containers = await this.docker.listContainers({ all: true });
    await Promise.all(
      containers.map(({ Id }) => this.docker.getContainer(Id).remove({ force: true, v: true }).catch(ignoreGone)),
    );
    const networks = await this.docker.listNetworks({ filters: { type: ["custom"] } });
    for (const { Id } of networks) await this.docker.getNetwork(Id).remove();
    const { Volumes } = await this.docker.listVolumes();
    for (const { Name } of Volumes ?? []) await this.docker.getVolume(Name).remove();
  }

  /**
   * An orderly end of the engine, which stops its containers in order and closes its database; then whatever is left of
   * the host goes as in a crash.
   * @returns whether the engine ended by itself in that time
   */
  public async shutDown(seconds = 15): Promise<boolean> {
    const pid = Number(await readFile(join(this.spec.runFolder, "dockerd.pid"), "utf8").catch(() => "0"));
    // Only a pid that is in the host's own cgroup is its daemon: the file may be older than the process.
    let orderly = false;
    if (pid > 0 && (await this.processes()).has(pid)) {
      process.kill(pid, "SIGTERM");
      const gone = async (): Promise<boolean> => !(await this.processes()).has(pid);
      orderly = await waitFor(`${this.name}: end of dockerd`, { seconds }, gone).catch(() => false);
    }
    await this.crash();
    await rm(this.spec.runFolder, { recursive: true, force: true });
    return orderly;
  }
}

/** Gone by itself, or on its way. */
function ignoreGone(error: { statusCode?: number }): void {
  if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
}
