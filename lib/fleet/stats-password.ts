import { PASSWORD_MAX_BYTES, PASSWORD_MIN_CHARACTERS } from "../haproxy/password";
import type { Problem } from "../problem";

/**
 * What is wrong with a password of the stats page. The text itself is never told.
 * @param where what the user set: a variable, a file
 */
export function statsPasswordProblems(password: string, where: string): readonly Problem[] {
  const fix = `use ${PASSWORD_MIN_CHARACTERS} characters to ${PASSWORD_MAX_BYTES} bytes`;
  if (password.trim() === "")
    return [{ code: "secret/blank", what: "the password of the stats page is blank", where, fix }];
  if (password.length < PASSWORD_MIN_CHARACTERS)
    return [{ code: "secret/unusable", what: "the password of the stats page is too short", where, fix }];
  if (new TextEncoder().encode(password).length <= PASSWORD_MAX_BYTES) return [];
  return [{ code: "secret/unusable", what: "the password of the stats page is longer than bcrypt reads", where, fix }];
}
