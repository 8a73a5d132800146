import type { ContainerUpload } from "@cdktf/provider-docker/lib/container";
import { Volume } from "@cdktf/provider-docker/lib/volume";
import type { ITerraformDependable } from "cdktf";
import { Construct } from "constructs";
import type { ConfigFile, HaproxyPlan } from "../lib/haproxy/plan-haproxy";
import { configureJob, readyJob } from "../lib/plan/jobs";
import { PORTS } from "../lib/plan/ports";
import { literal } from "../lib/terraform/literal";
import type { ContainerHost } from "./container-host";
import { Job } from "./job";
import { ServiceContainer } from "./service-container";

export interface HaproxyLbProps {
  readonly host: ContainerHost;
  readonly plan: HaproxyPlan;
  /** The services behind it: it is created after them, and readiness is asked again when one of them changes. */
  readonly behind: readonly ServiceContainer[];
  /** What must have succeeded before a new configuration is put in place. @default - nothing */
  readonly after?: readonly ITerraformDependable[];
}

const INBOX = "/inbox";

/**
 * HAProxy in front of a node. A changed configuration is checked by HAProxy itself, put into a volume and reloaded in
 * the running container. The apply succeeds when that configuration answers and every service behind it is up.
 */
export class HaproxyLb extends Construct {
  public readonly service: ServiceContainer;

  constructor(scope: Construct, id: string, { host, plan, behind, after = [] }: HaproxyLbProps) {
    super(scope, id);
    const services = behind.map(({ container }) => container);
    // Owned by Terraform, unlike data: everything in it is rendered again, and a destroy leaves nothing of it.
    const config = new Volume(this, "haproxy-config", { name: host.containerName("haproxy-config") });
    const mount = { source: host.containerName("haproxy-config"), path: plan.folder };
    const configure = new Job(this, "haproxy-configure", {
      host,
      plan: configureJob({
        inbox: INBOX,
        folder: plan.folder,
        files: plan.files.map(({ path }) => path),
        owner: plan.service.user,
      }),
      volumes: [mount],
      uploads: plan.files.map(upload),
      after: [config, ...after],
    });
    this.service = new ServiceContainer(this, "haproxy", {
      host,
      plan: plan.service,
      volumes: [{ ...mount, readOnly: true }],
      after: [configure.container, ...services],
    });
    new Job(this, "ready", {
      host,
      plan: readyJob(`http://haproxy:${PORTS.haproxyInternal}`, { ...plan, user: plan.service.user }),
      networked: true,
      processesOf: this.service.container,
      after: [this.service.container, ...services],
      repeatWhen: [configure.container, ...services],
    });
  }
}

/**
 * For root alone, until the job has given it to HAProxy. The provider's `owner` (since 4.6) could do that at once, but Engine
 * before 28 then refuses every container with a numeric user, and a newer one gives the file to that user whatever it says.
 */
function upload(file: ConfigFile): ContainerUpload {
  const where = { file: `${INBOX}/${file.path}`, permissions: "0400" };
  return "text" in file
    ? { ...where, content: literal(file.text) }
    : // Read by the provider at apply time: a private key so enters neither the synthesized file nor the state.
      { ...where, source: literal(file.sourcePath), sourceHash: file.sourceHash };
}
