import type { ITerraformDependable } from "cdktf";
import { Construct } from "constructs";
import { prepareJob, waitJob } from "../lib/plan/jobs";
import type { VictoriaPlan } from "../lib/victoria/plan-victoria";
import { healthUrls } from "../lib/victoria/plan-victoria";
import type { ContainerHost } from "./container-host";
import { Job } from "./job";
import { ServiceContainer } from "./service-container";

export interface VictoriaClusterProps {
  readonly host: ContainerHost;
  /** What to run; `planVictoria` makes it. */
  readonly plan: VictoriaPlan;
  /**
   * Whatever gives the data volume to its user, when the caller does that for several constructs together. Then the
   * caller also watches health.
   * @default - a job of its own, and another one that waits until all services are healthy
   */
  readonly preparedBy?: ITerraformDependable;
}

/** One store (VictoriaMetrics, VictoriaLogs or VictoriaTraces) of one host, in either layout. Works alone. */
export class VictoriaCluster extends Construct {
  public readonly services: readonly ServiceContainer[];

  constructor(scope: Construct, id: string, { host, plan, preparedBy }: VictoriaClusterProps) {
    super(scope, id);
    const prepared =
      preparedBy ??
      new Job(this, `prepare-${plan.signal}`, { host, plan: prepareJob(plan.data === undefined ? [] : [plan.data]) })
        .container;
    this.services = plan.services.map(
      (service) => new ServiceContainer(this, service.service, { host, plan: service, after: [prepared] }),
    );
    if (preparedBy !== undefined) return;
    const containers = this.services.map(({ container }) => container);
    new Job(this, `ready-${plan.signal}`, {
      host,
      plan: waitJob(healthUrls(plan)),
      networked: true,
      after: containers,
      repeatWhen: containers,
    });
  }
}
