import type Docker from "dockerode";
import { nodePrefix } from "../lib/plan/node-plan";
import { ProblemError } from "../lib/problem";
import { askedChoice, demoFleet, initStep, machineStep, secretStep, synthSaid, tellFleet } from "./demo-context";
import { remove } from "./deployment";
import type { Choice } from "./engine-images";
import { ENV_FILE, forgetEnvFile } from "./env-file";
import { CliError, EXIT } from "./failure";
import { deployedStacks, type LastStack } from "./last-stack";
import type { Session } from "./session";
import { SynthError, synth } from "./terraform";

export interface DownOptions {
  /** Remove the data volumes too. */
  readonly clean: boolean;
}

/** Removes the demo's node; its data volumes only when asked. */
export async function demoDown(context: Session, { clean }: DownOptions): Promise<void> {
  const { progress } = context;
  const asked = askedChoice(context);
  tellFleet(context, asked);
  const { fleet, node, client, folders, guessed } = await nodeToRemove(context, asked);
  const { place } = await initStep(context, node, asked, asked.TF_CLI_CONFIG_FILE);
  const prefix = nodePrefix(fleet, node);
  await remove({ place, client, fleet, node, prefix, network: prefix, progress });

  const volumes = await dataVolumes(client, prefix);
  if (clean && !guessed) await cleanStep(context, client, volumes);
  else if (volumes.length > 0) {
    progress.note("data kept", volumes.join(", "));
    progress.note("", guessed ? keptFor(volumes) : "npm run demo finds it again; npm run demo -- --clean removes it");
  }
  if (folders.length > 0)
    progress.note("data kept", `in folders of the host, which are never removed: ${folders.join(", ")}`);
}

interface NodeToRemove {
  readonly fleet: string;
  readonly node: string;
  readonly client: Docker;
  /** Folders of the host that hold data. */
  readonly folders: readonly string[];
  /** No fleet named it, so that its data is not removed. */
  readonly guessed: boolean;
}

const keptFor = (volumes: readonly string[]): string =>
  `no fleet says that it may go; to remove it: docker volume rm ${volumes.join(" ")}`;

/** The node of the fleet; of one that cannot be used any more, the node that was deployed from here. */
async function nodeToRemove(context: Session, asked: Choice): Promise<NodeToRemove> {
  const { progress, folder, environment } = context;
  try {
    const { fleet, node } = await demoFleet(context, asked);
    const { client } = await machineStep(context, node);
    await secretStep(context, fleet);
    await progress.step(
      "synth",
      "the program writes what Terraform reads",
      () => synth({ folder, env: { ...environment, ...asked } }),
      () => synthSaid(node, asked),
    );
    return { fleet: fleet.name, node: node.name, client, folders: Object.values(fleet.storagePaths), guessed: false };
  } catch (error) {
    if (!isWrongFleet(error)) throw error;
    const [stack, ...others] = deployedStacks(folder, environment);
    if (stack === undefined || others.length > 0) throw nodeUnknown(error, [stack ?? [], others].flat());
    progress.note("fleet", `${asked.MIRADOR_FLEET ?? "fleet.ts"} cannot be used: ${firstOf(error)}`);
    progress.note("", `removing what was deployed from here: ${stack.node} of ${stack.fleet}, by its stack and state`);
    const { client } = await machineStep(context, { name: stack.node, docker: stack.docker });
    return { ...stack, client, guessed: true };
  }
}

const isWrongFleet = (error: unknown): error is Error =>
  ProblemError.is(error) || (error instanceof SynthError && error.exitCode === EXIT.wrongFleet);

/** The rest is told by whatever needs the fleet next. */
const firstOf = (error: Error): string =>
  ProblemError.is(error) ? (error.problems[0]?.what ?? "") : (error.message.split("\n")[0] ?? "");

function nodeUnknown(error: Error, stacks: readonly LastStack[]): CliError {
  const filter = (fleet: string, node: string): string =>
    `docker rm -f $(docker ps -aq --filter label=mirador.fleet=${fleet} --filter label=mirador.node=${node})`;
  const commands =
    stacks.length === 0 ? [filter("<fleet>", "<node>")] : stacks.map((one) => filter(one.fleet, one.node));
  const found =
    stacks.length === 0
      ? "no stack that was deployed from here is left"
      : `${stacks.map(({ node, fleet }) => `${node} of ${fleet}`).join(", ")} were deployed from here`;
  return new CliError(
    {
      code: "demo/node-unknown",
      what: `the fleet cannot be used, and ${found}: which node is to go is not known`,
      tail: error.message.split("\n"),
      fix: `mend the fleet and run the same command again; or remove the containers by hand, data volumes stay:\n${commands.join("\n")}`,
    },
    EXIT.wrongFleet,
  );
}

async function cleanStep({ progress, folder }: Session, client: Docker, volumes: readonly string[]): Promise<void> {
  await progress.step(
    "clean",
    "removing data volumes",
    async (step) => {
      for (const name of volumes) {
        step.line(`removing the data volume ${name}`);
        await client.getVolume(name).remove();
      }
      if (forgetEnvFile(folder)) step.line(`removing ${ENV_FILE}: the next demo begins with fleet.ts again`);
    },
    () => (volumes.length === 0 ? "there were no data volumes" : `${volumes.length} data volumes removed`),
  );
}

/** The data volumes of one node, by the names that its plan gives them. */
export async function dataVolumes(client: Docker, prefix: string): Promise<readonly string[]> {
  const { Volumes } = await client.listVolumes({ filters: { name: [`${prefix}-`] } });
  const names = (Volumes ?? []).map(({ Name }) => Name);
  return DATA.map((data) => `${prefix}-${data}-data`).filter((name) => names.includes(name));
}

const DATA = ["metrics", "logs", "traces", "queue"] as const;
