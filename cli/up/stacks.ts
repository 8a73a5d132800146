import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { NodePlan } from "../../lib/plan/node-plan";
import { inTurns } from "../in-turns";
import type { Session } from "../session";
import { type StackPlace, stackFile, stackFolder, synth, terraformEnvironment } from "../terraform";
import { type Comparison, plan } from "../terraform-plan";

/**
 * Each is a Terraform with its provider, which waits more than it works: for the engine, and 2 s for the network whenever it
 * reads that (provider 4.6, `networkReadRefreshDelay`).
 */
export const PLANS_AT_ONCE = availableParallelism() + 1;

/** The program that writes all stacks, under way. */
export interface Stacks {
  /** Rejects with what the program refuses. */
  readonly written: Promise<void>;
  /** Known once `written` is there: what Terraform has said by then of a stack that is still the same. */
  compared(node: NodePlan): Promise<Comparison | undefined>;
  /** To be called when Terraform has compared the stack that was written. */
  remember(node: NodePlan): void;
  /** Ends all that is still under way, and waits for it. To be called at the end in any case. */
  stop(): Promise<void>;
}

/**
 * Has the program write all stacks. The stack of the last time is compared with its engine meanwhile, where the node's plan is
 * the same as then: nearly always that is what the program writes again, and the two take as long as one. Whether it did
 * decides what is written, so a program that somebody changed is not overlooked.
 */
export function beginStacks(
  { folder, environment, interrupt }: Pick<Session, "folder" | "environment" | "interrupt">,
  nodes: readonly NodePlan[],
): Stacks {
  const ending = new AbortController();
  const env = terraformEnvironment(environment);
  const placeOf = ({ name }: NodePlan): StackPlace => ({ folder, node: name, env });
  // Before the program begins: what it writes is compared with this.
  const known = new Map(
    nodes.flatMap((node) => {
      const stack = stackOf(placeOf(node));
      return stack !== undefined && remembered(placeOf(node)) === digestOf(node, stack) ? [[node.name, stack]] : [];
    }),
  );
  const either = AbortSignal.any([interrupt, ending.signal]);
  const early = inTurns(
    nodes.filter(({ name }) => known.has(name)),
    PLANS_AT_ONCE,
    async (node) => {
      const place: StackPlace = { ...placeOf(node), interrupt: either, interruptWith: "SIGKILL" };
      // It may have met a file that was just being written; whatever it is, it is told when it comes again.
      return [node.name, await plan(place).catch(() => undefined)] as const;
    },
  );
  // Terraform first: while it waits, the program has the processors for itself.
  const written = synth({ folder, env: environment }, known.size === 0);
  // Who waits for it hears of it; until then nobody does.
  written.catch(() => {});
  return {
    written,
    compared: async (node) => {
      const found = new Map(await early).get(node.name);
      return stackOf(placeOf(node)) === known.get(node.name) ? found : undefined;
    },
    remember: (node) => {
      const place = placeOf(node);
      writeFileSync(memory(place), `${digestOf(node, stackOf(place) ?? "")}\n`);
    },
    stop: async () => {
      ending.abort();
      await Promise.allSettled([written, early]);
    },
  };
}

function stackOf(place: StackPlace): string | undefined {
  try {
    return readFileSync(stackFile(place), "utf8");
  } catch {
    return undefined;
  }
}

/** Of a node's plan and of the stack that the program made of it. */
function digestOf(node: NodePlan, stack: string): string {
  return createHash("sha256").update(JSON.stringify(node)).update(stack).digest("hex");
}

const memory = (place: StackPlace): string => join(stackFolder(place), "compared.sha256");

function remembered(place: StackPlace): string | undefined {
  try {
    return readFileSync(memory(place), "utf8").trim();
  } catch {
    return undefined;
  }
}
