import type { Group, Member } from "../../lib/plan/groups";
import type { Trouble } from "../failure";
import type { MeshNode } from "../mesh-client";
import { holdsNothingOld, sizeText } from "../queues";
import { type GroupStores, insertInto, queryPath, type Transport } from "./group";
import { groupUnanswered } from "./trouble";

/** Balancers look at the queues of agents and gateway every two seconds each. */
const QUEUE_MILLISECONDS = 4_500;
const QUEUE_LOOKS = 6;
const CHECK_MILLISECONDS = 5_000;

export interface PreflightRequest {
  readonly transport: Transport;
  readonly members: readonly Member[];
  /** One for each signal and group. Readers are tried in this order, and the first that answers is used. */
  readonly stores: readonly GroupCandidates[];
  /** Of the largest batch that a gateway sends. */
  readonly batchBytes: number;
  /** Rows will be written, so the stores have to take them. */
  readonly fill: boolean;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
}

/** {@link GroupStores} before it is known who answers. */
export interface GroupCandidates extends Omit<GroupStores, "reader"> {
  readonly readers: readonly GroupStores["reader"][];
}

export interface Preflight {
  readonly stores: readonly GroupStores[];
  /** All that stands in the way; nothing was touched. */
  readonly troubles: readonly Trouble[];
}

/** Looks whether every node can be reached, every group answers whole and takes rows, and nothing is still on its way. */
export async function preflight(request: PreflightRequest): Promise<Preflight> {
  const { members, stores, transport, fill } = request;
  const [reached, queues] = await watchNodes(request);
  const absent = new Set(members.filter(({ name }) => !reached.has(name)).map(({ name }) => name));
  const found: GroupStores[] = [];
  const troubles: Trouble[] = [...queues];
  for (const candidates of stores) {
    // One that cannot be reached has been told of already.
    if (candidates.storages.some(({ name }) => absent.has(name))) continue;
    const trouble = fill ? await unfit(transport, candidates) : [];
    troubles.push(...trouble);
    const chosen = await readerOf(transport, candidates);
    if ("code" in chosen) troubles.push(chosen);
    else found.push({ ...candidates, reader: chosen });
  }
  return { stores: found, troubles };
}

/** Asks every node what it has still to send, until nothing waits. */
async function watchNodes(request: PreflightRequest): Promise<readonly [ReadonlySet<string>, readonly Trouble[]]> {
  const reached = new Set<string>();
  const queues = new Map<string, number[]>();
  let troubles: readonly Trouble[] = [];
  for (let look = 0; look < QUEUE_LOOKS; look++) {
    if (look > 0) await request.sleep(QUEUE_MILLISECONDS);
    const asked = await Promise.all(
      request.members.map(async (node): Promise<readonly Trouble[]> => {
        try {
          const path = "/state";
          const state = await request.transport.text(node, "node", { path, timeout: CHECK_MILLISECONDS });
          reached.add(node.name);
          return request.stores.flatMap(({ signal, group }) => {
            const seen = queues.get(`${node.name} ${signal} ${group}`) ?? [];
            queues.set(`${node.name} ${signal} ${group}`, seen);
            return backlog(node, { signal, group, state, seen, batchBytes: request.batchBytes });
          });
        } catch (error) {
          return [unreachable(node, error as NodeJS.ErrnoException)];
        }
      }),
    );
    troubles = asked.flat();
    // One look says nothing about a queue, and other trouble does not go away while one waits.
    if (troubles.length === 0 || (look > 0 && troubles.some(({ code }) => code !== "repair/backlog"))) break;
  }
  return [reached, troubles];
}

interface Queue {
  readonly signal: string;
  readonly group: Group;
  /** Lines such as `waiting logs a 4096`: of the node's gateway and of its agents, together. */
  readonly state: string;
  /** Sizes of earlier looks; this one is added. */
  readonly seen: number[];
  readonly batchBytes: number;
}

/** What stands still may be rows of any age, however few. */
function backlog({ name }: MeshNode, { signal, group, state, seen, batchBytes }: Queue): readonly Trouble[] {
  const silent = new RegExp(`^silent ${signal} (\\S+)$`, "m").exec(state)?.[1];
  const waiting = new RegExp(`^waiting ${signal} ${group} (\\S+)$`, "m").exec(state)?.[1];
  if (silent !== undefined || waiting === undefined)
    return [
      onTheWay(
        name,
        `${silent ?? "the gateway"} of ${name} does not tell what it has still to send to group ${group}: ${signal}`,
      ),
    ];
  seen.push(Number(waiting));
  if (holdsNothingOld(seen, batchBytes)) return [];
  return [onTheWay(name, `${sizeText(Number(waiting))} of ${signal} wait in the queues of ${name} for group ${group}`)];
}

function onTheWay(node: string, what: string): Trouble {
  return {
    code: "repair/backlog",
    what: `${what}; rows that arrive by themselves would be stored twice`,
    where: `node ${node}`,
    fix: "run the command again when they have been sent; if the queue does not get shorter, see the logs of its gateway and vlagent",
  };
}

function unreachable({ name, address }: MeshNode, { code = "", message }: NodeJS.ErrnoException): Trouble {
  if (/^(ERR_SSL|ERR_TLS|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|EPROTO)/.test(code)) {
    return {
      code: "repair/certificate-refused",
      what: `${name} and this folder's certificates do not fit: ${message.trim()}`,
      where: address,
      fix: "use the checkout that the fleet was deployed from, or its copy of .mirador/pki; npm run mirador -- pki show lists it",
    };
  }
  return {
    code: "repair/node-unreachable",
    what: `${name} does not answer through the mesh: ${message.trim() || code}; rows may wait in its gateway, and its part of its group is away`,
    where: address,
    fix: "start the node, and open its mesh port for this machine",
  };
}

/** Stores that do not take rows. */
async function unfit(transport: Transport, stores: GroupCandidates): Promise<readonly Trouble[]> {
  const asked = stores.storages.map((node) => insertInto(transport, stores, node, Buffer.alloc(0)));
  return (await Promise.all(asked)).filter((trouble) => trouble !== undefined);
}

async function readerOf(
  transport: Transport,
  { signal, group, readers }: GroupCandidates,
): Promise<GroupStores["reader"] | Trouble> {
  const failures: string[] = [];
  for (const reader of readers) {
    const { node, service } = reader;
    try {
      const path = `${queryPath("_time:1s | stats count() rows")}&timeout=4s`;
      const answer = await transport.text(node, service, { path, timeout: CHECK_MILLISECONDS });
      if (answer.includes('"rows"')) return reader;
      failures.push(`${service} of ${node.name} answers ${answer.slice(0, 200)}`);
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  return groupUnanswered(signal, group, failures.join("; "));
}
