import { describe, expect, test } from "vitest";
import { useFleet } from "./support/deployed";
import type { FleetStack } from "./support/fleet-stack";
import { FleetLoad, type LoadReport } from "./support/load";
import { context } from "./support/shared-rig";
import { expectInEachGroup, expectServed, RATES } from "./support/survive";
import { waitFor } from "./support/wait";

const SECONDS = 10;
/** Before and after a run: it says when it began by a whole clock, items by theirs. */
const MARGIN_SECONDS = 5;

describe(`clients of three nodes whose clock is wrong (${context.title})`, () => {
  const { stack } = useFleet();

  test.each([
    { clock: "10 minutes behind", skewSeconds: -600 },
    { clock: "2 minutes ahead", skewSeconds: 120 },
  ])("$clock: all is in both groups, and found at the time that it says", async ({ clock, skewSeconds }) => {
    const load = FleetLoad.begin(context, stack, `skew${skewSeconds}`, { ...RATES, seconds: SECONDS, skewSeconds });
    const reports = await load.reports();
    for (const [node, report] of reports) expectServed(node, report);
    await expectInEachGroup(stack, clock, [...reports.values()]);
    for (const node of stack.nodes) {
      for (const report of reports.values()) {
        const { logs, samples } = report.signals;
        const acked = { logs: logs?.ackedItems, metrics: samples?.ackedItems };
        // The groups were just away in turn, and the select roles with them.
        const found = await waitFor(`what clients ${clock} sent, at ${node}`, { seconds: 60 }, async () => {
          const counts = await foundAt(stack, node, report, skewSeconds);
          return Object.values(counts).some((count) => count === 0) ? undefined : counts;
        });
        expect({ node, ...found }).toEqual({ node, ...acked });
      }
    }
  });
});

/**
 * What a query finds that asks for the run's own time, moved by what the clock was wrong. Not of traces: a double of
 * VictoriaTraces takes no such query.
 */
async function foundAt(stack: FleetStack, node: string, report: LoadReport, skewSeconds: number) {
  const { run, started, ended } = report as LoadReport & { readonly started: string; readonly ended: string };
  const from = new Date(Date.parse(started) + (skewSeconds - MARGIN_SECONDS) * 1000);
  const to = new Date(Date.parse(ended) + (skewSeconds + MARGIN_SECONDS) * 1000);
  const time = `_time:[${from.toISOString()}, ${to.toISOString()}]`;
  const range = Math.ceil((to.getTime() - from.getTime()) / 1000);
  const query = `sum(count_over_time({__name__=~"loadgen_value.*",run="${run}"}[${range}s]))`;
  const at = `${to.getTime() / 1000}`;
  const instant = new URLSearchParams({ query, time: at, nocache: "1", latency_offset: "1ms" });
  const metrics = await ask(stack.url(node, "metricsSelect", `/select/0/prometheus/api/v1/query?${instant}`));
  const { data } = JSON.parse(metrics) as { data: { result: { value: [number, string] }[] } };
  const parameters = new URLSearchParams({ query: `${time} run:="${run}" | stats count() n` });
  const logs = await ask(stack.url(node, "logsSelect", `/select/logsql/query?${parameters}`));
  return { logs: Number((JSON.parse(logs) as { n: string }).n), metrics: Number(data.result[0]?.value[1] ?? 0) };
}

async function ask(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(30_000) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text.slice(0, 300)}`);
  return text;
}
