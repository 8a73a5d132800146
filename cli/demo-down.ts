import type Docker from "dockerode";
import { nodePrefix } from "../lib/plan/node-plan";
import { ProblemError } from "../lib/problem";
import { askedChoice, demoFleet, machineStep, providerStep, secretStep, tellFleet } from "./demo-context";
import { remove } from "./deployment";
import type { Choice } from "./engine-images";
import { ENV_FILE, forgetEnvFile, type RememberedChoice } from "./env-file";
import { CliError, EXIT } from "./failure";
import { deployedStacks, type LastStack } from "./last-stack";
import { clean } from "./operate/clean";
import { down } from "./operate/down";
import type { Session } from "./session";
import { SynthError, terraformEnvironment } from "./terraform";
import { whileLocked } from "./verbs/locked";

export interface DownOptions {
  /** Remove the data volumes too. */
  readonly clean: boolean;
}

/**
 * `mirador down`, or `mirador clean`; and for a fleet that cannot be used any more, the node that was deployed from here is
 * removed by its stack.
 */
export async function demoDown(context: Session, { clean: withData }: DownOptions): Promise<void> {
  const { folder, progress } = context;
  const asked = askedChoice(context);
  tellFleet(context, asked);
  try {
    const { fleet, node } = await demoFleet(context, asked);
    await machineStep(context, node);
    await secretStep(context, fleet);
    const session = { ...context, environment: { ...context.environment, ...asked } };
    await whileLocked(session, [withData ? "clean" : "down"], () =>
      withData ? clean(session, { nodes: [], yes: true }) : down(session, []),
    );
  } catch (error) {
    if (!isWrongFleet(error)) throw error;
    return removeByStack(context, asked, error);
  }
  if (withData && forgetEnvFile(folder)) progress.line(`removed ${ENV_FILE}: the next demo begins with fleet.ts again`);
  if (!withData) progress.line("npm run demo does so, too; npm run demo -- --clean removes the data");
}

/** No fleet says that its data may go, so that stays. */
async function removeByStack(context: Session, asked: Choice & RememberedChoice, reason: Error): Promise<void> {
  const { progress, folder, environment, interrupt } = context;
  const [stack, ...others] = deployedStacks(folder, environment);
  if (stack === undefined || others.length > 0) throw nodeUnknown(reason, [stack ?? [], others].flat());
  const { fleet, node, folders } = stack;
  progress.note("fleet", `${asked.MIRADOR_FLEET ?? "fleet.ts"} cannot be used: ${firstOf(reason)}`);
  progress.note("", `removing what was deployed from here: ${node} of ${fleet}, by its stack and state`);
  const { client } = await machineStep(context, { name: node, docker: stack.docker });
  const { TF_CLI_CONFIG_FILE: known } = asked;
  const remembered = known === undefined ? {} : { terraformConfigFile: known };
  const file = await providerStep(context, node, asked, { ...remembered, written: true });
  const place = { folder, node, interrupt, env: terraformEnvironment({ ...environment, ...asked }, file) };
  const prefix = nodePrefix(fleet, node);
  await remove({ place, client, fleet, node, prefix, network: prefix, progress });
  const volumes = await dataVolumes(client, prefix);
  if (volumes.length > 0) {
    progress.note("data kept", volumes.join(", "));
    progress.note("", `no fleet says that it may go; to remove it: docker volume rm ${volumes.join(" ")}`);
  }
  if (folders.length > 0)
    progress.note("data kept", `in folders of the host, which are never removed: ${folders.join(", ")}`);
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

/** The data volumes of one node, by the names that its plan gives them. */
export async function dataVolumes(client: Docker, prefix: string): Promise<readonly string[]> {
  const { Volumes } = await client.listVolumes({ filters: { name: [`${prefix}-`] } });
  const names = (Volumes ?? []).map(({ Name }) => Name);
  return DATA.map((data) => `${prefix}-${data}-data`).filter((name) => names.includes(name));
}

const DATA = ["metrics", "logs", "traces", "queue"] as const;
