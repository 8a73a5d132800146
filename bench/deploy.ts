import { rm } from "node:fs/promises";
import { join } from "node:path";
import { addressesOf, apply, destroy, init, type StackPlace } from "../cli/terraform";
import { plan } from "../cli/terraform-plan";
import { BENCH_NODE } from "./fleet";
import type { Session } from "./session";
import { sweep } from "./session";
import { type Spread, spreadOf } from "./statistics";
import { runNode } from "./synth";

export interface DeployResult {
  readonly rounds: number;
  /** Seconds of each step, in order. */
  readonly steps: Readonly<Record<string, Spread>>;
}

type Seconds = Readonly<Record<string, number>>;

/** One node, from no container, no network, no volume and no initialized Terraform to healthy, and away again. */
export async function measureDeploy(session: Session): Promise<DeployResult> {
  const rounds: Seconds[] = [];
  for (let round = 1; round <= session.settings.rounds; round++) {
    const { place, seconds } = await deploy(session);
    const second = await timed(() => plan(place));
    const { add, change, destroy: removed } = second.value.summary;
    if (add + change + removed > 0)
      throw new Error(`the second plan is not empty: ${JSON.stringify(second.value.summary)}`);
    const away = await timed(() => destroy(place));
    await sweep(session);
    rounds.push({ ...seconds, [SECOND_PLAN]: second.seconds, destroy: away.seconds });
    session.log(`deploy, round ${round}: healthy in ${seconds[HEALTHY]?.toFixed(1)} s`);
  }
  const steps = Object.keys(rounds[0] ?? {});
  return {
    rounds: rounds.length,
    steps: Object.fromEntries(steps.map((step) => [step, spreadOf(rounds.map((seconds) => seconds[step] ?? 0))])),
  };
}

export const HEALTHY = "from nothing to healthy";
export const SECOND_PLAN = "second plan (empty)";

/** As `up` does it: images first, so that one that is missing takes nothing down. Success means healthy. */
export async function deploy(session: Session): Promise<{ readonly place: StackPlace; readonly seconds: Seconds }> {
  const { folder, environment: env, signal } = session;
  const place: StackPlace = { folder, env, node: BENCH_NODE, interrupt: signal };
  // The folder of an earlier round holds an initialized Terraform.
  await rm(join(folder, "cdktf.out"), { recursive: true, force: true });
  const synth = await timed(() => runNode(session, join(__dirname, "../main.ts")));
  const initialized = await timed(() => init(place));
  const images = await timed(() => apply(place, { targets: addressesOf(place, "docker_image") }));
  const applied = await timed(() => apply(place));
  const steps = {
    synth: synth.seconds,
    "terraform init": initialized.seconds,
    "apply: images (present)": images.seconds,
    "apply: until ready": applied.seconds,
  };
  const total = Object.values(steps).reduce((sum, seconds) => sum + seconds, 0);
  return { place, seconds: { ...steps, [HEALTHY]: total } };
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly seconds: number }> {
  const started = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - started) / 1000 };
}
