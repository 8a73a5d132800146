import { Construct } from "constructs";
import { SIGNALS } from "../lib/fleet/definition";
import type { NodePlan } from "../lib/plan/node-plan";
import { ContainerHost } from "./container-host";
import { HaproxyLb } from "./haproxy-lb";
import { Job } from "./job";
import { OtelPipeline } from "./otel-pipeline";
import { ServiceContainer } from "./service-container";
import { VictoriaCluster } from "./victoria-cluster";

export interface MiradorNodeProps {
  readonly plan: NodePlan;
}

/** One whole node on one Docker host: three stores, six collectors, HAProxy, and two agents where it is one of several. Makes no provider and no backend. */
export class MiradorNode extends Construct {
  public readonly host: ContainerHost;
  public readonly stores: readonly VictoriaCluster[];
  /** vmagent and vlagent; none on a single node. */
  public readonly agents: readonly ServiceContainer[];
  public readonly pipeline: OtelPipeline;
  public readonly balancer: HaproxyLb;

  constructor(scope: Construct, id: string, { plan }: MiradorNodeProps) {
    super(scope, id);
    const { prefix, network: networkName, images } = plan;
    this.host = new ContainerHost(this, "Host", {
      prefix,
      networkName,
      images,
      labels: { "mirador.fleet": plan.fleet, "mirador.node": plan.name },
    });
    const preparedBy = new Job(this, "prepare", { host: this.host, plan: plan.prepare }).container;
    this.stores = SIGNALS.map(
      (signal) => new VictoriaCluster(this, signal, { host: this.host, plan: plan.stores[signal], preparedBy }),
    );
    this.agents = plan.agents.map(
      ({ service }) =>
        new ServiceContainer(this, service.service, { host: this.host, plan: service, after: [preparedBy] }),
    );
    this.pipeline = new OtelPipeline(this, "Otel", { host: this.host, plan: plan.otel, preparedBy });
    this.balancer = new HaproxyLb(this, "Lb", {
      host: this.host,
      plan: plan.haproxy,
      // A refused deploy must not leave its configuration where a restart of HAProxy would find it.
      after: [preparedBy],
      behind: [...this.stores.flatMap(({ services }) => services), ...this.agents, ...this.pipeline.services],
    });
  }
}
