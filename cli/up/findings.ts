import { formatTrouble, type Trouble } from "../failure";

/** What a look before anything is touched has found. */
export interface Findings {
  readonly errors: readonly Trouble[];
  /** Things to know that stop nothing. */
  readonly warnings: readonly Trouble[];
}

export const NOTHING_FOUND: Findings = { errors: [], warnings: [] };

export function together(found: readonly Findings[]): Findings {
  return { errors: found.flatMap(({ errors }) => errors), warnings: found.flatMap(({ warnings }) => warnings) };
}

export function formatWarning(trouble: Trouble): string {
  return formatTrouble(trouble).replace(/^error/, "warning");
}
