import type { ITerraformDependable } from "cdktf";
import { Construct } from "constructs";
import { collectorHealthUrls, type OtelPlan } from "../lib/otel/plan-otel";
import { prepareJob, waitJob } from "../lib/plan/jobs";
import type { ContainerHost } from "./container-host";
import { Job } from "./job";
import { ServiceContainer } from "./service-container";

export interface OtelPipelineProps {
  readonly host: ContainerHost;
  /** What to run; `planOtel` makes it. */
  readonly plan: OtelPlan;
  /** As in `VictoriaClusterProps`. @default - jobs of its own */
  readonly preparedBy?: ITerraformDependable;
}

/** The collectors of one host: gateway, derived pipelines, adapters. Works alone, with any stores that take OTLP. */
export class OtelPipeline extends Construct {
  public readonly services: readonly ServiceContainer[];

  constructor(scope: Construct, id: string, { host, plan, preparedBy }: OtelPipelineProps) {
    super(scope, id);
    const prepared = preparedBy ?? new Job(this, "prepare-otel", { host, plan: prepareJob([plan.data]) }).container;
    this.services = plan.services.map((service) => {
      return new ServiceContainer(this, service.service, { host, plan: service, after: [prepared] });
    });
    if (preparedBy !== undefined) return;
    const containers = this.services.map(({ container }) => container);
    new Job(this, "ready-otel", {
      host,
      plan: waitJob(collectorHealthUrls(plan)),
      networked: true,
      after: containers,
      repeatWhen: containers,
    });
  }
}
