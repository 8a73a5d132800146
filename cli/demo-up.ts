import { buildParts, partsEnvironment } from "../images/build";
import { loadPlan } from "../inputs/load-plan";
import {
  askedChoice,
  demoFleet,
  machineStep,
  PARTS_FLEET,
  partsLog,
  providerStep,
  secretStep,
  tellFleet,
} from "./demo-context";
import { type Choice, type ChosenImages, chooseImages, imageEngine, imagesOf, provideImages } from "./engine-images";
import { ENV_FILE, writeEnvFile } from "./env-file";
import { CliError } from "./failure";
import type { NodeEngine } from "./machine";
import { showAccess } from "./operate/access";
import { canaryRound } from "./operate/canary-round";
import type { Session } from "./session";
import { up } from "./up/run";
import { whileLocked } from "./verbs/locked";
import { WAIT_SECONDS } from "./verbs/times";

/**
 * Finds what a first deploy needs, and a machine may lack: an engine, a password, images, the provider. Then it is
 * `mirador up`, `test` and `access`. A second run changes nothing that is already as it must be.
 */
export async function demoUp(context: Session): Promise<void> {
  const { folder, environment, progress } = context;
  const asked = withoutSubstitute(askedChoice(context), context);
  tellFleet(context, asked);
  const { fleet, node } = await demoFleet(context, asked);
  const engine = await machineStep(context, node);
  await secretStep(context, fleet);
  const { choice, terraformConfigFile: ofParts } = await imagesStep(context, asked, engine);
  const { node: chosen } = await demoFleet(context, choice);
  const known = ofParts ?? asked.TF_CLI_CONFIG_FILE;
  const file = await providerStep(
    context,
    chosen.name,
    choice,
    known === undefined ? {} : { terraformConfigFile: known },
  );
  const ofTerraform = file === undefined ? {} : { TF_CLI_CONFIG_FILE: file };
  const session = { ...context, environment: { ...environment, ...choice, ...ofTerraform } };
  await whileLocked(session, ["up"], () => up(session, { nodes: [], waitSeconds: WAIT_SECONDS, check: false }));
  // Not before: the next run would begin with a choice that could not be deployed.
  writeEnvFile(folder, {
    ...choice,
    MIRADOR_STATE: environment.MIRADOR_STATE,
    TF_CLI_CONFIG_FILE: file,
    CDKTF_SKIP_PROVIDER_LOCK: "true",
    CHECKPOINT_DISABLE: "1",
  });
  progress.line("");
  await canaryRound(session, { nodes: [], json: false });
  progress.line("");
  const down = (await showAccess(session, { nodes: [], json: false })).flatMap(({ rows }) =>
    rows.filter(({ state }) => state !== "up"),
  );
  for (const line of goOn(chosen.name)) progress.line(line);
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
        refsOf: (choice) => imageRefs(context, choice),
        has: engine.has,
        provide: (refs) => provideImages(refs, engine, { waiting: step.waiting }),
        buildParts: () => buildParts({ dockerHost: address, log: partsLog(step) }),
        line: step.line,
      }),
    ({ said }) => said,
  );
}

async function imageRefs(context: Session, choice: Choice): Promise<readonly string[]> {
  await demoFleet(context, choice);
  const { plan } = await loadPlan(context.folder, { ...context.environment, ...choice });
  return plan.nodes.flatMap(imagesOf);
}

/** What a person does next. */
function goOn(node: string): readonly string[] {
  return [
    "",
    `operate     . ${ENV_FILE}, and then any verb, as npm run mirador -- status`,
    "stop        npm run demo -- --down     (keeps the data)",
    "            npm run demo -- --clean    (removes the data too)",
    `deploy      . ${ENV_FILE} && npx cdktf deploy ${node}    (after a change of the fleet)`,
  ];
}
