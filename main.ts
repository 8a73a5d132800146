import { App } from "cdktf";
import { NodeStack } from "./constructs/node-stack";
import { loadPlan } from "./inputs/load-plan";
import { ProblemError } from "./lib/problem";

/** Exit status of a fleet that cannot be used; scripts branch on it. */
const WRONG_FLEET = 65;

async function main(): Promise<void> {
  const { plan, stateFolder } = await loadPlan(process.cwd(), process.env);
  for (const warning of plan.warnings) console.error(`warning ${warning}`);
  const app = new App();
  for (const node of plan.nodes) new NodeStack(app, node.name, { plan: node, stateFolder });
  app.synth();
}

main().catch((error: unknown) => {
  console.error(ProblemError.is(error) ? error.message : error);
  process.exitCode = ProblemError.is(error) ? WRONG_FLEET : 1;
});
