import { describe, expect, test } from "vitest";
import { type Layout, planVictoria, resolveImages, type VictoriaRequest } from "../../../lib";
import { SIGNALS } from "../../../lib/fleet/definition";
import { healthUrls } from "../../../lib/victoria/plan-victoria";

const LAYOUTS: readonly Layout[] = ["cluster", "single"];
const BOTH = SIGNALS.flatMap((signal) => LAYOUTS.map((layout) => [signal, layout] as const));
/** The oldest versions that this program is run with. */
const OLD = resolveImages({
  "victoria-metrics": { ref: "vm", version: "1.150.0" },
  "victoria-logs": { ref: "vl", version: "1.24.0" },
  "victoria-traces": { ref: "vt", version: "0.1.0" },
});

const request = (overrides: Partial<VictoriaRequest>): VictoriaRequest => ({
  signal: "metrics",
  retentionDays: 30,
  dataSource: "data",
  images: resolveImages(),
  ...overrides,
});
const commandLines = (overrides: Partial<VictoriaRequest>): string =>
  planVictoria(request(overrides))
    .services.map(({ service, command }) => `${service}\n${command.map((flag) => `  ${flag}\n`).join("")}`)
    .join("");

test.each(BOTH)("the command lines of %s in the %s layout", async (signal, layout) => {
  const file = `../../__fixtures__/victoria/${signal}-${layout}.txt`;
  await expect(commandLines({ signal, layout })).toMatchFileSnapshot(file);
});

test("older versions get the same lines without what they do not know", () => {
  const lines = (images: VictoriaRequest["images"]) =>
    BOTH.flatMap(([signal, layout]) => commandLines({ signal, layout, images }).split("\n"));
  const missing = lines(resolveImages()).filter((line) => !lines(OLD).includes(line));
  expect(missing).toEqual(["  -insert.drainTimeout=5s"]);
  expect(lines(OLD).filter((line) => !lines(resolveImages()).includes(line))).toEqual([]);
});

test("the cluster layout is the default", () => {
  expect(planVictoria(request({}))).toEqual(planVictoria(request({ layout: "cluster" })));
});

describe.each(BOTH)("%s in the %s layout", (signal, layout) => {
  const plan = planVictoria(request({ signal, layout, retentionDays: 17, minFreeDiskMiB: 77 }));
  const storages = plan.services.filter(({ volumes }) => volumes.length > 0);

  test("has one service with data, told how long to keep it and how much disk to leave", () => {
    expect(storages).toHaveLength(1);
    expect(storages[0]?.service).toMatch(/(storage|vmsingle)$/);
    expect(storages[0]?.volumes.map(({ source }) => source)).toEqual(["data"]);
    expect(storages[0]?.command).toEqual(
      expect.arrayContaining([
        `-storageDataPath=${storages[0]?.volumes[0]?.path}`,
        "-retentionPeriod=17d",
        "-storage.minFreeDiskSpaceBytes=77MiB",
        "-inmemoryDataFlushInterval=1s",
      ]),
    );
  });

  test("gives the storage longest to stop, so that it writes down what it holds", () => {
    for (const { stopSeconds } of plan.services) expect(storages[0]?.stopSeconds).toBeGreaterThanOrEqual(stopSeconds);
  });

  test("listens where its endpoints and health checks say", () => {
    const listening = plan.services.map(({ service, command }) => {
      const port = /^-httpListenAddr=:(\d+)$/.exec(command[0] ?? "")?.[1];
      return `http://${service}:${port}/health`;
    });
    expect(healthUrls(plan)).toEqual(listening);
    for (const { service, port } of [plan.endpoints.insert, plan.endpoints.select, plan.endpoints.otlp])
      expect(listening).toContain(`http://${service}:${port}/health`);
  });

  test("keeps caches below the container's memory", () => {
    for (const { command, memoryMiB } of plan.services) {
      const allowed = command.map((flag) => /^-memory\.allowedBytes=(\d+)MiB$/.exec(flag)?.[1]).find(Boolean);
      expect(Number(allowed)).toBeGreaterThan(0);
      expect(Number(allowed)).toBeLessThanOrEqual(memoryMiB * 0.6);
    }
  });

  test("runs as a user, with at most one tmpfs beside /tmp and no published port", () => {
    for (const { user, publish } of plan.services) {
      expect(user).toBe("1000:1000");
      expect(publish).toEqual([]);
    }
  });
});

test("VictoriaLogs is asked for its health by its own program, from the version that can, and nothing waits for it", () => {
  const checksOf = (images: VictoriaRequest["images"]) =>
    planVictoria(request({ signal: "logs", images })).services.map(({ healthcheck }) => healthcheck);
  const pace = { intervalSeconds: 30, timeoutSeconds: 5, retries: 3, startPeriodSeconds: 60, awaited: false };
  expect(checksOf(resolveImages())).toEqual(
    [9481, 9471, 9491].map((port) => ({
      command: ["/victoria-logs-prod", "-health", `-httpListenAddr=:${port}`],
      ...pace,
    })),
  );
  const before = resolveImages({ "victoria-logs": { ref: "vl", version: "1.52.0" } });
  expect(checksOf(before)).toEqual([undefined, undefined, undefined]);
  for (const signal of ["metrics", "traces"] as const)
    for (const { healthcheck } of planVictoria(request({ signal })).services) expect(healthcheck).toBeUndefined();
});

test("insert roles stop only after the balancer has seen it", () => {
  for (const signal of SIGNALS) {
    const { services, endpoints } = planVictoria(request({ signal, layout: "cluster" }));
    const insert = services.find(({ service }) => service === endpoints.insert.service);
    expect(insert?.command).toContain("-http.shutdownDelay=5s");
  }
});

test("metrics are queried without partial answers and without doubles", () => {
  const [, select] = planVictoria(request({})).services;
  expect(select?.command).toEqual(
    expect.arrayContaining(["-search.denyPartialResponse", "-dedup.minScrapeInterval=1ms"]),
  );
});
