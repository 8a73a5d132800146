import { request } from "node:http";
import { connect } from "node:http2";
import { describe, expect } from "vitest";
import { testWith } from "../support/binaries";
import { startNode } from "../support/one-node";
import { twoNodes } from "../support/two-nodes";

const SLOW = { timeout: 20_000, interval: 100 };

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Unlike `fetch`, it can name another host, and follows nothing. */
function ask(url: string, host?: string, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { connection: "close", ...(host === undefined ? {} : { host }) };
    const sent = request(url, { method, headers, agent: false }, (response) => {
      let body = "";
      response.on("data", (data) => {
        body += data.toString();
      });
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body }));
    });
    sent.on("error", reject).end();
  });
}

/** As a browser asks where the access points speak TLS. */
async function askByHttp2(origin: string): Promise<string> {
  const session = connect(origin, { rejectUnauthorized: false });
  try {
    const stream = session.request({ ":path": "/" }).setEncoding("utf8");
    let body = "";
    for await (const part of stream) body += part;
    return body;
  } finally {
    session.close();
  }
}

/** What stands in the row of a port, as a person reads it. */
function stateOf(html: string, port: number): string | undefined {
  const [, state] = new RegExp(`<td>${port}</td><td>(.*?)</td>`).exec(html) ?? [];
  return state?.replaceAll("<br>", ", ").replaceAll(/<[^>]*>/g, "");
}
const banner = (html: string): string =>
  (/<div role="status">(.*?)<\/div>/s.exec(html)?.[1] ?? "")
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim();

describe("a node", () => {
  testWith("haproxy")("shows what is up and what is down, without a login", async () => {
    const { stores, at } = await startNode();
    const page = async () => (await ask(`${at(8404)}/`)).body;
    await expect.poll(async () => banner(await page()), SLOW).toBe("Ready: all 15 services behind HAProxy answer");
    for (const port of [4317, 4318, 8404, 8888, 8481, 8480, 9471, 8429, 8483, 4327])
      expect(stateOf(await page(), port)).toBe("up");
    // Whoever asks by a query is told a wrong answer; the others go on.
    stores.answers = false;
    await expect
      .poll(async () => banner(await page()), SLOW)
      .toBe("Not ready. No answer from: vmselect vlselect vtselect");
    const html = await page();
    expect([8481, 9471, 8483].map((port) => stateOf(html, port))).toEqual(["down", "down", "down"]);
    expect([4318, 8480].map((port) => stateOf(html, port))).toEqual(["up", "up"]);
    expect(html).toMatch(/As of <time data-live>\d\d:\d\d:\d\d UTC</);
    expect(html).toContain('<div data-live class="banner down">');
    expect(html).not.toMatch(/%[[%]/);
    expect(html).toContain("width:100%;");
  });

  testWith("haproxy")("leads by the host that it was asked by, and never by what is no host", async () => {
    const { at } = await startNode();
    const hosts: Readonly<Record<string, string>> = {
      "localhost:18404": "localhost",
      "node1.example.org": "node1.example.org",
      "10.0.0.11:8404": "10.0.0.11",
      "[fd00::1]:8404": "[fd00::1]",
    };
    for (const [asked, host] of Object.entries(hosts)) {
      const html = (await ask(`${at(8404)}/`, asked)).body;
      expect(html).toContain(`<a href="http://${host}:8481/select/0/vmui/">`);
      expect(html).toContain(`OTEL_EXPORTER_OTLP_ENDPOINT=http://${host}:4318\n`);
    }
    for (const asked of ['a"><b', "a<script>", "a'b"]) {
      const { status, body } = await ask(`${at(8404)}/`, asked);
      expect([302, 400]).toContain(status);
      expect(body).not.toContain(asked);
    }
  });

  testWith("haproxy")("leads to https where the access points speak TLS", async () => {
    const { at } = await startNode({ haproxy: { tls: { certificatePath: "a.pem", keyPath: "b.pem" } } });
    const { port } = new URL(at(8404));
    expect(await askByHttp2(`https://localhost:${port}`)).toContain(
      '<a href="https://localhost:9471/select/vmui/">VictoriaLogs queries, vmui</a>',
    );
  });

  testWith("haproxy")("says in its headers that nothing else may be loaded and nothing kept", async () => {
    const { at } = await startNode();
    const { status, headers, body } = await ask(`${at(8404)}/`);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": expect.stringMatching(/^default-src 'none'; style-src 'sha256-/),
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
    });
    expect(body).not.toMatch(/password|admin/);
    expect(await ask(`${at(8404)}/`, undefined, "HEAD")).toMatchObject({
      status: 200,
      headers: { "content-length": String(Buffer.byteLength(body)) },
      body: "",
    });
  });

  testWith("haproxy")("answers everything else as without a page", async () => {
    const { at } = await startNode();
    const stats = { status: 302, headers: { location: "/stats" } };
    expect(await ask(`${at(8404)}/`, undefined, "POST")).toMatchObject(stats);
    // Where the other nodes and the engine ask.
    expect(await ask(`${at(8405)}/`)).toMatchObject(stats);
    for (const path of ["/x", "/index.html", "/landing.html", "/favicon.ico"])
      expect(await ask(`${at(8404)}${path}`)).toMatchObject({ status: 401 });
    expect(await ask(`${at(8404)}/healthz`)).toMatchObject({ status: 200, body: "ok" });
  });
});

describe("two nodes", () => {
  testWith("haproxy")("show which group answers, and as up what the other node answers", async () => {
    const { nodes } = await twoNodes();
    const [one, two] = nodes;
    const page = async () => (await one.at(8404, "/")).body;
    await expect
      .poll(async () => banner(await page()), SLOW)
      .toMatch(/^Ready: all \d+ services behind HAProxy answer$/);
    expect(await page()).toContain("<dt>logs</dt><dd data-live>group a</dd>");
    expect(await page()).toContain(`<li><a href="http://${two.address}:8404/">node2</a>, group b</li>`);
    await expect.poll(async () => stateOf(await page(), 8429), SLOW).toBe("OTLP up, native up");

    await one.stopServices();
    await expect.poll(async () => banner(await page()), SLOW).toMatch(/^Not ready\. No answer from: gateway /);
    await expect.poll(page, SLOW).toContain("<dt>logs</dt><dd data-live>group b</dd>");
    const html = await page();
    expect([4317, 4318, 8481, 9471, 8483].map((port) => stateOf(html, port))).toEqual(["up", "up", "up", "up", "up"]);
    // Its own gateway's alone.
    expect(stateOf(html, 8888)).toBe("down");
  });
});
