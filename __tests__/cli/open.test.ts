import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { browserProgram, open, type PageName, pageUrl, troubleAt } from "../../cli/operate/open";
import { Progress } from "../../cli/progress";
import { nodePlan, PASSWORD } from "../support/fleets";
import { ROOT, temporaryFolder } from "../support/folders";

test.each<[PageName, string]>([
  ["landing", "http://10.0.0.11:8404/"],
  ["stats", "http://10.0.0.11:8404/stats"],
  ["metrics", "http://10.0.0.11:8481/select/0/vmui/"],
  ["logs", "http://10.0.0.11:9471/select/vmui/"],
  ["traces", "http://10.0.0.11:8483/select/vmui/"],
])("the page %s is at %s", (page, url) => {
  expect(pageUrl(nodePlan(), page)).toBe(url);
});

test.each([
  [{ status: 200 }, undefined],
  [{ status: 401 }, undefined],
  [{ status: 503 }, "HTTP 503"],
  [{ code: "ECONNREFUSED" }, "ECONNREFUSED"],
  // The browser knows authorities that this program does not.
  [{ code: "SELF_SIGNED_CERT_IN_CHAIN" }, undefined],
])(
  "of a page that gives %j the trouble is %s",
  async ({ status, code }: { status?: number; code?: string }, trouble) => {
    const request = async () => {
      if (code !== undefined) throw Object.assign(new TypeError("fetch failed"), { cause: { code } });
      return new Response("", { status: status ?? 0 });
    };
    expect(await troubleAt("http://10.0.0.11:8404/", request)).toBe(trouble);
  },
);

test.each<[NodeJS.Platform, Record<string, string>, readonly string[] | undefined]>([
  ["linux", { DISPLAY: ":0" }, ["xdg-open"]],
  ["linux", { WAYLAND_DISPLAY: "wayland-0" }, ["xdg-open"]],
  ["linux", {}, undefined],
  ["darwin", {}, ["open"]],
  ["win32", {}, ["rundll32", "url.dll,FileProtocolHandler"]],
])("on %s with %j a browser is started by %j", (platform, environment, program) => {
  expect(browserProgram(platform, environment)).toEqual(program);
});

/** A checkout whose node's landing page is served by this test, with a browser program that does what `script` says. */
async function checkout(script: string) {
  const server = createServer((_, response) => response.end("page"));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const library = JSON.stringify(join(ROOT, "lib", "index.ts"));
  const folder = temporaryFolder({
    "fleet.ts": `import { defineFleet } from ${library};\nexport default defineFleet({ nodes: [{ name: "node1", address: "127.0.0.1" }], ports: { stats: ${port} } });\n`,
  });
  writeFileSync(join(folder, "xdg-open"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, "xdg-open"), 0o755);
  const environment = { HAPROXY_STATS_PASS: PASSWORD, PATH: `${folder}:${process.env.PATH}`, DISPLAY: ":9" };
  const said: string[] = [];
  const hear = (text: unknown): boolean => said.push(String(text).trimEnd()) > 0;
  vi.spyOn(process.stdout, "write").mockImplementation(hear);
  vi.spyOn(console, "error").mockImplementation(hear);
  onTestFinished(() => void vi.restoreAllMocks());
  const session = {
    ...{ folder, environment, interrupt: new AbortController().signal },
    progress: new Progress({ out: { write: () => undefined }, environment }),
  };
  return { folder, session, said, server, url: `http://127.0.0.1:${port}` };
}

const LINUX = process.platform === "linux";

test.runIf(LINUX)("the browser is given the address and nothing else; it has no password", async () => {
  const { folder, session, said, url } = await checkout('for word; do echo "$word"; done >> "$(dirname "$0")/seen"');
  expect(await open(session, { page: "stats", node: undefined, print: false })).toBe(0);
  expect(said).toEqual([`${url}/stats`, "note: it asks for a login: admin, with the password in HAPROXY_STATS_PASS"]);
  expect(readFileSync(join(folder, "seen"), "utf8")).toBe(`${url}/stats\n`);
  expect(said.join()).not.toContain(PASSWORD);
});

test.runIf(LINUX)("fails with what the browser's program said of itself, after the address", async () => {
  const { session, said, url } = await checkout("exit 3");
  await expect(open(session, { page: "landing", node: "node1", print: false })).rejects.toThrow(
    /open\/no-browser\n +what +no browser could be started: xdg-open ended with status 3/,
  );
  expect(said).toEqual([`${url}/`]);
  expect(await open(session, { page: "landing", node: "node1", print: true })).toBe(0);
});

test("fails where nothing answers, and says the address all the same", async () => {
  const { session, said, server, url } = await checkout("exit 3");
  await new Promise((done) => server.close(done));
  await expect(open(session, { page: "landing", node: undefined, print: false })).rejects.toThrow(
    /open\/no-answer[\s\S]*ECONNREFUSED/,
  );
  expect(said).toEqual([`${url}/`]);
});
