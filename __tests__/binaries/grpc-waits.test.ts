import { once } from "node:events";
import { connect, createServer } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished } from "vitest";
import { testWith } from "../support/binaries";
import { nodePlan } from "../support/fleets";
import { startHaproxy, textsOf } from "../support/haproxy";
import { freePort } from "../support/processes";

/** A request over HTTP/2 without TLS, as gRPC sends it. */
async function post(origin: string, body: Buffer): Promise<number> {
  const client = connect(origin);
  try {
    const request = client.request({
      ":method": "POST",
      ":path": "/service/Export",
      "content-type": "application/grpc",
    });
    const [headers] = (await Promise.all([once(request.end(body), "response"), once(client, "connect")]))[0];
    return Number(headers[":status"]);
  } finally {
    client.destroy();
  }
}

// HAProxy 3.4 answers 502 at once for a server that it speaks HTTP/2 to without TLS and that refuses the connection.
testWith("haproxy").each([
  ["one that fits a buffer", 100],
  ["one that fits none", 200_000],
])("a gRPC request waits for a gateway that is being replaced: %s", async (_, size) => {
  const gateway = await freePort();
  const at = await startHaproxy(textsOf(nodePlan().haproxy), gateway);
  const answers = [0, 1, 2].map(() => post(at(4317), Buffer.alloc(size, "x")));
  await sleep(1_500);
  const server = createServer((request, response) => request.resume().on("end", () => response.end()));
  server.listen(gateway, "127.0.0.1");
  onTestFinished(() => void server.close());
  expect(await Promise.all(answers)).toEqual([200, 200, 200]);
});
