import { columns } from "../access-table";
import { formatTrouble } from "../failure";
import { type Findings, formatWarning, together } from "../up/findings";

/** One thing that was looked at. */
export interface Check extends Findings {
  /** `this machine`, `fleet`, or a node. */
  readonly of: string;
  readonly what: string;
  readonly state: "ok" | "warning" | "error";
  /** What was found. */
  readonly said: string;
}

/** A check by what was found. @param said when nothing was */
export function checked(
  of: string,
  what: string,
  { errors = [], warnings = [] }: Partial<Findings>,
  said: string,
): Check {
  const state = errors.length > 0 ? "error" : warnings.length > 0 ? "warning" : "ok";
  const codes = [...errors, ...warnings].map(({ code }) => code).join(", ");
  return { of, what, state, said: codes || said, errors, warnings };
}

/** A line for each check, and what is wrong in full. */
export function checksText(checks: readonly Check[]): readonly string[] {
  const { errors: wrong, warnings: known } = together(checks);
  const full = [...wrong.map(formatTrouble), ...known.map(formatWarning)];
  const [errors, warnings] = ["error", "warning"].map(
    (state) => checks.filter((check) => check.state === state).length,
  );
  return [
    ...columns([
      ["state", "of", "what", "found"],
      ...checks.map(({ state, of, what, said }) => [state, of, what, said]),
    ]),
    ...full.flatMap((text) => ["", ...text.split("\n")]),
    "",
    full.length === 0 ? `all ${checks.length} well` : `${errors} wrong, ${warnings} to know of, of ${checks.length}`,
  ];
}
