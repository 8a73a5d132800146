import { createHash } from "node:crypto";
import { Container, type ContainerHealthcheck, type ContainerVolumes } from "@cdktf/provider-docker/lib/container";
import type { ITerraformDependable } from "cdktf";
import { Construct } from "constructs";
import type { Healthcheck, ServicePlan, VolumeMount } from "../lib/plan/service-plan";
import { coreCount, goDuration } from "../lib/terraform/duration";
import { literal } from "../lib/terraform/literal";
import type { ContainerHost } from "./container-host";

export interface ServiceContainerProps {
  readonly host: ContainerHost;
  readonly plan: ServicePlan;
  /** Mounts beside those of the plan. @default - none */
  readonly volumes?: readonly VolumeMount[];
  /** What must be there before the service starts. @default - nothing */
  readonly after?: readonly ITerraformDependable[];
}

/** One long-running service as a hardened container: limits, log rotation, no capability, read-only root, not root. */
export class ServiceContainer extends Construct {
  /** Escape hatch: `service.container.addOverride("log_driver", "journald")` sets what the props do not offer. */
  public readonly container: Container;

  constructor(scope: Construct, id: string, { host, plan, volumes = [], after = [] }: ServiceContainerProps) {
    super(scope, id);
    const health = plan.healthcheck && healthcheckOf(plan.healthcheck);
    const tmpfs = { ...plan.tmpfs };
    this.container = new Container(this, "Resource", {
      name: host.containerName(plan.service),
      hostname: plan.service,
      image: host.image(plan.image).name,
      ...(plan.entrypoint === undefined ? {} : { entrypoint: plan.entrypoint.map(literal) }),
      command: plan.command.map(literal),
      env: Object.entries(plan.environment).map(([name, value]) => literal(`${name}=${value}`)),
      user: plan.user,
      memory: plan.memoryMiB,
      memorySwap: plan.memoryMiB,
      ...(plan.cpus === undefined ? {} : { cpus: coreCount(plan.cpus) }),
      ulimit: [{ name: "nofile", soft: plan.openFiles, hard: plan.openFiles }],
      stopTimeout: plan.stopSeconds,
      // The provider stops a container by this value alone; without it every stop is a kill.
      destroyGraceSeconds: plan.stopSeconds,
      ...(plan.stopSignal === undefined ? {} : { stopSignal: plan.stopSignal }),
      volumes: [...plan.volumes, ...volumes].map(containerVolume),
      ...(Object.keys(tmpfs).length > 0 ? { tmpfs } : {}),
      ports: plan.publish.map(({ internal, external, address }) => ({
        internal,
        external,
        ip: address,
        protocol: "tcp",
      })),
      ...(health === undefined ? {} : { healthcheck: health, wait: true, waitTimeout: 90 }),
      labels: labelList({ ...host.labels, "mirador.service": plan.service, ...replaceLabel(health, tmpfs) }),
      networksAdvanced: [{ name: host.network.id, aliases: [plan.service] }],
      restart: "unless-stopped",
      dependsOn: [...after],
      ...HARDENED,
    });
  }
}

/** Shared by services and jobs. */
export const HARDENED = {
  readOnly: true,
  securityOpts: ["no-new-privileges:true"],
  capabilities: { drop: ["ALL"] },
  // Both options, always: with one of them the daemon's own default for the other replaces the container at every plan.
  logDriver: "json-file",
  logOpts: { "max-size": "10m", "max-file": "3" },
  // A name without a running container is asked of the outside DNS; where none answers a lookup would cost 10 s.
  dnsOpts: ["timeout:1", "attempts:1"],
};

export function healthcheckOf(health: Healthcheck): ContainerHealthcheck {
  return {
    test: ["CMD-SHELL", literal(health.command)],
    interval: goDuration(health.intervalSeconds),
    timeout: goDuration(health.timeoutSeconds),
    retries: health.retries,
    startPeriod: goDuration(health.startPeriodSeconds),
  };
}

/**
 * What the provider (4.6) "updates in place", which never reaches the container: a healthcheck's settings, and tmpfs. That a
 * healthcheck is gone it does not even see. A label replaces the container.
 */
export function replaceLabel(...inPlace: readonly unknown[]): Record<string, string> {
  return { "mirador.replace": createHash("sha256").update(JSON.stringify(inPlace)).digest("hex").slice(0, 16) };
}

export function labelList(labels: Readonly<Record<string, string>>): { label: string; value: string }[] {
  return Object.entries(labels).map(([label, value]) => ({ label, value: literal(value) }));
}

/**
 * Data volumes are named here and declared nowhere: a volume that Terraform does not own survives every apply,
 * replacement and destroy.
 */
export function containerVolume({ source, path, readOnly = false }: VolumeMount): ContainerVolumes {
  const where = source.startsWith("/") ? { hostPath: literal(source) } : { volumeName: literal(source) };
  return { ...where, containerPath: path, readOnly };
}
