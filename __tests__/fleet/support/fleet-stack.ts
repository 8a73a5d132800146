import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Container } from "dockerode";
import {
  apply,
  init,
  type StackPlace,
  stackFolder,
  synth,
  terraformBinary,
  terraformEnvironment,
} from "../../../cli/terraform";
import type { PlanSummary } from "../../../cli/terraform-output";
import { plan } from "../../../cli/terraform-plan";
import { ensurePki, type MeshFleet } from "../../../inputs/pki";
import type { FleetDefinition } from "../../../lib";
import { nodePrefix } from "../../../lib/plan/node-plan";
import type { AccessPointName } from "../../../lib/plan/ports";
import { type Ended, type Started, start, succeed } from "../../e2e/support/process";
import type { FleetContext } from "./context";
import { portOf, type RigFleet } from "./fleets";
import type { Host } from "./host";
import type { Rig } from "./rig";

/** A fleet on the rig's hosts, synthesized by the checkout's own program; every node is a stack with its own state. */
export class FleetStack {
  private readonly folder: string;
  private definition: RigFleet;
  /** Of the definition in hand; a stack that was synthesized from another one must not be applied. */
  private synthesized = false;

  constructor(
    private readonly context: FleetContext,
    private readonly rig: Rig,
    definition: RigFleet,
  ) {
    this.definition = definition;
    this.folder = join(context.folder, definition.name);
  }

  public get fleet(): RigFleet {
    return this.definition;
  }

  public get nodes(): readonly string[] {
    return this.definition.nodes.map(({ name }) => name);
  }

  /** From now on the fleet is another; nothing is deployed. */
  public change(change: FleetDefinition): void {
    this.definition = { ...this.definition, ...change };
    this.synthesized = false;
  }

  /** Runs the operator's command on the fleet as it is defined now, and shows what it said. */
  public async mirador(...args: readonly string[]): Promise<Ended> {
    const ended = await (await this.startMirador(...args)).ended;
    console.log(`fleet | mirador ${args.join(" ")}: status ${ended.status}\n${ended.output}`);
    return ended;
  }

  /** The same, for a command that does not end by itself. */
  public async startMirador(...args: readonly string[]): Promise<Started> {
    await this.synthesize();
    const command = ["--import", "tsx", "cli/mirador.ts", ...args];
    return start(process.execPath, command, { cwd: this.context.root, env: this.environment() });
  }

  /** The same from another checkout, as from another machine: nothing there knows what is done here. */
  public async miradorFrom(checkout: string, ...args: readonly string[]): Promise<Ended> {
    const loader = pathToFileURL(require.resolve("tsx")).href;
    const command = ["--import", loader, join(this.context.root, "cli/mirador.ts"), ...args];
    return start(process.execPath, command, { cwd: checkout, env: this.environment() }).ended;
  }

  /**
   * The same for a fleet that differs, or in an environment that does. Nothing of this stack's own is written over, so that
   * what is deployed stays what is known to be deployed.
   */
  public async miradorAs(
    change: FleetDefinition,
    environment: Readonly<Record<string, string>>,
    ...args: readonly string[]
  ): Promise<Ended> {
    const module = join(this.folder, "variant.ts");
    await this.writeModule(module, change);
    const env = {
      ...this.environment(),
      ...{ MIRADOR_FLEET: module, CDKTF_OUTDIR: join(this.folder, "variant.out") },
      ...environment,
    };
    const command = ["--import", "tsx", "cli/mirador.ts", ...args];
    return start(process.execPath, command, { cwd: this.context.root, env }).ended;
  }

  /** One node, whatever the others are: they may not exist yet, or be down. */
  public async deploy(node: string): Promise<PlanSummary> {
    await this.synthesize();
    await init(this.place(node));
    return apply(this.place(node));
  }

  /** One after the other; the order is the caller's. */
  public async deployAll(order: readonly string[] = this.nodes): Promise<void> {
    for (const node of order) await this.deploy(node);
  }

  public async plan(node: string): Promise<PlanSummary> {
    await this.synthesize();
    await init(this.place(node));
    return (await plan(this.place(node))).summary;
  }

