import { buildParts, partsEnvironment } from "../images/build";
import { loadPlan } from "../inputs/load-plan";
import type { NodePlan } from "../lib/plan/node-plan";
import { servicesOf } from "../lib/plan/node-plan";
import { type AccessRow, exportLines, probeAccess, renderAccessTable } from "./access-table";
import { canaryTargets, type Finding, runCanary } from "./canary";
import {
  askedChoice,
  demoFleet,
  initStep,
  machineStep,
  PARTS_FLEET,
  partsLog,
  secretStep,
  synthSaid,
  tellFleet,
} from "./demo-context";
import { deploy } from "./deployment";
import { type Choice, type ChosenImages, chooseImages, imageEngine, provideImages } from "./engine-images";
import { ENV_FILE, writeEnvFile } from "./env-file";
import { CliError } from "./failure";
import { freeQueueMiB, type NodeEngine, portHolders, portTroubles, publishedPorts } from "./machine";
import type { Session } from "./session";
import { synth } from "./terraform";

/** Deploys the demo's node and shows that it works. A second run changes nothing that is already as it must be. */
export async function demoUp(context: Session): Promise<void> {
  const started = performance.now();
  const { progress } = context;
  const asked = withoutSubstitute(askedChoice(context), context);
  tellFleet(context, asked);
  const { fleet, node } = await demoFleet(context, asked);
  const engine = await machineStep(context, node);
  const password = await secretStep(context, fleet);
  const images = await imagesStep(context, asked, engine);
  const plan = await planOf(context, images.choice);
  await portsStep(context, plan, engine);
  await progress.step(
    "synth",
    "the program writes what Terraform reads",
    () => synth({ folder: context.folder, env: { ...context.environment, ...images.choice } }),
    () => synthSaid(plan, images.choice),
  );
  const configFile = images.terraformConfigFile ?? asked.TF_CLI_CONFIG_FILE;
  const { place, terraformConfigFile } = await initStep(context, plan.name, images.choice, configFile);
  await deploy({
    place,
    client: engine.client,
    fleet: plan.fleet,
    node: plan.name,
    prefix: plan.prefix,
    network: plan.network,
    progress,
    services: servicesOf(plan).length,
  });
  // Not before: the next run would begin with a choice that could not be deployed.
  writeEnvFile(context.folder, {
    ...images.choice,
    MIRADOR_STATE: context.environment.MIRADOR_STATE,
    TF_CLI_CONFIG_FILE: terraformConfigFile,
    CDKTF_SKIP_PROVIDER_LOCK: "true",
    CHECKPOINT_DISABLE: "1",
  });
  await canaryStep(context, plan);
  const rows = await probeAccess(plan);
  const seconds = (performance.now() - started) / 1000;
  for (const line of report({ plan, rows, seconds, passwordIn: password.where })) progress.line(line);
  const down = rows.filter(({ state }) => state !== "up");
  if (down.length === 0) return;
  throw new CliError({
    code: "demo/access-point-down",
    what: down.map(({ what, state }) => `${what}: ${state}`).join("\n"),
    fix: "run the same command again; if it stays so, look at the logs of the services behind (docker ps, docker logs)",
  });
}

/** That the last run took the small fleet for want of images does not bind this one: they may be there now. */
function withoutSubstitute<T extends Choice>(asked: T, { environment }: Session): T {
  if (asked.MIRADOR_FLEET !== PARTS_FLEET || environment.MIRADOR_FLEET === PARTS_FLEET) return asked;
  const { MIRADOR_FLEET: _, ...others } = asked;
  return others as T;
}

async function imagesStep(context: Session, asked: Choice, { client, address }: NodeEngine): Promise<ChosenImages> {
  const engine = imageEngine(client);
  return context.progress.step(
    "images",
    "looking for the images on the engine",
    (step) =>
      chooseImages(asked, {
        partsFile: partsEnvironment().MIRADOR_IMAGES,
        partsFleet: PARTS_FLEET,
        refsOf: async (choice) => imageRefs(await planOf(context, choice)),
        has: engine.has,
        provide: (refs) => provideImages(refs, engine, { waiting: step.waiting }),
        buildParts: () => buildParts({ dockerHost: address, log: partsLog(step) }),
        line: step.line,
      }),
    ({ said }) => said,
  );
}

function imageRefs(plan: NodePlan): readonly string[] {
  return servicesOf(plan).map(({ image }) => plan.images[image].ref);
}

async function planOf(context: Session, choice: Choice): Promise<NodePlan> {
  await demoFleet(context, choice);
  const { plan } = await loadPlan(context.folder, { ...context.environment, ...choice });
  const [node] = plan.nodes;
  if (node === undefined) throw new Error("the plan of a fleet of one node has no node");
  return node;
}

async function portsStep({ progress }: Session, plan: NodePlan, engine: NodeEngine): Promise<void> {
  const ports = publishedPorts(plan);
  if (!engine.local) return;
  await progress.step(
    "ports",
    `looking at ${ports.length} ports on ${plan.address}`,
    async (step) => {
      const troubles = await portTroubles(ports, `${plan.prefix}-haproxy`, await portHolders(engine.client));
      if (troubles.length > 0) throw new CliError(troubles);
      const needed = plan.otel.data.requiredFreeMiB ?? 0;
      const free = await freeQueueMiB(engine.client);
      if (free !== undefined && free < needed)
        step.line(`warning: ${free} MiB are free for Docker's volumes, the queues need ${needed} (fleet: queue.size)`);
    },
    () => `all ${ports.length} ports on ${plan.address} are free or this node's own`,
  );
}

async function canaryStep({ progress }: Session, plan: NodePlan): Promise<readonly Finding[]> {
  return progress.step(
    "canary",
    "sending a trace, a log and a metric",
    (step) =>
      runCanary(canaryTargets(plan), {
        onWaiting: (words) => step.waiting(`looking for the ${words.join(", the ")}`),
        onFound: ({ word, sentBy, service, origin, seconds }) =>
          step.line(`${word.padEnd(6)} sent by ${sentBy}, found in ${service} at ${new URL(origin).host}`, seconds),
      }),
    () => "all three found in their stores",
  );
}

export interface Report {
  readonly plan: NodePlan;
  readonly rows: readonly AccessRow[];
  readonly seconds: number;
  /** Where the password of the stats page is. */
  readonly passwordIn: string;
}

/** What a person reads at the end. */
export function report({ plan, rows, seconds, passwordIn }: Report): readonly string[] {
  const { name } = plan;
  const login = rows.find(({ login }) => login !== undefined)?.login;
  const node = plan.fleet === "mirador" ? name : `${name} of ${plan.fleet}`;
  return [
    "",
    `Mirador runs: ${node}, ${servicesOf(plan).length} services, ${seconds.toFixed(0)} s in all`,
    "",
    ...renderAccessTable(rows),
    "",
    `login       ${login}; the password is in ${passwordIn}`,
    ...exportLines(plan).map((line, at) => `${at === 0 ? "send to it" : ""}`.padEnd(12) + line),
    "stop        npm run demo -- --down     (keeps the data)",
    "            npm run demo -- --clean    (removes the data too)",
    `deploy      . ${ENV_FILE} && npx cdktf deploy ${name}    (after a change of the fleet)`,
  ];
}
