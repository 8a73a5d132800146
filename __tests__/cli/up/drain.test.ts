import { expect, test } from "vitest";
import type { MeshRequest } from "../../../cli/mesh-client";
import { drainNode } from "../../../cli/up/drain";

const NODES = ["node1", "node2", "node3", "node4"].map((name, index) => ({ name, address: `10.0.0.1${index + 1}` }));

test("tells every balancer, and waits for none that cannot be told", async () => {
  const asked: string[] = [];
  const answers: Readonly<Record<string, () => string>> = {
    node1: () => "drained\n",
    node2: () => "waiting: logs: group b does not answer\n",
    node3: () => {
      throw new Error("node of node3 answers 404: ");
    },
    // Something that is no balancer of this kind.
    node4: () => "<html>",
  };
  const mesh = {
    text: async ({ name }: { readonly name: string }, service: string, { method, path }: MeshRequest) => {
      asked.push(`${method} ${service} ${path}`);
      return answers[name]?.() ?? "";
    },
  };
  expect(await drainNode(mesh, NODES, "node1", 60)).toEqual(["node2 asks node1 still: logs: group b does not answer"]);
  expect(new Set(asked)).toEqual(new Set(["POST node /leave?node=node1&seconds=60"]));
});
