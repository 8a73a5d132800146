import { createServer } from "node:http";
import { describe, expect, onTestFinished } from "vitest";
import { PORTS } from "../../lib/plan/ports";
import { testWith } from "../support/binaries";
import { NEEDED, type RealNode, realNodes } from "../support/real-nodes";

const SLOW = { timeout: 40_000, interval: 250 };
const numbers = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** Lines of logs with these numbers, as Vector and others send them. */
const sendLogs = (node: RealNode, items: readonly number[], headers: Record<string, string> = {}) =>
  node.ask(8429, "/insert/jsonline?_stream_fields=app&_msg_field=text", {
    method: "POST",
    headers: { "content-type": "application/stream+json", ...headers },
    body: items.map((n) => JSON.stringify({ app: "native", text: `item ${n}`, n: String(n) })).join("\n"),
  });
const EPOCH = Date.now();
/** Samples of one series whose values are these numbers, each at a time of its own. */
const sendSamples = (node: RealNode, items: readonly number[]) =>
  node.ask(8480, "/insert/0/prometheus/api/v1/import/prometheus?extra_label=via=agent", {
    method: "POST",
    body: items.map((n) => `native_item{app="native"} ${n} ${EPOCH + n}\n`).join(""),
  });

/** What a group's store has, sorted; whatever is there twice is here twice. */
async function logsAt(node: RealNode, headers: Record<string, string> = {}): Promise<readonly number[]> {
  const url = node.serviceUrl("vlstorage", "/select/logsql/query?query=app:=native&limit=100000");
  const text = await (await fetch(url, { headers })).text();
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => Number(JSON.parse(line).n)).sort((a, b) => a - b);
}
async function samplesAt(node: RealNode): Promise<readonly number[]> {
  await fetch(node.serviceUrl("vmsingle", "/internal/force_flush"));
  // Like this the copies that a query would collapse are there to be counted.
  const url = node.serviceUrl("vmsingle", `/api/v1/export?reduce_mem_usage=1&match[]=native_item{via="agent"}`);
  const lines = (await (await fetch(url)).text()).split("\n").filter((line) => line !== "");
  return lines.flatMap((line) => JSON.parse(line).values as number[]).sort((a, b) => a - b);
}

/** Sends the same numbers as logs and as samples. @throws where one is not taken */
async function sendBoth(node: RealNode, items: readonly number[]): Promise<void> {
  expect((await sendLogs(node, items)).status).toBe(200);
  expect((await sendSamples(node, items)).status).toBe(204);
}
async function expectBoth(nodes: readonly RealNode[], items: readonly number[]): Promise<void> {
  for (const node of nodes) {
    await expect.poll(() => logsAt(node), SLOW).toEqual(items);
    await expect.poll(() => samplesAt(node), SLOW).toEqual(items);
  }
}
/** HAProxy's checks have found what is there. */
async function untilTaken(nodes: readonly RealNode[]): Promise<void> {
  for (const node of nodes)
    for (const port of [8480, 8429])
      await expect.poll(() => node.ask(port, "/health"), SLOW).toMatchObject({ status: 200 });
}

