import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { askFor, type CanaryTargets, canaryTargets, findItem, newMarks, sendItem } from "../../cli/canary";
import { defineFleet, planFleet } from "../../lib";

/** Takes OTLP over HTTP and answers queries; knows an item from its second query on. */
let http: Server;
/** Takes OTLP over gRPC. */
let grpc: Http2Server;
let targets: CanaryTargets;
let queries: URL[];
let traceId: string;
let refuses: string | undefined;
let findsLogs: boolean;

beforeEach(async () => {
  queries = [];
  refuses = undefined;
  findsLogs = true;
  http = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://fake");
    if (request.method === "POST") {
      response.statusCode = url.pathname === refuses ? 400 : 200;
      response.end("{}");
    } else response.end(answer(url, request));
  });
  grpc = createHttp2Server().on("stream", (stream) => {
    stream.resume();
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(Buffer.alloc(5));
  });
  const at = async (server: Server | Http2Server): Promise<string> => {
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const origin = await at(http);
  const select = (service: string) => ({ origin, service });
  targets = {
    otlpGrpc: await at(grpc),
    otlpHttp: origin,
    traces: select("vtselect"),
    logs: select("vlselect"),
    metrics: select("vmselect"),
    tracesHideRecent: true,
  };
});

afterEach(() => {
  http.closeAllConnections();
  http.close();
  grpc.close();
});

function answer(url: URL, _request: IncomingMessage): string {
  const query = url.searchParams.get("query") ?? "";
  const asked = queries.filter((earlier) => kindOf(earlier) === kindOf(url)).length;
  queries.push(url);
  if (asked === 0 || (kindOf(url) === "log" && !findsLogs)) return "";
  traceId = /trace_id:="(\w+)"/.exec(query)?.[1] ?? traceId;
  return `{"found":"canary1","trace_id":"${traceId}"}`;
}

function kindOf(url: URL): "metric" | "trace" | "log" {
  if (url.pathname.startsWith("/select/0/prometheus")) return "metric";
  return url.searchParams.get("query")?.includes("trace_id") ? "trace" : "log";
}

const LIMIT_SECONDS = 5;

/** Sends everything, and looks for it. @returns what was found where */
async function round(limitSeconds = LIMIT_SECONDS): Promise<readonly string[]> {
  return Promise.all(
    askFor(targets, newMarks("canary1")).map(async (question) => {
      const started = performance.now();
      await sendItem(question);
      expect(await findItem(question, started, limitSeconds, 10)).toBeLessThan(limitSeconds);
      return `${question.word} in ${question.service}`;
    }),
  );
}

test("sends three signals and finds each in its store", async () => {
  expect(await round()).toEqual(["trace in vtselect", "log in vlselect", "metric in vmselect"]);
});

test("asks past what the stores hide: the latest seconds, and that a filter matched nothing a moment ago", async () => {
  await round();
  const of = (kind: string): URL[] => queries.filter((url) => kindOf(url) === kind);
  expect(of("trace")[0]?.searchParams.get("disable_latency_offset")).toBe("true");
  expect(of("metric")[0]?.searchParams.get("latency_offset")).toBe("1ms");
  expect(of("metric")[0]?.search).not.toBe(of("metric")[1]?.search);
});

test("fails with what was refused", async () => {
  refuses = "/v1/logs";
  await expect(round()).rejects.toThrow(/^the log could not be sent by OTLP HTTP/);
});

test("fails with what was not found in time, and where", async () => {
  findsLogs = false;
  const { origin } = targets.logs;
  await expect(round(0.2)).rejects.toThrow(
    `the log was not found in vlselect at ${origin} within 0.2 s: the query answers, without it`,
  );
});

test("the targets are a plan's access points; TLS and version are respected", () => {
  const fleet = defineFleet({
    nodes: [{ name: "node1", address: "10.0.0.11" }],
    ports: { otlpHttp: 14318 },
    haproxy: { tls: { certificatePath: "c.pem" } },
  });
  const tls = { certificatePath: "c.pem", fingerprint: "f" };
  const [plan] = planFleet(fleet, { statsPassword: "correct horse battery", tls }).nodes;
  if (plan === undefined) throw new Error("no plan");
  expect(canaryTargets(plan)).toMatchObject({
    otlpGrpc: "https://10.0.0.11:4317",
    otlpHttp: "https://10.0.0.11:14318",
    logs: { origin: "https://10.0.0.11:9471", service: "vlselect" },
    tracesHideRecent: true,
  });
});
