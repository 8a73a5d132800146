import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { lookAtMesh, meshFindings } from "../../../cli/up/mesh-look";
import { readMeshFiles } from "../../../inputs/pki";
import { temporaryFolder } from "../../support/folders";
import { fillFolder, madePki } from "../../support/pki";

const FLEET = {
  name: "alpha",
  nodes: ["node1", "node2"].map((name) => ({ name, address: "127.0.0.1" })),
  mesh: {},
};
const NODE = { name: "node1", address: "127.0.0.1" };

async function meshFiles() {
  const checkout = temporaryFolder();
  fillFolder(join(checkout, ".mirador", "pki", FLEET.name), await madePki(FLEET, new Date()));
  return readMeshFiles(checkout, FLEET, new Date());
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** As HAProxy listens for the others. */
function meshServer(files: Awaited<ReturnType<typeof meshFiles>>): Server {
  const pem = readFileSync(files.certificates.node1?.path ?? "");
  const options = { key: pem, cert: pem, ca: readFileSync(files.caPath), requestCert: true, rejectUnauthorized: true };
  return createTlsServer(options, (socket) => socket.end());
}

test("a node of the fleet is none to talk about", async () => {
  const files = await meshFiles();
  const port = await listening(meshServer(files));
  expect(await lookAtMesh(NODE, port, files)).toEqual({ kind: "node" });
  expect(meshFindings(NODE, port, { kind: "node" })).toEqual({ errors: [], warnings: [] });
});

test("nobody is none either: at the beginning there is no node", async () => {
  const files = await meshFiles();
  const server = createServer();
  const port = await listening(server);
  await new Promise((closed) => server.close(closed));
  expect(await lookAtMesh(NODE, port, files)).toEqual({ kind: "silent" });
  expect(meshFindings(NODE, port, { kind: "silent" })).toEqual({ errors: [], warnings: [] });
});

test.each([
  ["a web server", () => createHttpServer()],
  ["a program that greets", () => createServer((socket) => void socket.on("error", () => {}).write("220 welcome\r\n"))],
  [
    "a program that repeats what it hears",
    () => createServer((socket) => void socket.on("error", () => {}).pipe(socket)),
  ],
])("fails for %s without TLS", async (_, make) => {
  const port = await listening(make());
  const answer = await lookAtMesh(NODE, port, await meshFiles());
  expect(answer).toEqual({ kind: "plain-text" });
  expect(meshFindings(NODE, port, answer).errors).toMatchObject([
    { code: "mesh/peer-plain-text", where: `127.0.0.1:${port}` },
  ]);
});

test("a node of another authority is told as one that will not be understood", async () => {
  const port = await listening(meshServer(await meshFiles()));
  const answer = await lookAtMesh(NODE, port, await meshFiles());
  expect(answer).toMatchObject({ kind: "stranger" });
  expect(meshFindings(NODE, port, answer).warnings).toMatchObject([{ code: "mesh/peer-other-authority" }]);
});
