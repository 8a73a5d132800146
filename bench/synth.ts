import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { writeFleetOf } from "./fleet";
import { runProgram } from "./program";
import type { Session } from "./session";
import { type Spread, spreadOf } from "./statistics";

export interface SynthResult {
  readonly nodes: number;
  /** `node --import tsx main.ts`, from start to end, in seconds. */
  readonly program: Spread;
  /** Loading the fleet and deciding everything, in a fresh process. */
  readonly plan: Spread;
  /** Stacks to files, in a fresh process. */
  readonly synth: Spread;
}

const SIZES = [1, 10, 100];
const REPEATS = 5;
const ROOT = join(__dirname, "..");
const TSX = pathToFileURL(require.resolve("tsx")).href;

export async function measureSynth(session: Session): Promise<readonly SynthResult[]> {
  const results: SynthResult[] = [];
  for (const nodes of SIZES) {
    const fleet = writeFleetOf(session.folder, nodes);
    const program: number[] = [];
    const plan: number[] = [];
    const synth: number[] = [];
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      program.push((await runNode(session, join(ROOT, "main.ts"), fleet)).seconds);
      const { stdout } = await runNode(session, join(__dirname, "synth-timed.ts"), fleet);
      const timed = JSON.parse(stdout) as { plan: number; synth: number };
      plan.push(timed.plan);
      synth.push(timed.synth);
    }
    results.push({ nodes, program: spreadOf(program), plan: spreadOf(plan), synth: spreadOf(synth) });
    session.log(`synth of ${nodes} nodes: ${spreadOf(program).median.toFixed(2)} s`);
  }
  return results;
}

/** In the temporary folder, where no `.env` of the checkout changes what is measured. */
export function runNode({ folder, environment, signal }: Session, program: string, fleet?: string) {
  return runProgram(process.execPath, ["--import", TSX, program], {
    cwd: folder,
    env: { ...environment, ...(fleet === undefined ? {} : { MIRADOR_FLEET: fleet }) },
    signal,
  });
}
