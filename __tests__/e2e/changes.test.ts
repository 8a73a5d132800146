import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import type { FleetDefinition } from "../../lib";
import { Load, type LoadReport, verify } from "./support/loadgen";
import { runningConfig } from "./support/query";
import { context, ready, stack } from "./support/shared-stack";
import { NO_CHANGE } from "./support/stack";
import { sayCounts } from "./support/summary";

const RATES = { spans: 500, logs: 500, samples: 2_000 } as const;

describe(`changed under load (${context.title})`, () => {
  beforeAll(ready);

  test("a collector's setting replaces its container alone, and no request fails", async () => {
    const before = await stack.ids();
    const config = await runningConfig(stack);
    const sent = await applyUnderLoad("collector changed", { batch: { flushMilliseconds: 250 } });
    const after = await stack.ids();
    expect(replaced(before, after)).toEqual(["gateway", "ready"]);
    expect(await runningConfig(stack)).toBe(config);
    expectNoFailure(sent);
    expect(await stack.plan()).toEqual(NO_CHANGE);
  });

  test("HAProxy's settings are reloaded in the same container, and no request fails", async () => {
    const change: FleetDefinition = { haproxy: { algorithm: "leastconn", checkIntervalSeconds: 3 } };
    const before = await stack.ids();
    const config = await runningConfig(stack);
    // The collector's change stays, so that this one is the only one.
    const sent = await applyUnderLoad("HAProxy changed", { batch: { flushMilliseconds: 250 }, ...change });
    const after = await stack.ids();
    expect(replaced(before, after)).toEqual(["haproxy-configure", "ready"]);
    expect(await runningConfig(stack)).not.toBe(config);
    expectNoFailure(sent);
    expect(await stack.plan()).toEqual(NO_CHANGE);
  });
});

/** The load gives a request one try: whatever the node does not bridge counts as failed. */
async function applyUnderLoad(what: string, change: FleetDefinition): Promise<LoadReport> {
  const load = Load.begin(context, stack, "changed", { ...RATES, seconds: 300, retry: false });
  await sleep(5_000);
  await stack.apply(change);
  await sleep(5_000);
  const sent = await load.stop();
  const verdicts = await verify(context, stack, sent);
  sayCounts(what, sent, verdicts);
  for (const signal of ["spans", "logs", "samples"] as const)
    expect(verdicts[signal], signal).toMatchObject({ lost: 0, double: 0 });
  return sent;
}

function expectNoFailure({ signals }: LoadReport): void {
  for (const signal of ["spans", "logs", "samples"] as const) {
    expect(signals[signal], signal).toMatchObject({ failedRequests: 0, rejectedItems: 0, refused: {} });
    for (const protocol of ["grpc", "http"])
      expect(signals[signal]?.byProtocol[protocol]?.ackedRequests, `${signal} ${protocol}`).toBeGreaterThan(10);
  }
}

/** Services and jobs whose container is another one now. */
function replaced(before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => before[name] !== after[name]).sort();
}
