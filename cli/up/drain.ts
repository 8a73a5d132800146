import { LEAVE_PATH } from "../../lib/haproxy/peers";
import type { MeshClient, MeshNode } from "../mesh-client";

const ANSWER_MILLISECONDS = 5_000;
/** How long balancers stay told. */
export const LEAVE_SECONDS = 60;
/** How often they are told again while the node is away. */
export const TELL_AGAIN_MILLISECONDS = 15_000;

/**
 * Tells balancers that `node` will be away for so many seconds, so that queries leave its group before it does. The node's
 * own balancer is told too: it mostly stays up while what is behind it is replaced. Telling again prolongs it; 0 seconds
 * end it. One that cannot be told is nobody's hindrance: it notices by itself, within seconds.
 * @returns why some of them still send queries to the node's group, each with its node
 */
export async function drainNode(
  mesh: Pick<MeshClient, "text">,
  nodes: readonly MeshNode[],
  node: string,
  seconds: number,
): Promise<readonly string[]> {
  const path = `${LEAVE_PATH}?node=${encodeURIComponent(node)}&seconds=${seconds}`;
  const answers = await Promise.all(
    nodes.map(async (told) => {
      const answer = await mesh
        .text(told, "node", { method: "POST", path, timeout: ANSWER_MILLISECONDS })
        .catch(() => "");
      const why = /^waiting: (.*)$/m.exec(answer)?.[1];
      return why === undefined ? [] : [`${told.name} asks ${node} still: ${why}`];
    }),
  );
  return answers.flat();
}