  /** What Terraform shows of a plan: to a person, and to a program. */
  public async planTexts(node: string): Promise<{ readonly text: string; readonly json: string }> {
    await this.synthesize();
    await init(this.place(node));
    const file = join(this.folder, `${node}.plan`);
    const text = await this.terraform(node, "plan", "-no-color", `-out=${file}`);
    return { text, json: await this.terraform(node, "show", "-json", file) };
  }

  private async terraform(node: string, ...args: string[]): Promise<string> {
    const { env } = this.place(node);
    return succeed(start(terraformBinary(env), args, { cwd: stackFolder(this.place(node)), env }));
  }

  /** Removes everything that the fleet's hosts hold, data too, and Terraform's memory of it. Images stay. */
  public async forget(): Promise<void> {
    await Promise.all(this.nodes.map((node) => this.host(node).empty()));
    await rm(this.folder, { recursive: true, force: true });
    this.synthesized = false;
  }

  public host(node: string): Host {
    const { address } = this.definitionOf(node);
    const host = this.rig.hosts.find((candidate) => candidate.address === address);
    if (host === undefined) throw new Error(`${node} is at ${address}, where the rig has no host`);
    return host;
  }

  public container(node: string, service: string): Container {
    return this.host(node).docker.getContainer(this.containerName(node, service));
  }

  public containerName(node: string, service: string): string {
    return `${nodePrefix(this.definition.name, node)}-${service}`;
  }

  /** Long-running services that a node has now. */
  public async services(node: string): Promise<readonly string[]> {
    const label = [`mirador.fleet=${this.definition.name}`, `mirador.node=${node}`, "mirador.service"];
    const found = await this.host(node).docker.listContainers({ all: true, filters: { label } });
    return found.map(({ Labels }) => Labels["mirador.service"] ?? "").sort();
  }

  public url(node: string, point: AccessPointName, path = ""): string {
    return `http://${this.authority(node, point)}${path}`;
  }

  public authority(node: string, point: AccessPointName): string {
    return `${this.definitionOf(node).address}:${portOf(this.definition, point)}`;
  }

  /** Authority and certificates of the mesh; there when something was synthesized. */
  public get certificates(): string {
    return join(this.folder, ".mirador", "pki", this.definition.name);
  }

  /** Changes files of the mesh, as `npm run mirador -- pki` does; nothing is deployed. */
  public async changeCertificates(
    change: (checkout: string, fleet: MeshFleet, now: Date) => Promise<unknown>,
  ): Promise<void> {
    await change(this.folder, this.meshFleet, new Date());
    this.synthesized = false;
  }

  private get meshFleet(): MeshFleet {
    const { name, nodes } = this.definition;
    return { name, nodes, mesh: {} };
  }

  private definitionOf(node: string): RigFleet["nodes"][number] {
    const found = this.definition.nodes.find(({ name }) => name === node);
    if (found === undefined) throw new Error(`the fleet ${this.definition.name} has no ${node}`);
    return found;
  }

  private place(node: string): StackPlace {
    return { folder: this.context.root, node, env: this.environment() };
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

  /** Writes the fleet's module and every node's stack, once for a definition. */
  private async synthesize(): Promise<void> {
    if (this.synthesized) return;
    await mkdir(join(this.folder, "state"), { recursive: true });
    await this.writeModule(join(this.folder, "fleet.ts"), {});
    await synth({ folder: this.context.root, env: this.environment() });
    this.synthesized = true;
  }

  private async writeModule(file: string, change: FleetDefinition): Promise<void> {
    const library = JSON.stringify(join(this.context.root, "lib", "index.ts"));
    const mesh = await this.mesh();
    const definition = {
      ...this.definition,
      ...change,
      ...(mesh.mesh ? { mesh: { ...mesh.mesh, ...change.mesh } } : {}),
    };
    const text = JSON.stringify(definition, null, 2);
    await writeFile(file, `import { defineFleet } from ${library};\n\nexport default defineFleet(${text});\n`);
  }

  /**
   * The mesh's authority and certificates, made beside the state: `<checkout>/.mirador/pki`, where the program makes
   * them, is the operator's. To the program they are brought by somebody.
   */
  private async mesh(): Promise<Pick<RigFleet, "mesh">> {
    const { nodes, mesh } = this.definition;
    if (nodes.length < 2 || mesh?.certificates !== undefined) return {};
    const { folder } = await ensurePki(this.folder, this.meshFleet, new Date());
    return { mesh: { ...mesh, certificates: folder } };
  }
}
