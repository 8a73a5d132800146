import { isAbsolute, relative, resolve } from "node:path";
import type { Session } from "./session";

/** Set by the shell function of `mirador completion`, which changes to the checkout: where the person is. */
export const TYPED_IN = "MIRADOR_TYPED_IN";

/**
 * A path as a person typed it, so that it can be used in the checkout, where every command runs: npm and the shell function
 * go there from wherever the person is. An address, such as `s3://bucket/folder`, stays as it is.
 */
export function typedPath({ folder, environment }: Pick<Session, "folder" | "environment">, typed: string): string {
  // npm hands its variable on to all that its scripts start, so it counts for the script of this command alone.
  const npm = environment.npm_lifecycle_event === "mirador" ? environment.INIT_CWD : undefined;
  const typedIn = environment[TYPED_IN] || npm || folder;
  if (typedIn === folder || isAbsolute(typed) || /^\w+:\/\//.test(typed)) return typed;
  const path = resolve(typedIn, typed);
  const within = relative(folder, path);
  return within.startsWith("..") ? path : within || ".";
}
