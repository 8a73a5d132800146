import type Docker from "dockerode";
import { expect, test } from "vitest";
import { dataVolumes } from "../../cli/demo-down";
import { demultiplex } from "../../cli/engine-logs";
import { findOrphans, nodeContainers, removableOrphans } from "../../cli/orphans";

const gateway = { id: "c1", name: "mirador_node1-gateway" };
const haproxy = { id: "c2", name: "mirador_node1-haproxy" };

test("orphans are containers with our labels that the state does not know", () => {
  expect(findOrphans([haproxy, gateway], new Set(["c2"]))).toEqual([gateway]);
  expect(findOrphans([haproxy, gateway], new Set(["c1", "c2"]))).toEqual([]);
});

test("only containers with the labels of this fleet and node are looked at", async () => {
  let asked: unknown;
  const client = {
    listContainers: async (options: unknown) => {
      asked = options;
      return [{ Id: "c1", Names: ["/mirador_node1-gateway"] }];
    },
  } as unknown as Docker;
  expect(await nodeContainers(client, { fleet: "mirador", node: "node1" })).toEqual([gateway]);
  expect(asked).toEqual({ all: true, filters: { label: ["mirador.fleet=mirador", "mirador.node=node1"] } });
});

test("what a killed run left may be removed", () => {
  const orphans = [gateway, haproxy];
  expect(removableOrphans({ node: "node1", orphans, unfinished: true, state: "s" })).toEqual(orphans);
});

test("a deployment of another state is refused, never removed", () => {
  const refused = () =>
    removableOrphans({ node: "node1", orphans: [gateway, haproxy], unfinished: false, state: "/s" });
  expect(refused).toThrow(/another state than this one[\s\S]*where +\/s[\s\S]*docker rm -f mirador_node1-gateway/);
});

test("data volumes are those of this node and no other's", async () => {
  const names = [
    "mirador_node1-metrics-data",
    "mirador_node1-haproxy-config",
    "mirador_node10-logs-data",
    "other-mirador_node1-logs-data",
    "mirador_node1-queue-data",
  ];
  const client = { listVolumes: async () => ({ Volumes: names.map((Name) => ({ Name })) }) } as unknown as Docker;
  expect(await dataVolumes(client, "mirador_node1")).toEqual([
    "mirador_node1-metrics-data",
    "mirador_node1-queue-data",
  ]);
});

test("a container's log is read without Docker's frame", () => {
  const frame = (text: string): Buffer => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(Buffer.byteLength(text), 4);
    return Buffer.concat([head, Buffer.from(text)]);
  };
  expect(demultiplex(Buffer.concat([frame("mirador: the disk\n"), frame("is full – ü\n")]))).toBe(
    "mirador: the disk\nis full – ü\n",
  );
});
