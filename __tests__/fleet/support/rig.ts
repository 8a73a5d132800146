import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { foldersOfCgroup, removeCgroup } from "./cgroup";
import { Host } from "./host";
import { hasLink, hasNamespace, makeSwitch, removeSwitch } from "./network";
import { identityOf } from "./processes";
import { demandTools, type RigSpec } from "./rig-spec";

/** Docker hosts on one machine: a network namespace and an engine each, joined by a switch. */
export class Rig {
  public readonly hosts: readonly Host[];

  constructor(public readonly spec: RigSpec) {
    this.hosts = spec.hosts.map((host) => new Host(spec, host));
  }

  public host(name: string): Host {
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) throw new Error(`the rig has no ${name}`);
    return host;
  }

  /** Makes all of it anew; what a run that was killed left goes first. Images that a host had it keeps. */
  public async up(): Promise<void> {
    demandTools();
    await this.takePossession();
    await this.removeAll();
    await mkdir(this.spec.runFolder, { recursive: true });
    await writeFile(this.ownerFile, await identityOf(process.pid));
    try {
      await makeSwitch(this.spec);
      await Promise.all(this.hosts.map((host) => host.bootEmpty()));
    } catch (error) {
      await this.removeAll();
      throw error;
    }
  }

  /**
   * Removes all of it but the images.
   * @throws Error that names what could not be removed
   */
  public async down(): Promise<void> {
    // What was stopped or cut off would not answer; the hosts go anyway.
    await Promise.allSettled(this.hosts.map((host) => host.resume().then(() => host.empty())));
    await Promise.all(this.hosts.map((host) => host.shutDown()));
    await this.removeAll();
    const left = await this.leftovers();
    if (left.length > 0) throw new Error(`the rig is down, and still there is ${left.join(", ")}`);
  }

  /** What there is of the rig on this machine but its data folders. */
  public async leftovers(): Promise<readonly string[]> {
    const { switchNamespace, operator, runFolder, cgroup } = this.spec;
    const hosts = await Promise.all(this.hosts.map((host) => host.leftovers()));
    return [
      ...hosts.flat(),
      ...(hasNamespace(switchNamespace) ? [`namespace ${switchNamespace}`] : []),
      ...((await hasLink(operator.link)) ? [`link ${operator.link}`] : []),
      ...(await foldersOfCgroup(cgroup)).map((folder) => `cgroup ${folder}`),
      ...(existsSync(runFolder) ? [`folder ${runFolder}`] : []),
    ];
  }

  private async removeAll(): Promise<void> {
    for (const host of this.hosts) await host.crash();
    await removeSwitch(this.spec);
    await removeCgroup(this.spec.cgroup);
    await rm(this.spec.runFolder, { recursive: true, force: true });
  }

  private get ownerFile(): string {
    return join(this.spec.runFolder, "owner");
  }

  /** Names and addresses exist once on a machine, so two runs at a time would tear down each other's hosts. */
  private async takePossession(): Promise<void> {
    const owner = await readFile(this.ownerFile, "utf8").catch(() => "");
    const pid = Number.parseInt(owner, 10);
    if (owner === "" || owner !== (await identityOf(pid).catch(() => undefined))) return;
    if (pid !== process.pid) throw new Error(`process ${pid} has the rig ${this.spec.name}: wait for its end`);
  }
}
