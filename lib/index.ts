export { defineFleet, refineFleet } from "./fleet/define-fleet";
export type {
  BalanceAlgorithm,
  DockerDefinition,
  FleetDefinition,
  HaproxyDefinition,
  Layout,
  LimitDefinition,
  LogLevel,
  NodeDefinition,
  PerSignal,
  PortsDefinition,
  Signal,
} from "./fleet/definition";
export type { EnvFilesOptions } from "./fleet/env-files";
export type { Environment } from "./fleet/environment";
export type { Fleet, FleetNode, ServiceLimit } from "./fleet/fleet";
export type { HaproxyPlan, TlsFiles } from "./haproxy/plan-haproxy";
export { IMAGE_CATALOG, type ImageChoice, type ImageKey } from "./images/catalog";
export type { ImageLock } from "./images/lock";
export { type ImageOverrides, type ResolvedImages, resolveImages, validateImageOverrides } from "./images/overrides";
export type { MeshFiles } from "./mesh/files";
export { type OtelPlan, type OtelRequest, planOtel } from "./otel/plan-otel";
export type { Group } from "./plan/groups";
export { type NodePlan, type PlannedAccessPoint, servicesOf } from "./plan/node-plan";
export { type FleetPlan, planFleet, type Secrets } from "./plan/plan-fleet";
export type { ServicePlan } from "./plan/service-plan";
export type { CollectorName, ServiceName } from "./plan/services";
export { summarizeFleet } from "./plan/summary";
export { formatProblem, formatProblems, type Problem, type ProblemCode, ProblemError } from "./problem";
export { type StoreEndpoints, storeEndpoints } from "./victoria/endpoints";
export { planVictoria, type VictoriaPlan, type VictoriaRequest } from "./victoria/plan-victoria";
