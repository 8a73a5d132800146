import { DockerProvider, type DockerProviderConfig } from "@cdktf/provider-docker/lib/provider";
import { LocalBackend, TerraformBackend, type TerraformElement, TerraformStack } from "cdktf";
import type { Construct, Node } from "constructs";
import type { DockerDefinition } from "../lib/fleet/definition";
import { localStatePath, type NodePlan } from "../lib/plan/node-plan";
import { literal } from "../lib/terraform/literal";
import { MiradorNode } from "./mirador-node";

/** What the constructs were run against. The bindings pin 3.6.2, whose waits and replacements differ. */
export const DOCKER_PROVIDER_VERSION = "~> 4.6";

export interface NodeStackProps {
  readonly plan: NodePlan;
  /** Absolute folder of local state files. A backend in the fleet wins. */
  readonly stateFolder: string;
}

/** One stack per node: its provider, its state, one {@link MiradorNode}. */
export class NodeStack extends TerraformStack {
  public readonly miradorNode: MiradorNode;

  constructor(scope: Construct, id: string, { plan, stateFolder }: NodeStackProps) {
    super(scope, id);
    new DockerProvider(this, "docker", providerConfig(plan.docker));
    this.addOverride("terraform.required_providers.docker.version", DOCKER_PROVIDER_VERSION);
    if (plan.backend === undefined)
      new LocalBackend(this, { path: literal(localStatePath(stateFolder, plan.fleet, plan.name)) });
    else new PassedThroughBackend(this, plan.backend.type, backendConfig(plan));
    this.miradorNode = new MiradorNode(this, "Node", { plan });
  }

  /**
   * Addresses such as `docker_container.gateway`, for people who read plans and give `-target`. They are a public
   * contract. A stack holds one node, so a construct's own id is enough.
   */
  protected override allocateLogicalId(element: TerraformElement | Node): string {
    const { id, scope } = "node" in element ? element.node : element;
    return id === "Resource" ? (scope?.node.id ?? id) : id;
  }
}

function backendConfig({ backend, name }: NodePlan): Record<string, unknown> {
  const entries = Object.entries(backend?.config ?? {});
  return Object.fromEntries(
    entries.map(([key, value]) => [key, typeof value === "string" ? literal(value.replaceAll("{node}", name)) : value]),
  );
}

/** Any backend that Terraform knows, with its settings as they were given. */
class PassedThroughBackend extends TerraformBackend {
  constructor(
    scope: Construct,
    type: string,
    private readonly settings: Record<string, unknown>,
  ) {
    super(scope, "backend", type);
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    return this.settings;
  }

  public override getRemoteStateDataSource(): never {
    throw new Error("no stack of this program reads the state of another one");
  }
}

function providerConfig(docker: DockerDefinition): DockerProviderConfig {
  switch (docker.kind) {
    case "unix":
      return { host: `unix://${literal(docker.socket ?? "/var/run/docker.sock")}` };
    case "tcp":
      // Material in place of a path would stand in the synthesized file, and without a CA nothing would be verified.
      return { host: `tcp://${docker.host}:${docker.port ?? 2376}`, certPath: literal(docker.certificatePath) };
    case "context":
      return { context: docker.name };
    case "ssh":
      return {
        host: `ssh://${docker.user ?? "root"}@${docker.host}:${docker.port ?? 22}`,
        sshOpts: sshOptions(docker),
      };
  }
}

function sshOptions({ identityFile, knownHostsFile }: Extract<DockerDefinition, { kind: "ssh" }>): string[] {
  const options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=10"];
  if (knownHostsFile !== undefined) options.push(`UserKnownHostsFile=${literal(knownHostsFile)}`);
  return [
    ...(identityFile === undefined ? [] : ["-i", literal(identityFile)]),
    ...options.flatMap((option) => ["-o", option]),
  ];
}
