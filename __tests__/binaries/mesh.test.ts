import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type SecureVersion, type TLSSocket } from "node:tls";
import { describe, expect } from "vitest";
import { ensurePki } from "../../inputs/pki";
import { testWith } from "../support/binaries";
import { makeCertificate } from "../support/certificates";
import { temporaryFolder } from "../support/folders";
import { choiceOf, FROM_A, FROM_B, logsOf, QUERY, SLOW, stateOf, twoNodes } from "../support/two-nodes";

describe("two nodes over a real mesh", () => {
  testWith("haproxy")("a group's data reaches it from either node, through the door of that group", async () => {
    const { nodes } = await twoNodes();
    for (const node of nodes) {
      // Logs for group a, then for group b.
      await expect.poll(() => node.at(22_011, "/"), SLOW).toEqual({ status: 200, body: "node1" });
      await expect.poll(() => node.at(22_012, "/"), SLOW).toEqual({ status: 200, body: "node2" });
    }
  });

  testWith("haproxy")("queries that wait for a hung storage are answered by the other group", async () => {
    const { nodes } = await twoNodes();
    const [one] = nodes;
    for (const node of nodes) await expect.poll(() => logsOf(node), SLOW).toBe(FROM_A);
    one.stores.hangs = true;
    // In every state that a connection to the store may be in when the check gives it up.
    const asked = Array.from({ length: 60 }, async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, index * 100));
      return Promise.all(nodes.map((node) => node.at(9471, QUERY)));
    });
    const answers = new Set((await Promise.all(asked)).flat().map(({ status, body }) => `${status} ${body}`));
    expect([...answers]).toEqual([`200 ${FROM_B}`]);
  });

  testWith("haproxy")("a query that a group refuses is answered by the other one at once", async () => {
    const { nodes } = await twoNodes();
    const [one] = nodes;
    for (const node of nodes) await expect.poll(() => logsOf(node), SLOW).toBe(FROM_A);
    for (const node of nodes) await expect.poll(() => stateOf(node), SLOW).toContain("firm logs a");
    one.stores.refusal = `cannot execute query [*]: Get "http://haproxy:20011/internal/select/query?query=%2A": EOF`;
    for (let tries = 0; tries < 5; tries++)
      for (const node of nodes) expect(await node.at(9471, QUERY)).toEqual({ status: 200, body: FROM_B });
  });

  testWith("haproxy")("a query that both groups refuse is the client's to mend", async () => {
    const { nodes } = await twoNodes();
    const [one, two] = nodes;
    for (const node of nodes) await expect.poll(() => logsOf(node), SLOW).toBe(FROM_A);
    one.stores.refusal = "cannot parse query [x|y]: unexpected pipe";
    two.stores.refusal = one.stores.refusal;
    const response = await fetch(`http://${one.address}:9471${QUERY}`, { headers: { connection: "close" } });
    expect({ status: response.status, body: await response.text() }).toEqual({ status: 400, body: one.stores.refusal });
    expect([...response.headers.keys()].filter((name) => name.startsWith("x-mirador"))).toEqual([]);
  });

  testWith("haproxy")("queries leave a node's group before the node does, if the other one is complete", async () => {
    const { nodes } = await twoNodes();
    const [one, two] = nodes;
    for (const node of nodes) await expect.poll(() => stateOf(node), SLOW).toContain("firm logs a");
    two.stores.uptimeSeconds = 1;
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await expect
      .poll(() => one.leave("node1"), SLOW)
      .toBe(
        "waiting: logs: a store of group b started a moment ago; traces: a store of group b started a moment ago\n",
      );
    expect(await logsOf(one)).toBe(FROM_A);
    two.stores.uptimeSeconds = 100;
    for (const node of nodes) await expect.poll(() => node.leave("node1"), SLOW).toBe("drained\n");
    for (const node of nodes) expect(await logsOf(node)).toBe(FROM_B);
    // It names no group of node2's queries: they are not asked to leave.
    expect(await two.leave("node9")).toBe("drained\n");
    expect(await two.leave("")).toContain("wanted: node=");
    // Not for whoever reaches the stats port.
    expect(await one.at(8404, "/state")).toMatchObject({ status: 401 });
    const outside = await fetch(`http://${one.address}:8404/leave?node=node2&seconds=9`, { method: "POST" });
    expect(outside.status).toBe(401);
  });

  testWith("haproxy")("a node that nobody answers holds up no change of another one", async () => {
    const { nodes } = await twoNodes();
    const [one, two] = nodes;
    two.stores.answers = false;
    for (const node of nodes)
      await expect.poll(() => node.leave("node1"), SLOW).toContain("waiting: logs: group b does not answer");
    one.stores.answers = false;
    for (const node of nodes) await expect.poll(() => node.leave("node1"), SLOW).toBe("drained\n");
    for (const node of nodes) expect(await choiceOf(node)).toContain("logs from group a");
  });

  testWith("haproxy")("OTLP goes to the own gateway, and to another node's while that is down", async () => {
    const { nodes } = await twoNodes();
    const [one] = nodes;
    const answered = async () => one.at(4318, "/v1/logs");
    for (let tries = 0; tries < 50; tries++) expect(await answered()).toEqual({ status: 200, body: "node1" });
    await one.stopServices();
    // No request fails meanwhile: a refused connection is tried again until the check has noticed.
    for (let tries = 0; tries < 5; tries++) expect(await answered()).toEqual({ status: 200, body: "node2" });
  });
});

