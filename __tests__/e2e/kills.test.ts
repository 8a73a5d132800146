import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { crash, stop } from "./support/engine";
import { Load, type SignalName, verify } from "./support/loadgen";
import { context, ready, stack } from "./support/shared-stack";
import { say, sayCounts } from "./support/summary";

const RATES = { spans: 1_000, logs: 1_000, samples: 5_000 } as const;
/** Seconds of acknowledged items that a killed store may lose, as the README states them. */
const WINDOW = { spans: 5, logs: 5, samples: 12 } as const;

describe(`killed with -9 under load (${context.title})`, () => {
  beforeAll(ready);

  test("the three stores: each loses no more than the README says", async () => {
    const load = Load.begin(context, stack, "killed", { ...RATES, seconds: 60 });
    // Longer than any flush: what is lost is what is younger than the window, and not all there is.
    await sleep(25_000);
    await Promise.all(stack.storages.map((service) => crash(stack.container(service))));
    await sleep(15_000);
    const sent = await load.stop();
    const verdicts = await verify(context, stack, sent, 60);
    sayCounts("stores killed", sent, verdicts);
    for (const signal of ["spans", "logs", "samples"] as const) {
      const { lost = Number.NaN } = verdicts[signal] ?? {};
      const seconds = lost / RATES[signal];
      say("stores killed", `${signal}: ${seconds.toFixed(2)} s lost of ${WINDOW[signal]} s that are allowed`);
      expect(sent.signals[signal]?.failedRequests, signal).toBe(0);
      expect(seconds, signal).toBeLessThanOrEqual(WINDOW[signal]);
    }
  });

  test("the gateway with full queues: everything acknowledged arrives", async () => {
    const storages = stack.storages.map((service) => stack.container(service));
    const rates = { spans: 4_000, logs: 6_000, samples: 20_000 };
    const load = Load.begin(context, stack, "full", { ...rates, seconds: 90 });
    await sleep(3_000);
    await Promise.all(storages.map(stop));
    await expect.poll(refusedSignals, { timeout: 120_000, interval: 1_000 }).toEqual(["logs", "metrics", "traces"]);
    await crash(stack.container("gateway"));
    await sleep(5_000);
    await Promise.all(storages.map((container) => container.start()));
    const filled = [...storages, ...stack.insertsOfMetrics.map((service) => stack.container(service))];
    const begun = await Promise.all(filled.map((container) => container.inspect()));
    const startedAt = new Map(begun.map(({ Name, State }) => [Name, State.StartedAt]));
    const sent = await load.report();
    const verdicts = await verify(context, stack, sent, 180);
    sayCounts("gateway killed, queues full", sent, verdicts);
    // What is killed by what the gateway pours into it loses what it has just taken into memory.
    for (const container of filled) {
      const { Name, State } = await container.inspect();
      expect({ Name, oom: State.OOMKilled, startedOnce: State.StartedAt === startedAt.get(Name) }).toEqual({
        Name,
        oom: false,
        startedOnce: true,
      });
    }
    for (const signal of Object.keys(RATES) as SignalName[]) {
      expect(Object.keys(sent.signals[signal]?.refused ?? {}), signal).not.toEqual([]);
      expect(sent.signals[signal]?.failedRequests, signal).toBe(0);
      expect(verdicts[signal]?.lost, signal).toBe(0);
    }
  });
});

/** Signals whose queue has refused something, as the gateway itself counts it. */
async function refusedSignals(): Promise<readonly string[]> {
  const text = await (await fetch(stack.url("gatewayMetrics", "/metrics"))).text();
  const refused = [
    ...text.matchAll(/^otelcol_exporter_enqueue_failed_(\w+?)\{exporter="otlp_http\/store_.*\} (\d+)/gm),
  ];
  const names: Readonly<Record<string, string>> = { spans: "traces", log_records: "logs", metric_points: "metrics" };
  return refused.flatMap(([, kind = "", count]) => (Number(count) > 0 ? [names[kind] ?? kind] : [])).sort();
}
