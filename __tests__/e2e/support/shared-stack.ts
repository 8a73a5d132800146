import { inject } from "vitest";
import { sharedFleet } from "./fleets";
import { status } from "./query";
import { Stack } from "./stack";

export const context = inject("e2e");

/** The stack that the files share. */
export const stack = new Stack(context, sharedFleet(context.metricsLayout));

/** Deploys it, or brings back what an earlier file changed. */
export async function ready(): Promise<void> {
  await stack.apply();
  const answer = await status(stack.url("stats", "/readyz"));
  if (answer !== 200) throw new Error(`/readyz answers ${answer} after an apply that succeeded`);
}
