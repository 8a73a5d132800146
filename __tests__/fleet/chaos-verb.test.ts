import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Account } from "../../cli/chaos/account";
import { temporaryFolder } from "../support/folders";
import { useFleet } from "./support/deployed";
import { context } from "./support/shared-rig";
import { waitFor } from "./support/wait";

/** The only one of its group: a store that is killed leaves a hole in it, which the other group must not have too. */
const STRUCK = "node2";
const SECONDS = 6;

interface Report {
  readonly kept: boolean;
  readonly readySeconds: number;
  readonly accounts: readonly Account[];
}

describe(`mirador chaos and open on three nodes (${context.title})`, () => {
  const { stack } = useFleet();
  const others = stack.nodes.filter((node) => node !== STRUCK);

  async function states(): Promise<readonly string[]> {
    const services = await stack.services(STRUCK);
    const looks = await Promise.all(services.map((service) => stack.container(STRUCK, service).inspect()));
    return looks.map(({ State }) => State.Status);
  }

  /** Strikes the node, and looks at it meanwhile. @returns what was said */
  async function play(kind: string, struck: () => Promise<boolean>, ...args: readonly string[]): Promise<string> {
    const run = await stack.startMirador("chaos", kind, STRUCK, "--for", `${SECONDS}s`, "--yes", ...args);
    onTestFinished(() => void run.process.kill("SIGTERM"));
    await waitFor(`${STRUCK} is struck`, { seconds: 60 }, struck);
    const { status, output } = await run.ended;
    console.log(`fleet | mirador chaos ${kind}: status ${status}\n${output}`);
    expect(status).toBe(0);
    expect(new Set(await states())).toEqual(new Set(["running"]));
    return output;
  }

  const reportIn = (output: string): Report => JSON.parse(output.slice(output.indexOf("\n{\n")));

  function expectNothingLost({ kept, accounts }: Report): void {
    expect(kept).toBe(true);
    for (const signal of ["metrics", "logs", "traces"]) {
      const rows = accounts.filter((account) => account.signal === signal);
      expect(rows.map(({ node, lost }) => [node, lost])).toEqual([...others, STRUCK].map((node) => [node, []]));
      for (const { node, taken, answered } of rows) {
        if (node === STRUCK) expect([taken, answered]).toEqual([undefined, undefined]);
        else {
          expect(taken?.acknowledged, `${signal} at ${node}`).toBeGreaterThan(SECONDS * 2);
          // Figures of its own are the chaos suite's business; here the machine may be busy.
          expect(taken?.gapSeconds, `${signal} at ${node}`).toBeLessThan(SECONDS);
          expect(answered?.gapSeconds, `${signal} at ${node}`).toBeLessThan(SECONDS + 5);
          expect(answered?.slowestSeconds, `${signal} at ${node}`).toBeGreaterThan(0);
        }
      }
    }
  }

  test("cut takes the node off clients and neighbours, and puts it back as Terraform knows it", async () => {
    const haproxy = stack.container(STRUCK, "haproxy");
    const networks = async () => Object.keys((await haproxy.inspect()).NetworkSettings.Networks);
    const before = await networks();
    const reached = () =>
      fetch(stack.url(STRUCK, "stats", "/healthz")).then(
        () => true,
        () => false,
      );
    const output = await play("cut", async () => (await networks()).length === 0 && !(await reached()), "--json");
    expectNothingLost(reportIn(output));
    expect(await networks()).toEqual(before);
    expect(await reached()).toBe(true);
    expect(await stack.plan(STRUCK)).toEqual({ add: 0, change: 0, destroy: 0 });
  });

  test("hang pauses every container of the node", async () => {
    const output = await play("hang", async () => (await states()).every((state) => state === "paused"));
    for (const signal of ["metrics", "logs", "traces"]) {
      for (const node of others) expect(output).toMatch(new RegExp(`^${signal} +${node} +\\d+ +\\d+ +0 +\\d+ `, "m"));
      expect(output).toMatch(new RegExp(`^${signal} +${STRUCK} \\* +- +- +0 +- `, "m"));
    }
    expect(output).toMatch(/^nothing that was acknowledged is lost: \d+ items$/m);
  });

  test("Ctrl-C ends the fault first; meanwhile the fleet is locked", async () => {
    const run = await stack.startMirador("chaos", "hang", STRUCK, "vlstorage", "gateway", "--for", "5m", "--yes");
    onTestFinished(() => void run.process.kill("SIGTERM"));
    const paused = async () => (await states()).filter((state) => state === "paused").length;
    await waitFor("two services hang", { seconds: 60 }, async () => (await paused()) === 2);
    expect(run.heard()).toMatch(/unpause fleet_node2-vlstorage fleet_node2-gateway$/m);
    expect(await stack.mirador("reload", "node1")).toMatchObject({
      status: 1,
      output: expect.stringContaining("mirador chaos hang node2 vlstorage gateway runs in this checkout"),
    });
    run.process.kill("SIGINT");
    // An impatient person, and then the terminal is closed: it is undone all the same.
    run.process.kill("SIGINT");
    run.process.kill("SIGHUP");
    const { status, output } = await run.ended;
    expect({ status, output }).toMatchObject({ status: 130, output: expect.stringContaining("the fault was undone") });
    expect(await paused()).toBe(0);
  });

  test("kill ends every container of the node, and starts them again", async () => {
    const report = reportIn(
      await play("kill", async () => (await states()).every((state) => state === "exited"), "--json"),
    );
    expectNothingLost(report);
    expect(report.readySeconds).toBeGreaterThan(0);
  });

  test("nothing is touched without the fleet's name, nor while the fleet is not well", async () => {
    const refused = await stack.mirador("chaos", "hang", STRUCK, "haproxy");
    expect(refused).toMatchObject({ status: 64, output: expect.stringContaining("error chaos/not-confirmed") });
    const vlselect = stack.container("node1", "vlselect");
    await vlselect.stop();
    try {
      const { status, output } = await stack.mirador("chaos", "hang", STRUCK, "--yes");
      expect(status).toBe(1);
      expect(output).toMatch(
        /error chaos\/fleet-not-well\n +what +nothing was touched[\s\S]*vlselect of node1 is exited/,
      );
    } finally {
      await vlselect.start();
    }
    expect(new Set(await states())).toEqual(new Set(["running"]));
  });

  test("open hands the address of a page that answers to the browser, and no password", async () => {
    const folder = temporaryFolder();
    const [browser, seen] = [join(folder, "xdg-open"), join(folder, "seen")];
    writeFileSync(browser, `#!/bin/sh\nfor word; do echo "$word" >> ${seen}; done\n`);
    chmodSync(browser, 0o755);
    const display = { PATH: `${folder}:${process.env.PATH}`, DISPLAY: ":99", WAYLAND_DISPLAY: "" };
    const at = (page: string, node: string) =>
      page === "landing" ? stack.url(node, "stats", "/") : stack.url(node, `${page}Select` as "logsSelect");
    for (const [page, node] of [
      ["metrics", "node2"],
      ["logs", "node3"],
      ["landing", "node2"],
    ] as const) {
      rmSync(seen, { force: true });
      const { status, output } = await stack.miradorAs({}, display, "open", page, node);
      const words = await waitFor("the browser", { seconds: 5 }, () => existsSync(seen) && readFileSync(seen, "utf8"));
      const [url = ""] = words.trim().split("\n");
      expect({ status, words, output }).toMatchObject({
        status: 0,
        words: `${url}\n`,
        output: expect.stringContaining(url),
      });
      expect(url.startsWith(at(page, node))).toBe(true);
      expect((await fetch(url)).status, url).toBe(200);
    }
    rmSync(seen, { force: true });
    const stats = await stack.miradorAs({}, display, "open", "stats");
    const url = stack.url("node1", "stats", "/stats");
    expect(stats).toMatchObject({ status: 0, output: expect.stringContaining(`${url}\n`) });
    expect(stats.output).not.toContain(context.statsPassword);
    expect(readFileSync(seen, "utf8")).toBe(`${url}\n`);
    expect((await fetch(url)).status).toBe(401);
    rmSync(seen);
    const without = await stack.miradorAs({}, { ...display, DISPLAY: "" }, "open", "traces");
    expect(without).toMatchObject({ status: 0, output: expect.stringContaining("no display here") });
    expect((await fetch(stack.url("node1", "tracesSelect", "/select/vmui/"))).status).toBe(200);
    expect(existsSync(seen)).toBe(false);
  });
});
