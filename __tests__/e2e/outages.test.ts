import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { stop } from "./support/engine";
import { Load, type LoadOptions, type SignalName, verify } from "./support/loadgen";
import { context, ready, stack } from "./support/shared-stack";
import { sayCounts } from "./support/summary";

const AWAY_SECONDS = 30;

const gateway: Omit<LoadOptions, "seconds"> = { spans: 250, logs: 250, samples: 1_000 };

interface Outage {
  readonly what: string;
  readonly services: readonly string[];
  readonly loads: readonly Omit<LoadOptions, "seconds">[];
}

const outages: readonly Outage[] = [
  { what: "the three stores", services: stack.storages, loads: [gateway] },
  { what: "both adapters", services: ["vmadapter", "vlogadapter"], loads: [gateway] },
  {
    what: "the insert roles",
    services: [...stack.insertsOfMetrics, "vlinsert", "vtinsert"],
    loads: [
      // vminsert is on the way of the gateway, too; the other two are on that of native clients alone.
      { samples: 1_000 },
      { spans: 250, http: stack.url("tracesInsert") },
      { logs: 250, http: stack.url("logsInsert") },
    ],
  },
];

describe(`stopped for ${AWAY_SECONDS} s under load (${context.title})`, () => {
  beforeAll(ready);

  test.each(outages)(
    "$what: nothing acknowledged is lost, nothing is stored twice",
    async ({ what, services, loads }) => {
      const running = loads.map((load) =>
        Load.begin(context, stack, "stopped", { ...load, seconds: AWAY_SECONDS + 50 }),
      );
      await sleep(10_000);
      const containers = services.map((service) => stack.container(service));
      await Promise.all(containers.map(stop));
      for (const container of containers) {
        const { State } = await container.inspect();
        // 137 would say that it had to be killed.
        expect({ code: State.ExitCode, oom: State.OOMKilled }).toEqual({ code: 0, oom: false });
      }
      await sleep(AWAY_SECONDS * 1_000);
      await Promise.all(containers.map((container) => container.start()));
      await sleep(10_000);
      for (const load of running) {
        const sent = await load.stop();
        const verdicts = await verify(context, stack, sent, 150);
        sayCounts(`${what} stopped`, sent, verdicts);
        for (const signal of Object.keys(sent.signals) as SignalName[]) {
          expect(sent.signals[signal]?.failedRequests, signal).toBe(0);
          expect(sent.signals[signal]?.ackedItems, signal).toBeGreaterThan(1_000);
          expect(verdicts[signal], signal).toMatchObject({ lost: 0, double: 0 });
        }
      }
    },
  );
});
