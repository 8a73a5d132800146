import puppeteer, { type Page } from "puppeteer-core";
import { describe, expect, onTestFinished } from "vitest";
import { program, testWith } from "../support/binaries";
import { startNode } from "../support/one-node";
import { twoNodes } from "../support/two-nodes";

const SLOW = { timeout: 20_000, interval: 200 };
const LONGEST = { name: "f".repeat(40), nodes: [{ name: "n".repeat(40), address: "10.0.0.11" }] };
const WIDTHS = [360, 1280];

/** A tab of a real browser, and what it complained about and asked for. */
interface Tab {
  readonly page: Page;
  readonly complaints: readonly string[];
  readonly requests: readonly string[];
}

async function openTab(): Promise<Tab> {
  const browser = await puppeteer.launch({
    executablePath: program("chromium").file,
    // Chromium's sandbox does not start as root, and in a container its shared memory may be small.
    args: [...(process.getuid?.() === 0 ? ["--no-sandbox"] : []), "--disable-dev-shm-usage"],
  });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => requests.push(request.url()));
  return { page, complaints, requests };
}

/** A script of the page as text: the tests know no DOM. */
const evaluate = <T>(page: Page, script: string): Promise<T> => page.evaluate(script) as Promise<T>;
const textOf = (page: Page, selector: string): Promise<string> =>
  evaluate(page, `document.querySelector(${JSON.stringify(selector)})?.innerText.replaceAll(/\\s+/g, " ").trim()`);
const stateOf = (page: Page, port: number): Promise<string> =>
  evaluate(
    page,
    `[...document.querySelectorAll("tbody tr")].find((row) => row.cells[1].innerText === "${port}")?.cells[2].innerText`,
  );
/** What sticks out of the window, by its markup. */
const TOO_WIDE = `[document.documentElement, ...document.querySelectorAll("body *")]
  .filter((each) => each.scrollWidth > each.clientWidth && each.clientWidth > 0 || each.getBoundingClientRect().right > innerWidth)
  .map((each) => each.outerHTML.slice(0, 80))`;

describe("a browser", () => {
  testWith("haproxy", "chromium")(
    "shows a node's state on a phone and on a screen, asking for nothing else",
    async () => {
      const { stores, at } = await startNode(LONGEST);
      stores.answers = false;
      const url = `${at(8404)}/`;
      const { page, complaints, requests } = await openTab();
      for (const width of WIDTHS) {
        await page.setViewport({ width, height: 740 });
        await page.goto(url);
        await expect.poll(() => textOf(page, "[role=status]"), SLOW).toContain("vmselect vlselect vtselect");
        expect(await textOf(page, "[role=status]")).toMatch(/^Not ready\. No answer from:/);
        expect(await stateOf(page, 8481)).toBe("down");
        expect(await stateOf(page, 4318)).toBe("up");
        expect(await evaluate(page, TOO_WIDE)).toEqual([]);
      }
      expect(await page.title()).toBe(`${"n".repeat(40)} – ${"f".repeat(40)}`);
      expect([...new Set(requests)].filter((asked) => asked !== "data:,")).toEqual([url]);
      expect(complaints).toEqual([]);
    },
  );

  testWith("haproxy", "chromium")("leads to where the node was opened, and shows what to export", async () => {
    const { at } = await startNode();
    const { origin, port } = new URL(at(8404));
    const { page } = await openTab();
    await page.goto(`http://localhost:${port}/`);
    expect(await evaluate(page, `[...document.querySelectorAll("a")].map((each) => each.href)`)).toEqual([
      ...["stats", "healthz", "readyz", "metrics"].map((path) => `http://localhost:${port}/${path}`),
      "http://localhost:8888/metrics",
      "http://localhost:8481/select/0/vmui/",
      "http://localhost:9471/select/vmui/",
      "http://localhost:8483/select/vmui/",
    ]);
    expect(await evaluate(page, `document.querySelector("pre").textContent`)).toBe(
      "export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318\nexport OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    );
    await page.goto(`${origin}/`);
    expect(await textOf(page, "pre")).toContain("=http://127.0.0.1:4318");
  });

  testWith("haproxy", "chromium")(
    "follows the state without loading the page again, and says when nobody answers",
    async () => {
      const { stores, at } = await startNode();
      const { page, complaints } = await openTab();
      await page.goto(`${at(8404)}/`);
      await evaluate(page, "globalThis.opened = true");
      const ready = () => textOf(page, "[role=status]");
      await expect.poll(ready, SLOW).toBe("Ready: all 15 services behind HAProxy answer");
      stores.answers = false;
      await expect.poll(ready, SLOW).toContain("Not ready.");
      expect(await stateOf(page, 9471)).toBe("down");
      expect(complaints).toEqual([]);

      const lost = () => evaluate(page, `!document.getElementById("lost").hidden`);
      expect(await lost()).toBe(false);
      await page.setOfflineMode(true);
      await expect.poll(lost, SLOW).toBe(true);
      await page.setOfflineMode(false);
      await expect.poll(lost, SLOW).toBe(false);
      expect(await evaluate(page, "globalThis.opened")).toBe(true);
    },
  );

  testWith("haproxy", "chromium")(
    "shows the same without JavaScript, and loads it again every ten seconds",
    async () => {
      const { at } = await startNode();
      const { page, requests, complaints } = await openTab();
      await page.setJavaScriptEnabled(false);
      await page.goto(`${at(8404)}/`);
      expect(await textOf(page, "[role=status]")).toMatch(/^(Ready|Not ready)/);
      expect(await stateOf(page, 4318)).toBe("up");
      const loads = () => requests.filter((asked) => asked === `${at(8404)}/`).length;
      await expect.poll(loads, SLOW).toBeGreaterThan(1);
      expect(complaints).toEqual([]);
    },
  );

  testWith("haproxy", "chromium")("goes from one node of a fleet to another", async () => {
    const { nodes } = await twoNodes();
    const [one, two] = nodes;
    const { page, complaints } = await openTab();
    await page.goto(`http://${one.address}:8404/`);
    for (const width of WIDTHS) {
      await page.setViewport({ width, height: 740 });
      expect(await evaluate(page, TOO_WIDE)).toEqual([]);
    }
    expect(await textOf(page, "dl")).toBe("logs group a traces group a");
    await Promise.all([page.waitForNavigation(), page.click("li a")]);
    expect(page.url()).toBe(`http://${two.address}:8404/`);
    expect(await textOf(page, "h1")).toBe("node2");
    expect(complaints).toEqual([]);
  });
});
