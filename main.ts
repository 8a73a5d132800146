import { join } from "node:path";
import { App, CONTEXT_ENV } from "cdktf";
import { NodeStack } from "./constructs/node-stack";
import { loadPlan } from "./inputs/load-plan";
import { summarizeFleet } from "./lib/plan/summary";
import { formatProblem, ProblemError } from "./lib/problem";

/** Exit status of a fleet that cannot be used; scripts branch on it. */
const WRONG_FLEET = 65;

async function main(): Promise<void> {
  // cdktf runs this too: it calls all that is on stderr an error, and tells of the stacks itself.
  const byCdktf = process.env[CONTEXT_ENV] !== undefined;
  const say = byCdktf ? console.log : console.error;
  const { fleet, plan, stateFolder } = await loadPlan(process.cwd(), process.env, { say });
  for (const warning of plan.warnings) say(`warning ${warning}`);
  for (const problem of plan.belowFloor) say(formatProblem(problem, "warning"));
  const app = new App();
  const stacks = plan.nodes.map((node) => new NodeStack(app, node.name, { plan: node, stateFolder }));
  app.synth();
  if (byCdktf) return;
  if (plan.nodes.length > 1) for (const line of summarizeFleet(fleet)) say(line);
  for (const stack of stacks) console.log(join(app.outdir, app.manifest.forStack(stack).synthesizedStackPath));
}

main().catch((error: unknown) => {
  console.error(ProblemError.is(error) ? error.message : error);
  process.exitCode = ProblemError.is(error) ? WRONG_FLEET : 1;
});
