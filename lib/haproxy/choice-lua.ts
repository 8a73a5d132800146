import type { Signal } from "../fleet/definition";
import type { Group } from "../plan/groups";
import { PORTS } from "../plan/ports";
import { AGENTS } from "../victoria/agents";
import { type Endpoint, endpointUrl } from "../victoria/endpoints";
import { CHOICE_PROGRAM } from "./choice-program-lua";
import { peerStateUrl } from "./peers";
import { answersBackend, bornFile, CHOICE_FOLDER, type StickyRead, YOUNG_SECONDS } from "./reads";

/** What of the own node the program watches, to tell it to the others and to use it itself. */
export interface WatchedNode {
  readonly name: string;
  readonly peers: readonly string[];
  readonly gateway: Endpoint;
  /** The own store of a signal. */
  readonly stores: readonly WatchedStore[];
  /** The gateway's exporter that fills a group; its queue is what the group has not got yet. */
  readonly queue: (signal: Signal, group: Group) => string;
}

export interface WatchedStore {
  readonly signal: Signal;
  readonly storage: Endpoint;
}

/**
 * The program that HAProxy runs to choose the group that answers a signal.
 *
 * Both groups hold everything, so a choice is kept until the group in use fails; a group that comes back has a backlog,
 * and one whose store was killed has lost its last seconds for good, while it answers 200 from its first second on. Checks
 * alone miss a store that dies and is back within half a second, and they miss a backlog; so every node tells the others
 * how long its stores have been up and what its gateway and agents have still to send, and a group that answers is left only for one
 * whose stores have not just started and that lacks no more than it does itself.
 *
 * A node that has never chosen, or has lost its choice with its disk, asks the others: its own group may be the empty one.
 *
 * A group whose data began an hour or more after the other's answers only while that one cannot: when a fleet of one node
 * grows, the new group lacks everything from before, and no check shows it.
 *
 * A stick table would do without a program, but forgets its entry with the container, moves only when somebody asks, and
 * cannot tell a store that just started.
 */
export function choiceProgram(reads: readonly StickyRead[], node: WatchedNode): string {
  const names = (list: readonly string[]): string => `{ ${list.map(lua).join(", ")} }`;
  const signals = reads.map(({ signal, groups, keepsSeconds }) => {
    const lines = groups.map(
      ({ group, members }) =>
        `    { name = ${lua(group)}, answers = ${lua(answersBackend(signal, group))}, queue = ${lua(node.queue(signal, group))}, members = ${names(members.map(({ name }) => name))} },`,
    );
    const agent = signal === "traces" ? "" : `agent = ${lua(AGENTS[signal].service)}, `;
    return `  { name = ${lua(signal)}, ${agent}born = ${lua(bornFile(signal))}, keeps = ${keepsSeconds}, groups = {\n${lines.join("\n")}\n  } },`;
  });
  const peers = node.peers.map((peer) => `  { name = ${lua(peer)}, url = ${lua(peerStateUrl(peer))} },`);
  const stores = node.stores.map(
    ({ signal, storage }) => `  { signal = ${lua(signal)}, url = ${lua(endpointUrl(storage, "/metrics"))} },`,
  );
  const gateway = endpointUrl({ ...node.gateway, port: PORTS.collectorMetrics }, "/metrics");
  return `-- Rendered by mirador-stack. Chooses the storage group that answers a signal.
local FOLDER, NODE, GATEWAY = ${lua(CHOICE_FOLDER)}, ${lua(node.name)}, ${lua(gateway)}
local YOUNG_SECONDS = ${YOUNG_SECONDS}
local SIGNALS = {
${signals.join("\n")}
}
local PEERS = {
${peers.join("\n")}
}
local STORES = {
${stores.join("\n")}
}
${CHOICE_PROGRAM}`;
}

/** A text of Lua; names and URLs of the plan hold nothing that needs more. */
function lua(text: string): string {
  return JSON.stringify(text);
}
