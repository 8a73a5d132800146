import type { Told } from "../deployment";
import type { Progress } from "../progress";

/** Tells the steps of one node under its name. */
export function underName(progress: Pick<Progress, "step" | "note">, node: string): Told {
  return {
    step: (_, waitsFor, work, said) => progress.step(node, waitsFor, work, said),
    note: (_, text) => progress.note(node, text),
  };
}
