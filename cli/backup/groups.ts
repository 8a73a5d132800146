import { SIGNALS, type Signal } from "../../lib/fleet/definition";
import { STATE_PATH } from "../../lib/haproxy/peers";
import { type Group, groupCount } from "../../lib/plan/groups";
import { PORTS } from "../../lib/plan/ports";
import type { Trouble } from "../failure";
import { queuesTowards } from "../queues";
import { eyesOn } from "../up/node-eyes";
import type { SeenNode } from "../up/roll-out";
import { askFrom, countRows, type StoreOnHost, storesOn } from "./store";

/** What a node knows of the groups. */
export interface GroupView {
  readonly node: string;
  /** The group that answers its queries, by signal. */
  readonly choice: Readonly<Partial<Record<Signal, string>>>;
  /** Bytes in its queues, by exporter or agent. */
  readonly queues: ReadonlyMap<string, number>;
}

/** Asks a node that answers; one whose programs do not is left out by throwing. */
export async function viewOf({ plan, engine }: SeenNode): Promise<GroupView> {
  const url = `http://127.0.0.1:${PORTS.haproxyInternal}${STATE_PATH}`;
  const [state, queues] = await Promise.all([
    askFrom(plan, engine.client, url, "-q").catch(() => ""),
    eyesOn(plan, engine.client, engine.aheadSeconds).queues(),
  ]);
  const choices = [...state.matchAll(/^choice (\w+) (\w+)$/gm)].map(([, signal, group]) => [signal, group]);
  return { node: plan.name, choice: Object.fromEntries(choices), queues };
}

/** Bytes that wait for a group at any node that was asked. */
export function waitingFor(views: readonly GroupView[], signal: Signal, group: Group): number {
  const towards = queuesTowards(signal, group);
  const sizes = views.flatMap(({ queues }) => towards.map((queue) => queues.get(queue) ?? 0));
  return sizes.reduce((all, size) => all + size, 0);
}

/** A storage that answers, and the rows that it has. */
export interface CountedStore extends StoreOnHost {
  readonly rows: number;
}

/** The storages that a backup of one signal is made of. */
export interface PickedStores {
  readonly signal: Signal;
  readonly group: Group;
  /** In the order of the group's nodes. */
  readonly stores: readonly CountedStore[];
  /** What the person should know of the other group. */
  readonly note?: string;
}

export interface PickRequest {
  readonly fleet: { readonly nodes: readonly unknown[] };
  /** Of all nodes that have data of the fleet, by group, whether they answer or not. */
  readonly holders: Readonly<Record<Signal, readonly { readonly node: string; readonly group: Group }[]>>;
  /** Those that answer. */
  readonly stores: readonly CountedStore[];
  readonly views: readonly GroupView[];
  /** @default - for each signal the one that answers queries, or lacks the least */
  readonly wanted?: Group | "all";
}

interface Candidate extends PickedStores {
  /** Nodes whose balancer lets it answer. */
  readonly answers: number;
  /** Nodes of it that do not answer. */
  readonly away: readonly string[];
  readonly waiting: number;
  readonly rows: number;
}

const fuller = (one: Candidate, other: Candidate): number => (one.rows > other.rows * DIFFERENCE ? 1 : 0);

/** Beyond it two groups do not have the same: what comes at this moment, and what was stored twice, is less. */
const DIFFERENCE = 1.01;

/**
 * Each group should have everything. Of those whose storages all answer the one with clearly more rows is backed up: the
 * other one was empty once, or lost its disk. Among equals it is the one that the balancers let answer, and then the one for
 * which less waits.
 * @returns what is in the way, for each signal that no group has complete
 */
export function pickGroups(request: PickRequest): readonly (PickedStores | Trouble)[] {
  const { wanted } = request;
  return SIGNALS.flatMap((signal): readonly (PickedStores | Trouble)[] => {
    const candidates = GROUPS.slice(0, groupCount(request.fleet.nodes.length))
      .filter((group) => wanted === undefined || wanted === "all" || wanted === group)
      .map((group) => candidateOf(request, signal, group));
    if (wanted === "all") return candidates.map((one) => (one.away.length === 0 ? one : incomplete(signal, [one])));
    const [best] = candidates
      .filter(({ away }) => away.length === 0)
      .toSorted((a, b) => fuller(b, a) - fuller(a, b) || b.answers - a.answers || a.waiting - b.waiting);
    if (best === undefined) return [incomplete(signal, candidates)];
    const other = candidates.find((one) => one !== best && fuller(best, one) > 0);
    return other === undefined
      ? [best]
      : [
          {
            ...best,
            note: `group ${other.group} has ${other.rows} rows of ${signal}, group ${best.group} has ${best.rows}`,
          },
        ];
  });
}

const GROUPS: readonly Group[] = ["a", "b"];

function candidateOf({ holders, stores, views }: PickRequest, signal: Signal, group: Group): Candidate {
  const own = stores.filter((store) => store.signal === signal && store.node.plan.group === group);
  const here = new Set(own.map(({ node }) => node.plan.name));
  const away = holders[signal].filter((holder) => holder.group === group && !here.has(holder.node));
  return {
    ...{ signal, group, stores: own },
    answers: views.filter(({ choice }) => choice[signal] === group).length,
    away: away.map(({ node }) => node),
    waiting: waitingFor(views, signal, group),
    rows: own.reduce((all, { rows }) => all + rows, 0),
  };
}

function incomplete(signal: Signal, candidates: readonly Candidate[]): Trouble {
  const away = candidates.flatMap(({ group, away: nodes }) => nodes.map((node) => `${node} (group ${group})`));
  const which = candidates.length === 1 ? `group ${candidates[0]?.group} has not` : "no storage group has";
  return {
    code: "backup/no-group",
    what: `${which} all of its stores of ${signal}: ${away.join(", ")} ${away.length === 1 ? "does" : "do"} not answer`,
    where: "the storages",
    fix: "npm run mirador -- status shows what is away, and npm run mirador -- up brings it back; nothing was backed up",
  };
}

/** The storages of a node that answer now. */
export async function answeringStores(node: SeenNode): Promise<readonly CountedStore[]> {
  const found = await Promise.all(
    storesOn(node).map(async (store) => {
      const rows = await countRows(store).catch(() => undefined);
      return rows === undefined ? [] : [{ ...store, rows }];
    }),
  );
  return found.flat();
}
