import { type PerSignal, SIGNALS } from "../fleet/definition";
import type { Fleet, FleetNode } from "../fleet/fleet";
import type { HaproxyPlan } from "../haproxy/plan-haproxy";
import type { ResolvedImages } from "../images/overrides";
import type { OtelPlan } from "../otel/plan-otel";
import type { AgentPlan } from "../victoria/agents";
import type { VictoriaPlan } from "../victoria/plan-victoria";
import type { Group } from "./groups";
import type { JobPlan } from "./jobs";
import type { AccessPointName } from "./ports";
import type { DataVolume, ServicePlan } from "./service-plan";

/** Everything about one node, as plain data. Stacks exchange nothing else. */
export interface NodePlan {
  readonly fleet: string;
  readonly name: string;
  readonly address: string;
  readonly docker: FleetNode["docker"];
  readonly group: Group;
  /** First part of every container and volume name; keeps two fleets on one engine apart. */
  readonly prefix: string;
  readonly network: string;
  /** By digest where they are locked; under the names of a loaded file where the node pulls nothing. */
  readonly images: ResolvedImages;
  /** Whether the engine can pull from registries. */
  readonly pulls: boolean;
  readonly stores: PerSignal<VictoriaPlan>;
  /** What takes native protocols other than OTLP; none on a single node, whose stores take them themselves. */
  readonly agents: readonly AgentPlan[];
  readonly otel: OtelPlan;
  readonly haproxy: HaproxyPlan;
  readonly prepare: JobPlan;
  readonly accessPoints: readonly PlannedAccessPoint[];
  readonly backend?: NonNullable<Fleet["backend"]>;
}

/** A port that people use, as the access table shows it. */
export interface PlannedAccessPoint {
  readonly name: AccessPointName;
  readonly what: string;
  readonly url: string;
  /** Where it is published. */
  readonly port: number;
  /** What a browser is to open there. @default - nothing: programs alone use it */
  readonly path?: string;
  /** The service that answers. */
  readonly service: string;
  /** Who may see it; `undefined` means everybody who reaches the port. */
  readonly login?: string;
  /** Set when what answers there is not the real part. */
  readonly standIn?: string;
}

/** Every long-running container of a node, HAProxy last. */
export function servicesOf(plan: Pick<NodePlan, "stores" | "agents" | "otel" | "haproxy">): readonly ServicePlan[] {
  return [
    ...Object.values(plan.stores).flatMap(({ services }) => services),
    ...plan.agents.map(({ service }) => service),
    ...plan.otel.services,
    plan.haproxy.service,
  ];
}

/** Everything of a node that outlives its containers. */
export function dataOf(plan: Pick<NodePlan, "stores" | "agents" | "otel" | "haproxy">): readonly DataVolume[] {
  return [
    ...SIGNALS.flatMap((signal) => plan.stores[signal].data ?? []),
    ...plan.agents.map(({ data }) => data),
    plan.otel.data,
    ...(plan.haproxy.data === undefined ? [] : [plan.haproxy.data]),
  ];
}

/** First part of a node's container and volume names. No label holds `_`, so no two pairs of names give the same. */
export function nodePrefix(fleet: string, node: string): string {
  return `${fleet}_${node}`;
}

/** A node's local state file. Fleets of other names have a folder of their own, so that equal node names share none. */
export function localStatePath(folder: string, fleet: string, node: string): string {
  return fleet === "mirador" ? `${folder}/${node}.tfstate` : `${folder}/${fleet}/${node}.tfstate`;
}
