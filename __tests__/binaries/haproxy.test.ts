import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { beforeEach, describe, expect, onTestFinished } from "vitest";
import { defineFleet, type FleetDefinition, planFleet } from "../../lib";
import { line, renderSections } from "../../lib/haproxy/section";
import { program, testWith } from "../support/binaries";
import { EXAMPLE_NAMES, exampleFleet, ONE_NODE, planOf } from "../support/fleets";
import { placed, startHaproxy, textsOf } from "../support/haproxy";
import { freePort, start, untilAnswers } from "../support/processes";

/** A warning is a failure, but for what depends on how busy this machine is: HAProxy times the hash by the clock. */
function check(text: string, others?: Readonly<Record<string, string>>): { status: number | null; output: string } {
  const { file, parameters } = program("haproxy");
  const { status, stdout, stderr } = spawnSync(file, [...parameters, "-c", "-f", placed(text, others)], {
    encoding: "utf8",
  });
  const output = stdout + stderr;
  const warnings = output.match(/^\[WARNING\].*$/gm)?.filter((each) => !each.includes("milliseconds to verify")) ?? [];
  return { status: warnings.length > 0 ? 1 : status, output };
}

function configOf(
  definition: FleetDefinition,
  statsPassword = "correct-horse-battery",
): { text: string; others: Readonly<Record<string, string>>; hash: string } {
  const [plan] = planFleet(defineFleet({ ...ONE_NODE, ...definition }), { statsPassword }).nodes;
  if (plan === undefined) throw new Error("a fleet of no nodes");
  return { ...textsOf(plan.haproxy), hash: plan.haproxy.configHash };
}

testWith("haproxy").each(EXAMPLE_NAMES)("HAProxy accepts what %s renders, without a warning", (name) => {
  for (const { haproxy } of planOf(exampleFleet(name)).nodes) {
    const { text, others } = textsOf(haproxy);
    const { status, output } = check(text, others);
    expect(status, output).toBe(0);
  }
});

testWith("haproxy").each(["roundrobin", "leastconn", "random", "source", "first"] as const)(
  "HAProxy accepts the algorithm %s",
  (algorithm) => {
    const { text, others } = configOf({ haproxy: { algorithm } });
    const { status, output } = check(text, others);
    expect(status, output).toBe(0);
  },
);

testWith("haproxy")("HAProxy refuses what it does not know, so that the tests above mean something", () => {
  const { text, others } = configOf({});
  expect(check(text, others).status).toBe(0);
  expect(check(text.replace("tcp-ut", "tcp-utt"), others).status).not.toBe(0);
});

testWith("haproxy")("HAProxy reads every text back byte for byte", async () => {
  const words = [
    "two words",
    "it's",
    '"quoted"',
    "back\\slash \\n",
    "$HOME ${HOME}",
    "#hash",
    "größe \u{1F511}",
    "a'b'c",
  ];
  const port = await freePort();
  const answers = words.map(
    (text, index) => line`http-request return status 200 content-type text/plain string ${text} if { path /${index} }`,
  );
  const text = renderSections([
    {
      kind: "defaults",
      name: "base",
      lines: [line`mode http`, line`timeout client 5s`, line`timeout http-request 5s`],
    },
    { kind: "frontend", name: "fe", from: "base", lines: [line`bind 127.0.0.1:${port}`, ...answers] },
  ]);
  const running = start(program("haproxy"), "-db", "-f", placed(text));
  await untilAnswers(`http://127.0.0.1:${port}/0`, running);
  const read = await Promise.all(words.map(async (_, i) => (await fetch(`http://127.0.0.1:${port}/${i}`)).text()));
  expect(read).toEqual(words);
});

