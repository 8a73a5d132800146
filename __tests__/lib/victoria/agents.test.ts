import { describe, expect, test } from "vitest";
import { type Layout, resolveImages, storeEndpoints } from "../../../lib";
import { perSignal } from "../../../lib/fleet/definition";
import { AGENT_SIGNALS, type AgentsRequest, planAgents } from "../../../lib/victoria/agents";
import { codesOf, problemsOf } from "../../support/problems";

const request = (layout: Layout, overrides: Partial<AgentsRequest> = {}): AgentsRequest => ({
  groups: ["a", "b"],
  stores: perSignal((signal) => storeEndpoints(signal, layout)),
  prefix: "mirador_node1",
  queueMiB: 1024,
  images: resolveImages(),
  ...overrides,
});
const OLD = resolveImages({
  vmagent: { ref: "vmagent", version: "1.150.0" },
  vlagent: { ref: "vlagent", version: "1.24.0" },
});

test("the command lines, of old versions and of new ones", async () => {
  const lines = (images: AgentsRequest["images"]): string =>
    planAgents(request("cluster", { images }))
      .map(({ service: { service, command } }) => `${service}\n${command.map((flag) => `  ${flag}\n`).join("")}`)
      .join("");
  await expect(lines(OLD)).toMatchFileSnapshot("../../__fixtures__/victoria/agents.txt");
  expect(lines(resolveImages())).toBe(lines(OLD));
});

test.each<[Layout, string, string]>([
  ["cluster", "/insert/0/prometheus/api/v1/write", "/internal/insert"],
  ["single", "/api/v1/write", "/internal/insert"],
])("in the %s layout each agent writes once to the door of each group", (layout, metrics, logs) => {
  const urls = planAgents(request(layout)).map(({ service: { command } }) =>
    command.flatMap((flag) => /^-remoteWrite\.url=http:\/\/haproxy:(.*)$/.exec(flag)?.[1] ?? []),
  );
  expect(urls).toEqual([
    [`22001${metrics}`, `22002${metrics}`],
    [`22011${logs}`, `22012${logs}`],
  ]);
});

describe.each(planAgents(request("cluster")))("$service.service", ({ service, data, queueMiB }) => {
  test("keeps its queues in a volume of its own", () => {
    expect(service.volumes).toEqual([{ source: `mirador_node1-${service.service}-data`, path: "/queues" }]);
    expect(data.source).toBe(`mirador_node1-${service.service}-data`);
    expect(data.owner).toBe(service.user);
    expect(service.command).toContain("-remoteWrite.tmpDataPath=/queues");
  });

  test("is not root, publishes nothing and has a limit that its own is below", () => {
    expect(service.user).toBe("1000:1000");
    expect(service.publish).toEqual([]);
    const allowed = service.command.map((flag) => /^-memory\.allowedBytes=(\d+)MiB$/.exec(flag)?.[1]).find(Boolean);
    expect(Number(allowed)).toBeGreaterThan(0);
    expect(Number(allowed)).toBeLessThan(service.memoryMiB / 2);
  });

  test("asks for the disk that its queues can fill: for each group what it holds, and a file that is half sent", () => {
    expect(queueMiB).toBe(1024);
    expect(service.command).toContain("-remoteWrite.maxDiskUsagePerURL=1024MiB");
    expect(data.requiredFreeMiB).toBe(2 * (1024 + 512));
  });

  test("is given the time to stop that it takes at worst: delay, open requests, two groups that hang", () => {
    expect(service.stopSeconds).toBeGreaterThanOrEqual(5 + 7 + 2 * 10);
  });
});

test("a small queue is given as what the agent makes of it, so that it has nothing to warn of", () => {
  for (const { service, queueMiB } of planAgents(request("cluster", { queueMiB: 64 }))) {
    // Its least: 16 blocks of 32 MiB and 8 bytes.
    expect(queueMiB * 1024 * 1024).toBeGreaterThanOrEqual((32 * 1024 * 1024 + 8) * 16);
    expect(service.command).toContain(`-remoteWrite.maxDiskUsagePerURL=${queueMiB}MiB`);
  }
});

test("VictoriaTraces takes OTLP alone: there is no agent for it", () => {
  expect(AGENT_SIGNALS).toEqual(["metrics", "logs"]);
  for (const layout of ["cluster", "single"] as const)
    expect(storeEndpoints("traces", layout).remoteWritePath).toBeUndefined();
});

test("fails for a version that lacks a flag it cannot do without", () => {
  const images = resolveImages({ vlagent: { ref: "x", version: "1.23.0" } });
  const codes = codesOf(problemsOf(() => planAgents(request("cluster", { images }))));
  expect(new Set(codes.map(String))).toEqual(new Set(["image/flag-unsupported,images.vlagent.version"]));
});
