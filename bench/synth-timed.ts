import { App } from "cdktf";
import { NodeStack } from "../constructs/node-stack";
import { loadPlan } from "../inputs/load-plan";

/** What main.ts does, with a clock; all modules are loaded before it starts. */
async function main(): Promise<void> {
  const started = performance.now();
  const { plan, stateFolder } = await loadPlan(process.cwd(), process.env);
  const planned = performance.now();
  const app = new App();
  for (const node of plan.nodes) new NodeStack(app, node.name, { plan: node, stateFolder });
  app.synth();
  const seconds = (from: number, to: number): number => (to - from) / 1000;
  console.log(JSON.stringify({ plan: seconds(started, planned), synth: seconds(planned, performance.now()) }));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
