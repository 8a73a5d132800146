import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { allReady, useFleet } from "./support/deployed";
import { countAt, FleetLoad, type LoadReport, type Rates } from "./support/load";
import { context, faults, rig } from "./support/shared-rig";
import { sayCounts } from "./support/summary";
import { expectInEachGroup, expectServed, lossesIn, RATES, survive } from "./support/survive";

/**
 * What a store that is killed may lose: what it has taken and not written to disk yet. A fleet loses it where both groups
 * are hit within that time (docs/fleets.md, "What may still be lost, and when").
 */
const WINDOW_SECONDS = { spans: 5, logs: 5, samples: 12 } as const;
/** From an acknowledgement to the stores, on a busy machine: what is on its way waits on disk and is not lost. */
const WAY_SECONDS = 3;
/** Of load before the windows begin. */
const EARLIER_SECONDS = 10;
const LOAD_SECONDS = 600;

describe(`all of three nodes at once (${context.title})`, () => {
  const { stack } = useFleet();

  test("are shut down in order and booted: nothing is lost", async () => {
    await survive(stack, {
      name: "shutdown of all hosts",
      struck: stack.nodes,
      begin: async () => {
        await Promise.all(rig.hosts.map((host) => faults.shutDown(host)));
      },
      end: bootAll,
      eachGroup: true,
    });
  });

  test("crash and boot: nothing is lost but what the stores had taken in their last seconds", async () => {
    const loads: FleetLoad[] = [];
    const begin = (name: string, rates: Rates): FleetLoad => {
      const load = FleetLoad.begin(context, stack, `all-crash-${name}`, { ...rates, seconds: LOAD_SECONDS });
      loads.push(load);
      return load;
    };
    try {
      const earlierSamples = begin("samples", { samples: RATES.samples });
      const earlierOthers = begin("others", { spans: RATES.spans, logs: RATES.logs });
      await sleep(EARLIER_SECONDS * 1000);
      const samples = await earlierSamples.stop();
      const last = begin("last", RATES);
      await sleep((WINDOW_SECONDS.samples - WINDOW_SECONDS.logs) * 1000);
      const others = await earlierOthers.stop();
      await sleep((WINDOW_SECONDS.logs + WAY_SECONDS) * 1000);
      await Promise.all(rig.hosts.map((host) => faults.crash(host)));
      await bootAll();
      await allReady(stack);
      await sleep(EARLIER_SECONDS * 1000);
      const late = await last.stop();

      for (const reports of [samples, others, late]) for (const [node, report] of reports) expectServed(node, report);
      await expectInEachGroup(stack, "crash of all hosts, before the window", [
        ...samples.values(),
        ...others.values(),
      ]);
      await expectLossWithinWindow([...late.values()]);
    } finally {
      for (const load of loads) load.abandon();
    }
  });

  async function bootAll(): Promise<void> {
    await Promise.all(rig.hosts.map((host) => faults.boot(host)));
  }

  async function expectLossWithinWindow(reports: readonly LoadReport[]): Promise<void> {
    const counts = await countAt(context, stack, reports, { seconds: 30 });
    sayCounts("crash of all hosts, within the window", counts);
    const allowed = (signal: keyof typeof RATES): number => RATES[signal] * (WINDOW_SECONDS[signal] + WAY_SECONDS);
    expect(lossesIn(counts, allowed)).toEqual([]);
  }
});
