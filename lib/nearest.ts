import { closest, distance } from "fastest-levenshtein";

/**
 * The name that somebody probably meant who wrote one that does not exist.
 * @returns `undefined` where none is near: two letters may differ, or a quarter of a longer name
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const meant = closest(name, [...known]);
  return distance(name, meant) <= Math.max(2, name.length / 4) ? meant : undefined;
}
