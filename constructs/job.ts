import { Container, type ContainerUpload } from "@cdktf/provider-docker/lib/container";
import type { ITerraformDependable } from "cdktf";
import { Construct } from "constructs";
import { JOB_DONE, type JobPlan } from "../lib/plan/jobs";
import type { VolumeMount } from "../lib/plan/service-plan";
import { literal } from "../lib/terraform/literal";
import type { ContainerHost } from "./container-host";
import { containerVolume, HARDENED, healthcheckOf, labelList, replaceLabel } from "./service-container";

export interface JobProps {
  readonly host: ContainerHost;
  readonly plan: JobPlan;
  readonly volumes?: readonly VolumeMount[];
  /** Files put into the container before it starts; they make its root writable. @default - none, and a read-only root */
  readonly uploads?: readonly ContainerUpload[];
  /** Join the host's private network. @default false */
  readonly networked?: boolean;
  /** Run in the process namespace of this container. @default - its own */
  readonly processesOf?: Container;
  readonly after?: readonly ITerraformDependable[];
  /** The job runs again when one of these changes. @default - only when the job itself changes */
  readonly repeatWhen?: readonly Container[];
}

/**
 * A container that does one piece of work and ends. It runs from HAProxy's image, the one of a node that is sure to
 * hold a shell. See {@link JobPlan} for why it is watched by a healthcheck.
 */
export class Job extends Construct {
  public readonly container: Container;

  constructor(scope: Construct, id: string, { host, plan, ...props }: JobProps) {
    super(scope, id);
    const { volumes = [], uploads = [], networked = false, processesOf, after = [], repeatWhen = [] } = props;
    const health = healthcheckOf({
      command: `test -f ${JOB_DONE}`,
      intervalSeconds: 1,
      timeoutSeconds: 2,
      retries: plan.timeoutSeconds,
      startPeriodSeconds: plan.timeoutSeconds,
    });
    const tmpfs = { "/tmp": "rw,noexec,nosuid,size=4m,mode=1777" };
    this.container = new Container(this, "Resource", {
      name: host.containerName(id),
      image: host.image("haproxy").name,
      entrypoint: ["/bin/sh", "-c"],
      command: [literal(plan.script)],
      user: plan.user,
      memory: 64,
      memorySwap: 64,
      ulimit: [{ name: "nofile", soft: 1024, hard: 1024 }],
      volumes: [...plan.volumes, ...volumes].map(containerVolume),
      tmpfs,
      ...(uploads.length > 0 ? { upload: [...uploads] } : {}),
      ...(networked ? { networksAdvanced: [{ name: host.network.id }] } : { networkMode: "none" }),
      ...(processesOf === undefined ? {} : { pidMode: `container:${processesOf.id}` }),
      healthcheck: health,
      wait: true,
      waitTimeout: plan.timeoutSeconds,
      // It ends by itself, and that is no difference to anybody.
      mustRun: false,
      restart: "no",
      destroyGraceSeconds: 1,
      labels: labelList({ ...host.labels, "mirador.job": id, ...replaceLabel(health, tmpfs) }),
      dependsOn: [...after],
      ...(repeatWhen.length > 0 ? { lifecycle: { replaceTriggeredBy: repeatWhen.map(address) } } : {}),
      ...HARDENED,
      readOnly: uploads.length === 0,
      capabilities: { drop: ["ALL"], ...(plan.capabilities.length > 0 ? { add: [...plan.capabilities] } : {}) },
    });
  }
}

/** Terraform wants a bare address here, and cdktf would render a reference as an expression. */
function address({ terraformResourceType, friendlyUniqueId }: Container): string {
  return `${terraformResourceType}.${friendlyUniqueId}`;
}
