import { formatTrouble, type Trouble } from "../failure";

/** What a look before anything is touched has found. */
export interface Findings {
  readonly errors: readonly Trouble[];
  /** Things to know that stop nothing. */
  readonly warnings: readonly Trouble[];
}

export const NOTHING_FOUND: Findings = { errors: [], warnings: [] };

/** What several looks have found of one thing is told once. */
export function together(found: readonly Findings[]): Findings {
  return {
    errors: once(found.flatMap(({ errors }) => errors)),
    warnings: once(found.flatMap(({ warnings }) => warnings)),
  };
}

function once(troubles: readonly Trouble[]): readonly Trouble[] {
  const key = ({ code, what, where }: Trouble): string => `${code} ${where} ${what}`;
  return [...new Map(troubles.map((trouble) => [key(trouble), trouble])).values()];
}

export function formatWarning(trouble: Trouble): string {
  return formatTrouble(trouble).replace(/^error/, "warning");
}