/** How a connection to the mesh ends: what was read, or the alert. */
function ask(
  address: string,
  servername: string,
  files: { cert?: string; key?: string },
  maxVersion?: SecureVersion,
): Promise<string> {
  return new Promise((resolve) => {
    const material =
      files.cert === undefined ? {} : { cert: readFileSync(files.cert), key: readFileSync(files.key ?? "") };
    const options = { host: address, port: 7443, servername, rejectUnauthorized: false, ...material };
    const socket: TLSSocket = connect({
      ...options,
      ...(maxVersion === undefined ? {} : { minVersion: "TLSv1", maxVersion }),
    });
    let read = "";
    socket.on("secureConnect", () => socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
    socket.on("data", (data) => {
      read += data.toString();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on("close", () => resolve(read.split("\r\n")[0] ?? ""));
    socket.setTimeout(5_000, () => socket.destroy());
  });
}

testWith("haproxy")("the mesh answers nobody but a node of the fleet", async () => {
  const { nodes, pki } = await twoNodes();
  const [{ address }] = nodes;
  const own = { cert: join(pki, "node2.pem"), key: join(pki, "node2.pem") };
  const answers = {
    node: await ask(address, "node.node1.mesh", own),
    "unknown service": await ask(address, "postgres.node1.mesh", own),
    "another node's name": await ask(address, "node.node2.mesh", own),
    "no certificate": await ask(address, "node.node1.mesh", {}),
    "another authority": await ask(address, "node.node1.mesh", stranger()),
    "the fleet's authority, but no node": await ask(address, "node.node1.mesh", await applicationOf(pki)),
    "TLS 1.1": await ask(address, "node.node1.mesh", own, "TLSv1.1"),
  };
  expect(answers).toEqual({
    node: "HTTP/1.1 200 OK",
    "unknown service": "",
    "another node's name": "ERR_SSL_TLSV1_UNRECOGNIZED_NAME",
    "no certificate": "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "another authority": expect.stringMatching(/ERR_SSL_\w*(UNKNOWN_CA|DECRYPT_ERROR|BAD_CERTIFICATE)/),
    "the fleet's authority, but no node": "",
    "TLS 1.1": expect.stringMatching(/^ERR_SSL_/),
  });
  const plain = await fetch(`http://${address}:7443/healthz`).then(
    ({ status }) => `status ${status}`,
    () => "closed",
  );
  expect(plain).toBe("closed");
});

/** Somebody with a certificate of their own making, in the name of a node. */
function stranger(): { cert: string; key: string } {
  const folder = temporaryFolder();
  makeCertificate(folder, "node2");
  return { cert: join(folder, "node2.pem"), key: join(folder, "node2.key") };
}

/** A certificate that the fleet's own authority issued for something that is no node of it. */
async function applicationOf(pki: string): Promise<{ cert: string; key: string }> {
  const folder = temporaryFolder();
  const own = join(folder, ".mirador/pki/pair");
  mkdirSync(own, { recursive: true, mode: 0o700 });
  for (const file of ["ca.crt", "ca.key"])
    writeFileSync(join(own, file), readFileSync(join(pki, file)), { mode: 0o600 });
  await ensurePki(folder, { name: "pair", nodes: [{ name: "billing", address: "127.0.7.9" }], mesh: {} }, new Date());
  return { cert: join(own, "billing.pem"), key: join(own, "billing.pem") };
}
