import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { change, initialized, runTerraform, type StackPlace, TerraformError } from "./terraform";
import { lastWords, type PlanSummary, parseInitErrors } from "./terraform-output";

/** A resource that Terraform compared: before, and as it would be. */
export interface TerraformChange {
  /** Such as `docker_container.gateway`. */
  readonly address: string;
  readonly type: string;
  readonly name: string;
  readonly change: {
    readonly actions: readonly string[];
    readonly before: Readonly<Record<string, unknown>> | null;
    readonly after: Readonly<Record<string, unknown>> | null;
    /** `true` under the name of each attribute that is only known after an apply. */
    readonly after_unknown?: unknown;
    readonly before_sensitive?: unknown;
    readonly after_sensitive?: unknown;
    /** What cannot be changed in place; each begins with an attribute. */
    readonly replace_paths?: readonly (readonly (string | number)[])[];
  };
}

/** Terraform's plan, as it writes it for programs: format 1. */
export interface TerraformPlan {
  readonly resource_changes?: readonly TerraformChange[];
  /** What was changed outside since the last apply. */
  readonly resource_drift?: readonly TerraformChange[];
}

/** A stack beside what its engine has. */
export interface Comparison {
  /** What an apply would do; all zero means that nothing differs. */
  readonly summary: PlanSummary;
  /** Empty when nothing differs. */
  readonly document: TerraformPlan;
  /** Ids of the containers that are the stack's own. */
  readonly containers: ReadonlySet<string>;
}

/** Compares a stack with its engine, and touches nothing. */
export function plan(place: StackPlace): Promise<Comparison> {
  return initialized(place, () => planInitialized(place));
}

async function planInitialized(place: StackPlace): Promise<Comparison> {
  // The plan holds what every container is made with: for nobody else, and gone at the end.
  const folder = mkdtempSync(join(tmpdir(), "mirador-plan-"));
  try {
    const file = join(folder, "plan");
    // Who only looks stands in nobody's way: a plan that holds the state would end a deploy that comes meanwhile.
    const { summary, owned } = await change(looking(place), ["plan", `-out=${file}`, "-lock=false"], {});
    const due = summary.add + summary.change + summary.destroy > 0;
    // To show a plan takes a third of the time that making it does.
    return { summary, document: due ? await show(place, file) : {}, containers: new Set(owned) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function show(place: StackPlace, file: string): Promise<TerraformPlan> {
  const lines: string[] = [];
  const { code, output } = await runTerraform(looking(place), ["show", "-json", file], (line) => lines.push(line));
  if (code !== 0) throw new TerraformError("show", parseInitErrors(output));
  // One line; complaints of Terraform about its own settings may stand around it.
  const document = lines.find((line) => line.startsWith("{"));
  if (document === undefined)
    throw new TerraformError("show", [{ severity: "error", summary: `it shows no plan: ${lastWords(output, null)}` }]);
  return JSON.parse(document);
}

/** Terraform and its provider live for a second or two, in which the garbage collector takes a quarter of their time. */
const looking = (place: StackPlace): StackPlace => ({ ...place, env: { GOGC: "400", ...place.env } });
