import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Container } from "dockerode";
import { findOrphans, nodeContainers, removeContainers, removeOrphanNetwork } from "../../../cli/orphans";
import {
  apply,
  destroy,
  init,
  type StackPlace,
  stackFolder,
  stateIds,
  synth,
  TerraformError,
  terraformBinary,
  terraformEnvironment,
} from "../../../cli/terraform";
import type { PlanSummary } from "../../../cli/terraform-output";
import { plan } from "../../../cli/terraform-plan";
import type { FleetDefinition } from "../../../lib";
import { nodePrefix } from "../../../lib/plan/node-plan";
import type { E2eContext } from "./context";
import { containersOf, docker, removeFleet } from "./engine";
import type { TestFleet } from "./fleets";
import { type Ended, type Started, start, succeed } from "./process";

export const NO_CHANGE: PlanSummary = { add: 0, change: 0, destroy: 0 };

/** One fleet of one node, synthesized by the checkout's own program and deployed by Terraform. */
export class Stack {
  public readonly prefix: string;
  private readonly folder: string;
  private readonly node: string;
  private readonly place: StackPlace;

  constructor(
    private readonly context: E2eContext,
    public readonly fleet: TestFleet,
  ) {
    const [node] = fleet.nodes;
    if (node === undefined) throw new Error("a fleet of one node is wanted");
    this.node = node.name;
    this.prefix = nodePrefix(fleet.name, this.node);
    this.folder = join(context.folder, fleet.name);
    this.place = { folder: context.root, node: this.node, env: this.environment() };
  }

  private environment(): Record<string, string> {
    const { imagesFile, terraformConfigFile, statsPassword } = this.context;
    return {
      ...terraformEnvironment(process.env, terraformConfigFile),
      ...(imagesFile === undefined ? {} : { MIRADOR_IMAGES: imagesFile }),
      MIRADOR_FLEET: join(this.folder, "fleet.ts"),
      MIRADOR_STATE: join(this.folder, "state"),
      CDKTF_OUTDIR: join(this.folder, "cdktf.out"),
      HAPROXY_STATS_PASS: statsPassword,
    };
  }

  /** Writes the fleet module and the stack, and gets Terraform ready. */
  private async prepare(change: FleetDefinition): Promise<void> {
    await this.writeModule(change);
    await synth(this.place);
    await init(this.place);
  }

  private async writeModule(change: FleetDefinition): Promise<void> {
    await mkdir(join(this.folder, "state"), { recursive: true });
    const definition = JSON.stringify({ ...this.fleet, ...change }, null, 2);
    const library = JSON.stringify(join(this.context.root, "lib", "index.ts"));
    await writeFile(
      join(this.folder, "fleet.ts"),
      `import { defineFleet } from ${library};\n\nexport default defineFleet(${definition});\n`,
    );
  }

  public async apply(change: FleetDefinition = {}): Promise<void> {
    await this.prepare(change);
    await apply(this.place);
  }

  /** What Terraform says of an apply that must not succeed. */
  public async failToApply(change: FleetDefinition = {}): Promise<string> {
    await this.prepare(change);
    const message = await apply(this.place).then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof TerraformError) return error.message;
        throw error;
      },
    );
    if (message === undefined) throw new Error("an apply succeeded that must fail");
    return message;
  }

  /** An apply that the caller means to hurt. */
  public async startApply(): Promise<Started> {
    await this.prepare({});
    return this.startTerraform("apply", "-auto-approve", "-no-color");
  }

  /** One more apply of what was synthesized last. */
  public startApplyOfSame(): Started {
    return this.startTerraform("apply", "-auto-approve", "-no-color");
  }

  private startTerraform(...args: string[]): Started {
    const { env } = this.place;
    return start(terraformBinary(env), args, { cwd: stackFolder(this.place), env });
  }

  public async plan(): Promise<PlanSummary> {
    return (await plan(this.place)).summary;
  }

  /** Terraform's own JSON of the plan for what was synthesized last. */
  public async planText(): Promise<string> {
    const file = join(this.folder, "plan");
    await succeed(this.startTerraform("plan", "-no-color", `-out=${file}`));
    return succeed(this.startTerraform("show", "-json", file));
  }

  /** Runs the operator's command on the fleet with this change; nothing is synthesized. */
  public async mirador(change: FleetDefinition, ...args: readonly string[]): Promise<Ended> {
    await this.writeModule(change);
    const command = ["--import", "tsx", "cli/mirador.ts", ...args];
    return start(process.execPath, command, { cwd: this.context.root, env: this.environment() }).ended;
  }

  /** Where the lock of the fleet's images is. */
  public get lockFile(): string {
    return join(this.folder, "fleet.lock.json");
  }

  public async destroy(): Promise<void> {
    await destroy(this.place);
  }

  /** Removes everything of the fleet, its data and Terraform's memory of it. */
  public async forget(): Promise<void> {
    await removeFleet(this.fleet.name);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** What an apply that was killed made and could not write down any more. */
  public async removeOrphans(): Promise<number> {
    const own = await stateIds(this.place, "docker_container");
    const orphans = findOrphans(await nodeContainers(docker, { fleet: this.fleet.name, node: this.node }), own);
    await removeContainers(docker, orphans);
    await removeOrphanNetwork(docker, this.prefix, await stateIds(this.place, "docker_network"));
    return orphans.length;
  }

  public container(service: string): Container {
    return docker.getContainer(`${this.prefix}-${service}`);
  }

  /** Container ids by service or job. */
  public async ids(): Promise<Readonly<Record<string, string>>> {
    return Object.fromEntries([...(await containersOf(this.fleet.name))].map(([name, { Id }]) => [name, Id]));
  }

  public url(point: keyof TestFleet["ports"], path = ""): string {
    return `http://127.0.0.1:${this.fleet.ports[point]}${path}`;
  }

  public get storageOfMetrics(): "vmstorage" | "vmsingle" {
    return this.context.metricsLayout === "cluster" ? "vmstorage" : "vmsingle";
  }

  /** What acknowledges the gateway's samples from memory. */
  public get insertsOfMetrics(): readonly string[] {
    return this.context.metricsLayout === "cluster" ? ["vminsert"] : [];
  }

  public get storages(): readonly string[] {
    return [this.storageOfMetrics, "vlstorage", "vtstorage"];
  }
}
