import { nearest } from "../lib/nearest";
import { CliError, EXIT } from "./failure";

/**
 * The nodes that a command names, in its order; all of them when it names none.
 * @throws CliError `fleet/unknown-node`
 */
export function chosenNodes<T extends { readonly name: string }>(
  all: readonly T[],
  named: readonly string[],
): readonly T[] {
  return chosen(all, named, { code: "fleet/unknown-node", what: "node" });
}

/**
 * The same for anything that has a name.
 * @param all in the order in which they are shown
 */
export function chosen<T extends { readonly name: string }>(
  all: readonly T[],
  named: readonly string[],
  { code, what }: { readonly code: string; readonly what: string },
): readonly T[] {
  const unknown = named.filter((name) => all.every((one) => one.name !== name));
  if (unknown.length > 0) {
    const names = [...new Set(all.map(({ name }) => name))];
    const meant = [...new Set(unknown.flatMap((name) => nearest(name, names) ?? []))];
    throw new CliError(
      {
        code,
        what: `the fleet has no ${what} ${unknown.join(", ")}`,
        where: "the command's arguments",
        fix: `${meant.length > 0 ? `did you mean ${meant.join(", ")}? ` : ""}name some of: ${names.join(" ")}`,
      },
      EXIT.usage,
    );
  }
  if (named.length === 0) return all;
  return [...new Set(named)].flatMap((name) => all.find((one) => one.name === name) ?? []);
}
