import { LEAVE_PATH } from "../../lib/haproxy/peers";
import type { MeshClient, MeshNode } from "../mesh-client";

const ANSWER_MILLISECONDS = 5_000;

/** What the balancers said when they were told that a node will be away. */
export interface Drain {
  /** Why some of them still send queries to the node's group, each with its node. */
  readonly waiting: readonly string[];
  /** Those that cannot be told: an older balancer, or a node that is not there. */
  readonly deaf: readonly string[];
}

/**
 * Tells balancers that `node` will be away for so many seconds, so that queries leave its group before it does. The node's
 * own balancer is told too: it mostly stays up while what is behind it is replaced. Telling again prolongs it; 0 seconds
 * end it.
 */
export async function drainNode(
  mesh: Pick<MeshClient, "text">,
  nodes: readonly MeshNode[],
  node: string,
  seconds: number,
): Promise<Drain> {
  const path = `${LEAVE_PATH}?node=${encodeURIComponent(node)}&seconds=${seconds}`;
  const answers = await Promise.all(
    nodes.map(async (told) => {
      const answer = await mesh
        .text(told, "node", { method: "POST", path, timeout: ANSWER_MILLISECONDS })
        // Whatever it is, it does not stand in the way: without being told, a balancer notices within seconds.
        .catch(() => "");
      const why = /^waiting: (.*)$/m.exec(answer)?.[1];
      return { name: told.name, why, heard: why !== undefined || answer.trim() === "drained" };
    }),
  );
  return {
    waiting: answers.flatMap(({ name, why }) => (why === undefined ? [] : [`${name} asks ${node} still: ${why}`])),
    deaf: answers.filter(({ heard }) => !heard).map(({ name }) => name),
  };
}
