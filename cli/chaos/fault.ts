import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import type { NodePlan } from "../../lib/plan/node-plan";
import { CliError } from "../failure";
import { chosenServices } from "../operate/nodes";
import { dockerCommand, withinSeconds } from "../up/engines";

/** What can be done to a node on purpose. */
export const FAULT_KINDS = ["kill", "hang", "cut"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** What of a fault's node is needed. */
export interface FaultPlace {
  readonly plan: NodePlan;
  readonly engine: { readonly address: string; readonly client: Docker };
}

/** Of a container's place in the node's network, what the engine does not find again by itself. */
interface NetworkPlace {
  readonly Aliases: readonly string[];
  /** An address that somebody chose. */
  readonly IPAMConfig?: object;
}

/** An engine that stops or pauses a whole node at once is busy. */
const CALL_SECONDS = 20;
/** How long an engine that does not answer is asked to undo a fault. */
const UNDO_SECONDS = 60;
const UNDO_AGAIN_MILLISECONDS = 2_000;

/** A fault that is still to come: its containers and how they were before. */
export class Fault {
  private readonly networks = new Map<string, NetworkPlace>();

  /** @param services whose containers are struck, as {@link struckServices} names them */
  constructor(
    public readonly kind: FaultKind,
    private readonly place: FaultPlace,
    public readonly services: readonly string[],
  ) {}

  /** @throws CliError `chaos/not-struck` with what stood in the way; some containers may be struck by then */
  public async begin(): Promise<void> {
    try {
      if (this.kind === "cut")
        await this.each(async (name) => void this.networks.set(name, await this.networkOf(name)));
      await this.each((name) => this.strike(name));
    } catch (error) {
      throw new CliError({
        code: "chaos/not-struck",
        what: `not every container could be ${WORDS[this.kind].done}: ${(error as Error).message}; what was done is undone`,
        where: this.place.engine.address,
        fix: "npm run mirador -- status shows what runs; then run the same command again",
      });
    }
  }

  /**
   * Makes everything as it was. May be called at any time and again: each container is looked at first.
   * @throws CliError `chaos/not-undone` with the command by which a person does it
   */
  public async undo(): Promise<void> {
    let left = this.containers;
    for (const end = performance.now() + UNDO_SECONDS * 1000; ; await sleep(UNDO_AGAIN_MILLISECONDS)) {
      const reasons = new Map<string, string>();
      const mend = (name: string) =>
        within(this.mend(name)).catch((error: Error) => void reasons.set(name, error.message));
      await Promise.all(left.map(mend));
      left = [...reasons.keys()];
      if (left.length === 0) return;
      if (performance.now() < end) continue;
      throw new CliError({
        code: "chaos/not-undone",
        what: `${left.join(", ")} of ${this.place.plan.name} ${left.length === 1 ? "is" : "are"} ${WORDS[this.kind].done} still: ${[...new Set(reasons.values())].join("; ")}`,
        where: this.place.engine.address,
        fix: `when the engine answers again: ${this.byHand(left)}`,
      });
    }
  }

  /** How a person undoes it. @param names of containers. @default - all that are struck */
  public byHand(names: readonly string[] = this.containers): string {
    const { plan, engine } = this.place;
    const docker = dockerCommand(plan.docker, engine.address);
    if (this.kind !== "cut") return `${docker} ${this.kind === "kill" ? "start" : "unpause"} ${names.join(" ")}`;
    const alias = (name: string): string => name.slice(plan.prefix.length + 1);
    return names.map((name) => `${docker} network connect --alias ${alias(name)} ${plan.network} ${name}`).join(" && ");
  }

  private get containers(): readonly string[] {
    return this.services.map((service) => `${this.place.plan.prefix}-${service}`);
  }

  private async each(work: (name: string) => Promise<void>): Promise<void> {
    // All have settled before anything is undone: one that comes late would be struck afterwards.
    const settled = await Promise.allSettled(this.containers.map((name) => within(work(name))));
    for (const result of settled) if (result.status === "rejected") throw result.reason;
  }

  private async strike(name: string): Promise<void> {
    const { client } = this.place.engine;
    if (this.kind === "kill") await client.getContainer(name).kill({ signal: "SIGKILL" });
    else if (this.kind === "hang") await client.getContainer(name).pause();
    else await this.network.disconnect({ Container: name });
  }

  private async mend(name: string): Promise<void> {
    const container = this.place.engine.client.getContainer(name);
    const { State, NetworkSettings } = await container.inspect();
    if (this.kind === "kill" && !State.Running) await container.start().catch(unlessAlready);
    if (this.kind === "hang" && State.Paused) await container.unpause();
    const before = this.networks.get(name);
    if (before !== undefined && NetworkSettings.Networks[this.place.plan.network] === undefined)
      await this.network.connect({ Container: name, EndpointConfig: { ...before, Aliases: [...before.Aliases] } });
  }

  private get network(): Docker.Network {
    const { plan, engine } = this.place;
    return engine.client.getNetwork(plan.network);
  }

  private async networkOf(name: string): Promise<NetworkPlace> {
    const { network } = this.place.plan;
    const { Id, NetworkSettings } = await this.place.engine.client.getContainer(name).inspect();
    const found = NetworkSettings.Networks[network];
    if (found === undefined) throw new Error(`${name} is not in the network ${network}`);
    // Engines before 25 count the container's own id among the names, and add it again by themselves.
    const Aliases = (found.Aliases ?? []).filter((alias: string) => !Id.startsWith(alias));
    return { Aliases, ...(found.IPAMConfig ? { IPAMConfig: found.IPAMConfig } : {}) };
  }
}

/** Words for a person. */
export const WORDS: Readonly<
  Record<FaultKind, { readonly doing: string; readonly done: string; readonly undone: string }>
> = {
  kill: { doing: "killing", done: "killed", undone: "run again" },
  hang: { doing: "pausing", done: "paused", undone: "go on" },
  cut: { doing: "cutting off", done: "cut off", undone: "in the network again" },
};

/**
 * The services that a fault strikes. Without names all of a node; to cut a node off its balancer is enough, for it is the
 * only way in and out.
 * @throws CliError `fleet/unknown-service`
 */
export function struckServices(plan: NodePlan, kind: FaultKind, named: readonly string[]): readonly string[] {
  return named.length === 0 && kind === "cut" ? [plan.haproxy.service.service] : chosenServices([plan], named);
}

const within = <T>(work: Promise<T>): Promise<T> => withinSeconds(work, CALL_SECONDS);

/** Started by the engine itself meanwhile. */
function unlessAlready(error: { readonly statusCode?: number }): void {
  if (error.statusCode !== 304) throw error;
}