describe("native protocols at two nodes", () => {
  testWith(...NEEDED)("each item is in both groups once, whichever node it was sent to", async () => {
    const nodes = await realNodes();
    await untilTaken(nodes);
    const [one, two] = nodes;
    for (const first of numbers(0, 20))
      await sendBoth(first % 2 === 0 ? one : two, numbers(first * 50, first * 50 + 50));
    await expectBoth(nodes, numbers(0, 1_000));
  });

  testWith(...NEEDED)("a group that was away is filled up, and nothing is there twice", async () => {
    const nodes = await realNodes();
    await untilTaken(nodes);
    const [one, two] = nodes;
    await sendBoth(one, numbers(0, 100));
    await expectBoth(nodes, numbers(0, 100));
    await Promise.all([two.stop("vlstorage"), two.stop("vmsingle")]);
    for (const first of numbers(1, 11)) {
      await sendBoth(first % 2 === 0 ? one : two, numbers(first * 100, first * 100 + 100));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    await expectBoth([one], numbers(0, 1_100));
    // An agent that is stopped meanwhile writes down what it holds.
    await Promise.all([one.stop("vlagent"), one.stop("vmagent")]);
    await Promise.all([one.start("vlagent"), one.start("vmagent")]);
    await Promise.all([two.start("vlstorage"), two.start("vmsingle")]);
    await expectBoth(nodes, numbers(0, 1_100));
  });

  testWith(...NEEDED)("another node's agent takes over while the own one is down", async () => {
    const nodes = await realNodes();
    await untilTaken(nodes);
    const [one] = nodes;
    await Promise.all([one.stop("vlagent", "SIGKILL"), one.stop("vmagent", "SIGKILL")]);
    // No request fails: a refused connection is tried again until the check has noticed.
    for (const first of numbers(0, 5)) await sendBoth(one, numbers(first * 10, first * 10 + 10));
    await expectBoth(nodes, numbers(0, 50));
  });

  testWith(...NEEDED)("a tenant of logs is kept; of metrics there is tenant 0", async () => {
    const nodes = await realNodes();
    await untilTaken(nodes);
    const tenant = { AccountID: "7", ProjectID: "3" };
    expect((await sendLogs(nodes[0], numbers(0, 10), tenant)).status).toBe(200);
    for (const node of nodes) {
      await expect.poll(() => logsAt(node, tenant), SLOW).toEqual(numbers(0, 10));
      expect(await logsAt(node)).toEqual([]);
    }
  });

  testWith(...NEEDED)("a storage of another version is waited for: what it refuses is not dropped", async () => {
    const nodes = await realNodes();
    await untilTaken(nodes);
    const [one, two] = nodes;
    await two.stop("vlstorage");
    let refused = 0;
    const other = createServer((request, response) => {
      if (request.method === "GET") return response.end("OK");
      refused += 1;
      request.resume().on("end", () => response.writeHead(400).end('unsupported protocol version="v1"; want "v2"'));
    }).listen(PORTS.vlstorage, two.behind);
    onTestFinished(() => void other.close());
    expect((await sendLogs(one, numbers(0, 10))).status).toBe(200);
    await expect.poll(() => refused, SLOW).toBeGreaterThan(1);
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
    await two.start("vlstorage");
    await expect.poll(() => logsAt(two), SLOW).toEqual(numbers(0, 10));
  });

  testWith(...NEEDED)("whoever sends is refused while a queue is full, and tried again is taken", async () => {
    const nodes = await realNodes((file, text) =>
      file === "agents.lua" ? text.replaceAll(/limit = \d+/g, "limit = 1") : text,
    );
    await untilTaken(nodes);
    const [one, two] = nodes;
    await Promise.all([two.stop("vlstorage"), two.stop("vmsingle")]);
    // The first block is in the hands of its sender; what follows is in the queue.
    await sendBoth(one, numbers(0, 10));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await sendBoth(one, numbers(10, 20));
    const full = (name: string) => ({ status: 503, body: expect.stringContaining(`a queue of ${name} is full`) });
    await expect.poll(() => sendLogs(one, []), SLOW).toEqual(full("vlagent"));
    await expect.poll(() => sendSamples(one, []), SLOW).toEqual(full("vmagent"));
    expect((await fetch(one.url(8480, "/api/v1/write"))).headers.get("retry-after")).toBe("5");
    // Health is the agent's, and OTLP is not its business.
    expect((await one.ask(8429, "/health")).status).toBe(200);
    expect((await one.ask(8429, "/v1/logs", { method: "POST", body: "{}" })).status).toBe(200);
    await Promise.all([two.start("vlstorage"), two.start("vmsingle")]);
    await expect.poll(() => sendLogs(one, [20]), SLOW).toMatchObject({ status: 200 });
    await expect.poll(() => sendSamples(one, [20]), SLOW).toMatchObject({ status: 204 });
    await expectBoth(nodes, numbers(0, 21));
  });

  testWith(...NEEDED)("an agent whose queue is full takes nothing for another node either", async () => {
    const nodes = await realNodes((file, text) =>
      file === "agents.lua" ? text.replaceAll(/limit = \d+/g, "limit = 1") : text,
    );
    await untilTaken(nodes);
    const [one, two] = nodes;
    await two.stop("vlstorage");
    expect((await sendLogs(one, numbers(0, 10))).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect((await sendLogs(one, numbers(10, 20))).status).toBe(200);
    await expect.poll(() => sendLogs(one, []), SLOW).toMatchObject({ status: 503 });
    await two.stop("vlagent", "SIGKILL");
    await expect.poll(() => sendLogs(two, []), SLOW).toMatchObject({ status: 503 });
    await two.start("vlstorage");
    await expect.poll(() => sendLogs(two, [20]), SLOW).toMatchObject({ status: 200 });
    for (const node of nodes) await expect.poll(() => logsAt(node), SLOW).toEqual(numbers(0, 21));
  });
});

const POST = { method: "POST", body: "" };

testWith(...NEEDED)("the native ports take what is written and show nothing of the agents", async () => {
  const nodes = await realNodes();
  await untilTaken(nodes);
  const [one] = nodes;
  const status = async (port: number, path: string, options?: RequestInit) =>
    (await one.ask(port, path, options)).status;
  /** Paths by what they are answered. */
  const answers = async (port: number, paths: readonly string[], options?: RequestInit) =>
    Object.fromEntries(
      await Promise.all(paths.map(async (path) => [path, await status(port, path, options)] as const)),
    );
  const all = (paths: readonly string[], value: number) => Object.fromEntries(paths.map((path) => [path, value]));

  const taken = [
    "/insert/0/prometheus/api/v1/import",
    "/insert/0/prometheus/api/v1/import/prometheus",
    "/insert/0/prometheus/api/v1/import/csv?format=1:metric:x",
    "/insert/0/influx/write",
    "/insert/0/influx/api/v2/write",
    "/api/v1/import/prometheus",
    "/write",
  ];
  expect(await answers(8480, taken, POST)).toEqual(all(taken, 204));
  // No remote write; the agent says so, so it was asked.
  const unread = { status: 400, body: expect.stringContaining("snappy") };
  expect(await one.ask(8480, "/insert/0/prometheus/api/v1/write", { ...POST, body: "x" })).toEqual(unread);
  expect(await one.ask(8480, "/insert/0/datadog/api/v1/validate")).toEqual({ status: 200, body: '{"valid":true}' });
  expect(await one.ask(8429, "/insert/loki/ready")).toMatchObject({ status: 200 });
  expect(await one.ask(8429, "/insert/elasticsearch/")).toMatchObject({ status: 200 });

  const otlp = ["/v1/metrics", "/insert/0/opentelemetry/v1/metrics", "/opentelemetry/api/v1/push"];
  expect(await answers(8480, otlp, POST)).toEqual(all(otlp, 200));
  expect(await answers(8429, ["/insert/opentelemetry/v1/logs"], POST)).toEqual({
    "/insert/opentelemetry/v1/logs": 200,
  });
  expect(one.gatewayTook.toSorted()).toEqual(["/v1/logs", "/v1/metrics", "/v1/metrics", "/v1/metrics"]);

  const refused = [
    ...[
      "/",
      "/targets",
      "/config",
      "/api/v1/targets",
      "/api/v1/status/config",
      "/service-discovery",
      "/metrics",
      "/flags",
    ],
    ...["/remotewrite-relabel-config", "/insert/0/targets", "/insert/0/prometheus/config", "/target_response"],
    ...[
      "/select/0/prometheus/api/v1/query?query=up",
      "/api/v1/query?query=up",
      "/api/v1/export",
      "/insert/1/influx/write",
    ],
    ...[
      "//targets",
      "/%74argets",
      "/insert/multitenant/prometheus/api/v1/write",
      "/insert/1:2/prometheus/api/v1/import",
    ],
  ];
  expect(await answers(8480, refused)).toEqual(all(refused, 501));
  const operators = [
    "/-/reload",
    "/insert/0/prometheus/-/reload",
    "/debug/pprof/heap",
    "/insert/0/%2d/reload",
    "/snapshot/create",
  ];
  expect(await answers(8480, operators)).toEqual(all(operators, 403));
  const ofLogs = ["/", "/metrics", "/flags", "/select/logsql/query?query=*", "/select/vmui/", "//insert/jsonline"];
  expect(await answers(8429, ofLogs)).toEqual(all(ofLogs, 501));
  const internal = ["/internal/insert?version=v1", "/internal/select/query", "/internal/force_merge", "/debug/pprof/"];
  expect(await answers(8429, internal)).toEqual(all(internal, 403));
  expect(await answers(4327, ["/health", "/insert/jsonline"])).toEqual({ "/health": 501, "/insert/jsonline": 501 });
});
