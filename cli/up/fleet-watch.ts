import type { Signal } from "../../lib/fleet/definition";
import { YOUNG_SECONDS } from "../../lib/haproxy/reads";
import type { Group } from "../../lib/plan/groups";
import { isDrained, queuesTowards, sizeText } from "../queues";

/** What can be asked of a node from here. A rejected promise is no answer. */
export interface NodeEyes {
  readonly name: string;
  readonly group: Group;
  /** The service that is missing; nothing when the node is ready. */
  readonly missing: () => Promise<string | undefined>;
  /** Sizes of the queues of its gateway and its agents by {@link queuesTowards}, in bytes. */
  readonly queues: () => Promise<ReadonlyMap<string, number>>;
  /** Seconds since each of its stores started, by service. */
  readonly storeAges: () => Promise<ReadonlyMap<string, number>>;
}

export interface WatchOptions {
  /** Nodes that are deployed by now. */
  readonly nodes: () => readonly NodeEyes[];
  readonly signals: readonly Signal[];
  /** Of the largest batch that a gateway sends. */
  readonly batchBytes: number;
}

/** Balancers take a store for one that lacks its last seconds until it is this old; a little later for their looks. */
const SETTLED_SECONDS = YOUNG_SECONDS + 3;

/** What stands in the way of taking a node away, or of going on to the next one. Asked once a second or so. */
export class FleetWatch {
  private readonly sizes = new Map<string, number[]>();

  constructor(private readonly options: WatchOptions) {}

  /**
   * Why the other nodes cannot carry the fleet while `name` is away: one is not ready, or the group that will be the only
   * whole one has just started, or has not got everything.
   */
  public async withoutNode(name: string, group: Group): Promise<readonly string[]> {
    const nodes = this.options.nodes();
    const others = nodes.filter((node) => node.name !== name);
    const left: Group = group === "a" ? "b" : "a";
    const found = await Promise.all([
      ...others.map(notReady),
      ...others.filter((node) => node.group === left).map(justStarted),
      // What waits on the node itself is away with it.
      ...nodes.map((node) => this.backlog(node, left, node.name === name)),
    ]);
    return [...new Set(found.flat())];
  }

  /** Why a node that was deployed is not yet as good as before. @param wholeGroup all nodes of its group are there */
  public async afterNode(name: string, group: Group, wholeGroup: boolean): Promise<readonly string[]> {
    const nodes = this.options.nodes();
    const found = await Promise.all([
      this.readiness(name),
      ...(wholeGroup ? nodes.map((node) => this.backlog(node, group, false)) : []),
    ]);
    return [...new Set(found.flat())];
  }

  /** Why a node is not ready; nothing when it was never deployed. */
  public async readiness(name: string): Promise<readonly string[]> {
    const own = this.options.nodes().filter((node) => node.name === name);
    return (await Promise.all(own.map(notReady))).flat();
  }

  /** What was seen before a change says nothing about what comes after it. */
  public forget(): void {
    this.sizes.clear();
  }

  /** @param lenient a gateway that does not answer is nobody's hindrance: it may be why its node is changed */
  private async backlog({ name, queues }: NodeEyes, group: Group, lenient: boolean): Promise<readonly string[]> {
    const { signals, batchBytes } = this.options;
    let sizes: ReadonlyMap<string, number>;
    try {
      sizes = await queues();
    } catch (error) {
      return lenient ? [] : [`the gateway of ${name} does not tell its queues (${reasonOf(error)})`];
    }
    return signals.flatMap((signal) => {
      const key = `${name} ${signal} ${group}`;
      // A node that was deployed when the fleet had one group has no queue for the other one.
      const bytes = queuesTowards(signal, group).reduce((all, queue) => all + (sizes.get(queue) ?? 0), 0);
      const seen = [...(this.sizes.get(key) ?? []), bytes].slice(-10);
      this.sizes.set(key, seen);
      if (isDrained(seen, batchBytes)) return [];
      const last = seen.at(-1) ?? 0;
      // The first look says nothing yet.
      return seen.length < 2 && last <= batchBytes
        ? [`a second look at the queues of ${name}`]
        : [`${sizeText(last)} of ${signal} wait at ${name} for group ${group}`];
    });
  }
}

async function notReady({ name, missing }: NodeEyes): Promise<readonly string[]> {
  try {
    const service = await missing();
    return service === undefined ? [] : [`${name} is not ready (${service})`];
  } catch (error) {
    return [`${name} does not answer (${reasonOf(error)})`];
  }
}

async function justStarted({ name, storeAges }: NodeEyes): Promise<readonly string[]> {
  try {
    const ages = [...(await storeAges())];
    const young = ages.filter(([, seconds]) => seconds < SETTLED_SECONDS);
    return young.map(([service, seconds]) => `${service} of ${name} started ${Math.max(0, Math.floor(seconds))} s ago`);
  } catch (error) {
    return [`the engine of ${name} does not answer (${reasonOf(error)})`];
  }
}

/** `fetch` hides what happened in the cause. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code || cause?.message || message;
}
