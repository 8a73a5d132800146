import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { MeshClient } from "../../../cli/mesh-client";
import { readMeshFiles } from "../../../inputs/pki";
import { temporaryFolder } from "../../support/folders";
import { type FolderContents, fillFolder, madePki, TWO } from "../../support/pki";

const NOW = new Date();
let pki: FolderContents;
beforeAll(async () => {
  pki = await madePki(TWO, NOW);
});

/** A node's mesh port; each connection is closed when it is used for another request than its first ones. */
async function node(requestsEach: number): Promise<{ client: MeshClient; seen: readonly string[] }> {
  const checkout = temporaryFolder();
  const folder = join(checkout, ".mirador/pki", TWO.name);
  fillFolder(folder, pki);
  const pem = readFileSync(join(folder, "node1.pem"));
  const seen: string[] = [];
  const used = new Map<Socket, number>();
  const options = { cert: pem, key: pem, ca: readFileSync(join(folder, "ca.crt")), requestCert: true };
  const server = createServer(options, ({ socket, url, method }, response) => {
    const times = (used.get(socket) ?? 0) + 1;
    used.set(socket, times);
    if (times > requestsEach) return void socket.destroy();
    const { servername } = socket as TLSSocket & { servername: string };
    seen.push(`${method} ${servername} ${(socket as TLSSocket).getPeerCertificate().subject.CN} ${url}`);
    if (url === "/broken") return void response.write("half", () => socket.destroy());
    response.statusCode = url === "/full" ? 429 : 200;
    response.end("said");
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const client = new MeshClient(readMeshFiles(checkout, TWO, NOW), (server.address() as AddressInfo).port);
  onTestFinished(() => {
    client.close();
    server.closeAllConnections();
    server.close();
  });
  return { client, seen };
}

const NODE1 = { name: "node1", address: "127.0.0.1" };

test("a service is picked by its server name, and shown its own node's certificate", async () => {
  const { client, seen } = await node(9);
  const texts = [
    await client.text(NODE1, "vlstorage", { path: "/a" }),
    await client.text(NODE1, "vtstorage", { path: "/b" }),
    await client.text(NODE1, "vlstorage", { method: "POST", path: "/c", body: "x" }),
  ];
  expect(texts).toEqual(["said", "said", "said"]);
  expect(seen).toEqual([
    "GET vlstorage.node1.mesh node1 /a",
    "GET vtstorage.node1.mesh node1 /b",
    "POST vlstorage.node1.mesh node1 /c",
  ]);
});

test("a question is asked again when a connection that was kept is closed; nothing else is done twice", async () => {
  const { client, seen } = await node(1);
  for (const path of ["/1", "/2"]) expect(await client.text(NODE1, "vlstorage", { path })).toBe("said");
  const insert = client.text(NODE1, "vlstorage", { method: "POST", path: "/3", body: "rows" });
  await expect(insert).rejects.toMatchObject({ code: "ECONNRESET" });
  expect(seen).toHaveLength(2);
});

test("what is no success, and a body that breaks off, is an error", async () => {
  const { client } = await node(9);
  await expect(client.text(NODE1, "vlstorage", { path: "/full" })).rejects.toThrow(
    "vlstorage of node1 answers 429: said",
  );
  await expect(client.text(NODE1, "vlstorage", { path: "/broken" })).rejects.toThrow(/aborted/);
});
