import { DockerProvider } from "@cdktf/provider-docker/lib/provider/index.js";
import { App, TerraformStack } from "cdktf";
import {
  ContainerHost,
  DOCKER_PROVIDER_VERSION,
  defineFleet,
  MiradorNode,
  planFleet,
  planVictoria,
  resolveImages,
  VictoriaCluster,
} from "../index";

/** The constructs in a program of one's own: a whole node in one stack, and the logs store alone in another. */
const app = new App();

const fleet = defineFleet({ nodes: [{ name: "node1", address: "10.0.0.11" }] });
const nodeStack = new TerraformStack(app, "node1");
new DockerProvider(nodeStack, "docker");
nodeStack.addOverride("terraform.required_providers.docker.version", DOCKER_PROVIDER_VERSION);
for (const plan of planFleet(fleet, { statsPassword: process.env.STATS_PASSWORD ?? "" }).nodes)
  new MiradorNode(nodeStack, "Mirador", { plan });

const images = resolveImages();
const logsStack = new TerraformStack(app, "logs");
new DockerProvider(logsStack, "docker");
logsStack.addOverride("terraform.required_providers.docker.version", DOCKER_PROVIDER_VERSION);
new VictoriaCluster(logsStack, "Logs", {
  host: new ContainerHost(logsStack, "Host", { prefix: "audit", images }),
  plan: planVictoria({ signal: "logs", retentionDays: 365, dataSource: "audit-logs", images }),
});

app.synth();
