import type { Told } from "../deployment";
import { CliError, Interrupted, type Trouble } from "../failure";

/** A node that something is to be changed on, or not. */
export interface RollNode {
  readonly name: string;
  /** Terraform would change something. */
  readonly differs: boolean;
}

export interface RollRequest {
  /** In the order in which they are changed. */
  readonly nodes: readonly RollNode[];
  readonly told: (node: string) => Told;
  /** Others rely on the node: it is there, and so are others. */
  readonly isMissed: (node: string) => boolean;
  /** Why the fleet cannot do without the node right now; empty when it can. */
  readonly hindrances: (node: string) => Promise<readonly string[]>;
  /** Applies the node's stack. @throws when it fails; what runs then, runs on */
  readonly deploy: (node: string) => Promise<void>;
  /** Why the node is not yet as good as before. */
  readonly unsettled: (node: string) => Promise<readonly string[]>;
  /** Why a node with nothing to change is not ready all the same. */
  readonly unready: (node: string) => Promise<readonly string[]>;
  /** The node is back, or will not go. */
  readonly release: (node: string) => Promise<void>;
  /** Aborted when the person wants no more; what is under way is ended first. @default - never */
  readonly interrupt?: AbortSignal;
  /** How long each wait may take. */
  readonly waitSeconds: number;
  /** Milliseconds between two looks. @default 1000 */
  readonly lookMilliseconds?: number;
}

/** How far a change of the fleet came. */
export interface Rolled {
  readonly changed: readonly string[];
  readonly unchanged: readonly string[];
  /** The node that stopped it. */
  readonly failed?: string;
  /** Nodes that would have come after it. */
  readonly untouched: readonly string[];
}

/** A change that stopped at a node: `cause` says why. */
export class RollStopped extends Error {
  public override readonly name = "RollStopped";

  constructor(
    public readonly rolled: Rolled,
    public override readonly cause: unknown,
  ) {
    super(`stopped at ${rolled.failed}`);
  }
}

/**
 * Changes one node after the other. Before one is touched the others must be able to carry the fleet, and the next one
 * comes only when it is as good as before. The first failure ends it; so does a node with nothing to change that does not
 * get ready.
 * @throws RollStopped
 */
export async function roll(request: RollRequest): Promise<Rolled> {
  const { nodes, told } = request;
  const changed: string[] = [];
  const unchanged = nodes.filter(({ differs }) => !differs).map(({ name }) => name);
  const due = nodes.filter(({ differs }) => differs);
  for (const [index, node] of due.entries()) {
    try {
      await change(request, node, told(node.name));
    } catch (cause) {
      const untouched = due.slice(index + 1).map(({ name }) => name);
      throw new RollStopped({ changed, unchanged, failed: node.name, untouched }, cause);
    }
    changed.push(node.name);
  }
  for (const name of unchanged) {
    try {
      if ((await request.unready(name)).length > 0) await settle(request, name, told(name), request.unready);
    } catch (cause) {
      const others = unchanged.filter((other) => other !== name);
      throw new RollStopped({ changed, unchanged: others, failed: name, untouched: [] }, cause);
    }
  }
  return { changed, unchanged, untouched: [] };
}

async function change(request: RollRequest, { name }: RollNode, told: Told): Promise<void> {
  try {
    if (request.isMissed(name)) {
      const reasons = () => request.hindrances(name);
      await told.step(
        "waits",
        "looking whether the fleet can do without it",
        (step) => untilNone(request, reasons, step.waiting, (found) => notWell(name, found)),
        () => "the fleet can do without it",
      );
    }
    stopIfInterrupted(request);
    await request.deploy(name);
    await settle(request, name, told, request.unsettled);
  } finally {
    await request.release(name);
  }
}

async function settle(
  request: RollRequest,
  name: string,
  told: Told,
  look: (node: string) => Promise<readonly string[]>,
): Promise<void> {
  await told.step(
    "settles",
    "looking whether it is as good as before",
    (step) =>
      untilNone(
        request,
        () => look(name),
        step.waiting,
        (reasons) => notSettled(name, reasons),
      ),
    () => "ready, and what waited for it has been sent",
  );
}

function stopIfInterrupted({ interrupt }: RollRequest): void {
  if (interrupt?.aborted) throw new Interrupted("stopped between two steps");
}

async function untilNone(
  request: RollRequest,
  look: () => Promise<readonly string[]>,
  waiting: (text: string) => void,
  trouble: (reasons: readonly string[]) => Trouble,
): Promise<void> {
  const { waitSeconds, lookMilliseconds = 1_000 } = request;
  for (const end = performance.now() + waitSeconds * 1000; ; ) {
    stopIfInterrupted(request);
    const reasons = await look();
    if (reasons.length === 0) return;
    waiting(`waiting: ${reasons.join("; ")}`);
    if (performance.now() >= end) throw new CliError(trouble(reasons));
    await new Promise((resolve) => setTimeout(resolve, lookMilliseconds));
  }
}

function notWell(node: string, reasons: readonly string[]): Trouble {
  return {
    code: "up/fleet-not-well",
    what: `${node} was not touched, because the fleet cannot do without it:\n${reasons.join("\n")}`,
    fix: `mend that first; --wait gives it longer; if it is ${node} itself that would mend it: npx cdktf deploy ${node}`,
  };
}

function notSettled(node: string, reasons: readonly string[]): Trouble {
  return {
    code: "up/node-not-settled",
    what: `${node} is as the fleet says, and it is not as good as it should be:\n${reasons.join("\n")}`,
    fix: "see the logs of the services that it names; the same command again goes on when it is well, --wait gives it longer",
  };
}
