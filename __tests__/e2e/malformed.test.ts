import { beforeAll, describe, expect, test } from "vitest";
import { docker, servicesOf } from "./support/engine";
import { start, succeed } from "./support/process";
import { context, ready, stack } from "./support/shared-stack";
import { say } from "./support/summary";

interface MalformedResult {
  readonly target: string;
  readonly case: string;
  readonly status: number;
  readonly ok4xx: boolean;
  readonly goodAfter: boolean;
  readonly error?: string;
  readonly goodError?: string;
}

describe(`malformed, oversized and wrongly typed requests (${context.title})`, () => {
  let results: readonly MalformedResult[];
  let before: Readonly<Record<string, string>>;

  beforeAll(async () => {
    await ready();
    before = await lives();
    const ports = ["otlp:otlpHttp", "vminsert:metricsInsert", "vlinsert:logsInsert", "vtinsert:tracesInsert"] as const;
    const targets = ports.flatMap((port) => {
      const [kind, point] = port.split(":") as [string, keyof typeof stack.fleet.ports];
      return ["-http", `${kind}:${stack.url(point)}`];
    });
    const args = ["malformed", ...targets, "-http", `grpc:127.0.0.1:${stack.fleet.ports.otlpGrpc}`];
    const output = await succeed(start(context.loadgen, args, { cwd: context.folder, env: {} }));
    results = JSON.parse(output) as readonly MalformedResult[];
    say("malformed", `${results.length} requests`);
  });

  test("are refused with the client's fault as the reason", () => {
    const other = results.filter(({ ok4xx }) => !ok4xx);
    expect(other).toEqual([]);
  });

  test("do not disturb the next request", () => {
    expect(results.length).toBeGreaterThan(60);
    expect(results.filter(({ goodAfter }) => !goodAfter)).toEqual([]);
  });

  test("do not make any service exceed its memory or restart", async () => {
    expect(await lives()).toEqual(before);
    for (const [service, { Id, State }] of await servicesOf(stack.fleet.name)) {
      expect({ service, oom: State.OOMKilled, running: State.Running }).toEqual({ service, oom: false, running: true });
      const { memory_stats: memory } = await docker.getContainer(Id).stats({ stream: false, "one-shot": true });
      const cache = memory.stats.total_inactive_file ?? memory.stats.inactive_file ?? 0;
      const share = (memory.usage - cache) / memory.limit;
      if (["gateway", "vminsert", "vlinsert", "vtinsert", "vmsingle", "haproxy"].includes(service))
        say("malformed", `${service} uses ${Math.round(share * 100)} % of its memory afterwards`);
      expect(share, service).toBeLessThan(0.9);
    }
  });
});

/** When each service's process began, and how often it was started again. */
async function lives(): Promise<Readonly<Record<string, string>>> {
  const services = await servicesOf(stack.fleet.name);
  return Object.fromEntries(
    [...services].map(([service, { State, RestartCount }]) => [
      service,
      `${State.StartedAt}, ${RestartCount} restarts`,
    ]),
  );
}
