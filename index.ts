export { ContainerHost, type ContainerHostProps } from "./constructs/container-host";
export { HaproxyLb, type HaproxyLbProps } from "./constructs/haproxy-lb";
export { MiradorNode, type MiradorNodeProps } from "./constructs/mirador-node";
export { DOCKER_PROVIDER_VERSION, NodeStack, type NodeStackProps } from "./constructs/node-stack";
export { OtelPipeline, type OtelPipelineProps } from "./constructs/otel-pipeline";
export { ServiceContainer, type ServiceContainerProps } from "./constructs/service-container";
export { VictoriaCluster, type VictoriaClusterProps } from "./constructs/victoria-cluster";
export { fromEnvFiles } from "./inputs/env-files";
export * from "./lib";
