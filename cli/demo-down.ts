import type Docker from "dockerode";
import { nodePrefix } from "../lib/plan/node-plan";
import { askedChoice, demoFleet, initStep, machineStep, secretStep, synthSaid } from "./demo-context";
import { remove } from "./deployment";
import { forgetEnvFile } from "./env-file";
import type { Session } from "./session";
import { synth } from "./terraform";

export interface DownOptions {
  /** Remove the data volumes too. */
  readonly clean: boolean;
}

/** Removes the demo's node; its data volumes only when asked. */
export async function demoDown(context: Session, { clean }: DownOptions): Promise<void> {
  const { progress, folder, environment } = context;
  const asked = askedChoice(context);
  const { fleet, node } = await demoFleet(context, asked);
  const { client } = await machineStep(context, node);
  await secretStep(context, fleet);
  await progress.step(
    "synth",
    "the program writes what Terraform reads",
    () => synth({ folder, env: { ...environment, ...asked } }),
    () => synthSaid(node, asked),
  );
  const { place } = await initStep(context, node.name, asked, asked.TF_CLI_CONFIG_FILE);
  const prefix = nodePrefix(fleet.name, node.name);
  await remove({ place, client, fleet: fleet.name, node: node.name, prefix, network: prefix, progress });

  const volumes = await dataVolumes(client, prefix);
  const folders = Object.values(fleet.storagePaths);
  if (clean) await cleanStep(context, client, volumes);
  else if (volumes.length > 0) {
    progress.note("data kept", volumes.join(", "));
    progress.note("", "npm run demo finds it again; npm run demo -- --clean removes it");
  }
  if (folders.length > 0)
    progress.note("data kept", `in folders of the host, which are never removed: ${folders.join(", ")}`);
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
      forgetEnvFile(folder);
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