describe("a running HAProxy", () => {
  const PASSWORD = "pässwort-${a}%{b}\"'\\";
  const { text, others, hash } = configOf({ layouts: { metrics: "single" } }, PASSWORD);
  /** What every service behind it answers to a query; everything else is 200. */
  let queryAnswer: string;
  let seen: string[];
  /** The next request that writes is not answered: its connection is closed. */
  let closesOnce: boolean;
  let at: (internalPort: number) => string;

  beforeEach(async ({ task }) => {
    if (task.mode === "skip") return;
    queryAnswer = '{"status":"success"}';
    seen = [];
    closesOnce = false;
    const behind = createServer(({ method, url = "", socket }: IncomingMessage, response) => {
      seen.push(`${method} ${url}`);
      if (closesOnce && method === "POST") {
        closesOnce = false;
        return socket.destroy();
      }
      response.end(url.includes("query") ? queryAnswer : "OK");
    }).listen(0, "127.0.0.1");
    onTestFinished(() => {
      behind.closeAllConnections();
      behind.close();
    });
    await once(behind, "listening");
    at = await startHaproxy({ text, others }, (behind.address() as AddressInfo).port);
  });

  const get = async (url: string, headers: Record<string, string> = {}) => {
    const response = await fetch(url, { headers });
    return { status: response.status, body: await response.text() };
  };
  const login = (password: string) => ({
    authorization: `Basic ${Buffer.from(`admin:${password}`, "utf8").toString("base64")}`,
  });

  testWith("haproxy")("is ready when every service is, by an answer to a query and not by its status", async () => {
    await expect.poll(() => get(`${at(8405)}/readyz`), { timeout: 20_000 }).toEqual({ status: 200, body: "ready" });
    expect(await get(`${at(8404)}/waiting-for`)).toEqual({ status: 200, body: "nothing" });
    queryAnswer = '{"status":"error"}';
    await expect
      .poll(() => get(`${at(8405)}/readyz`), { timeout: 20_000 })
      .toEqual({ status: 503, body: "vmsingle: not ready" });
    expect(await get(`${at(8405)}/waiting-for`)).toEqual({ status: 200, body: "vmsingle" });
    expect(await get(`${at(8405)}/healthz`)).toEqual({ status: 200, body: "ok" });
  });

  testWith("haproxy")("tells which configuration answers", async () => {
    expect(await get(`${at(8405)}/config`)).toEqual({ status: 200, body: hash });
  });

  testWith("haproxy")("shows its stats to whoever knows the password, byte for byte, and to nobody else", async () => {
    expect(await get(`${at(8404)}/stats`)).toMatchObject({ status: 401 });
    expect(await get(`${at(8404)}/stats`, login("pässwort"))).toMatchObject({ status: 401 });
    expect(await get(`${at(8404)}/stats`, login(PASSWORD))).toMatchObject({
      status: 200,
      body: expect.stringContaining("Statistics Report"),
    });
    expect(await get(`${at(8404)}/metrics`)).toMatchObject({ status: 200, body: expect.stringContaining("haproxy_") });
  });

  testWith("haproxy")("takes OTLP at the native ports on its own path and says what it does not take", async () => {
    const post = async (url: string, type: string) =>
      (await fetch(url, { method: "POST", body: "x", headers: { "content-type": type } })).status;
    const protobuf = "application/x-protobuf";
    await expect.poll(() => post(`${at(8480)}/v1/metrics`, protobuf), { timeout: 20_000 }).toBe(200);
    expect(await post(`${at(8429)}/v1/logs`, protobuf)).toBe(200);
    expect(await post(`${at(4327)}/v1/traces`, protobuf)).toBe(200);
    expect(await post(`${at(8480)}/insert/0/influx/write`, "text/plain")).toBe(200);
    expect(seen.filter((line) => line.startsWith("POST"))).toEqual([
      "POST /opentelemetry/v1/metrics",
      "POST /insert/opentelemetry/v1/logs",
      "POST /insert/opentelemetry/v1/traces",
      "POST /influx/write",
    ]);
    expect(await post(`${at(4327)}/v1/traces`, "application/json")).toBe(415);
    expect((await get(`${at(8429)}/v1/logs`)).status).toBe(405);
  });

  /** Two requests by one connection, the second of which meets a server that closes its own without an answer. */
  async function metAClosingServer(bytes: number): Promise<number | string | undefined> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const post = () =>
      new Promise<number | string | undefined>((resolve) => {
        const sent = request(`${at(4318)}/v1/traces`, { method: "POST", agent });
        sent.on("response", (answer) => answer.resume().on("end", () => resolve(answer.statusCode)));
        sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
        sent.end("x".repeat(bytes));
      });
    expect(await post()).toBe(200);
    closesOnce = true;
    return post();
  }

  testWith("haproxy")("sends a request again whose server closes without an answer", async () => {
    expect(await metAClosingServer(8_000)).toBe(200);
  });

  testWith("haproxy")("answers 502 where it cannot send again, and never closes the client's connection", async () => {
    expect([502, 503]).toContain(await metAClosingServer(200_000));
  });

  testWith("haproxy")("refuses a body by its length before it is sent", async () => {
    const length = 16 * 1024 * 1024 + 1;
    const status = await new Promise((resolve, reject) => {
      const headers = { "content-length": length, "content-type": "application/x-protobuf" };
      const sending = request(`${at(4318)}/v1/traces`, { method: "POST", headers }, (response) => {
        resolve(response.statusCode);
        sending.destroy();
      });
      sending.on("error", reject);
      sending.flushHeaders();
    });
    expect(status).toBe(413);
    expect(seen.filter((line) => line.startsWith("POST"))).toEqual([]);
  });
});
