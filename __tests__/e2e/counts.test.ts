import { beforeAll, describe, expect, test } from "vitest";
import { NODE } from "./support/fleets";
import { Load, type LoadReport, type Verdicts, verify } from "./support/loadgen";
import { logsQL, post, promQL } from "./support/query";
import { context, ready, stack } from "./support/shared-stack";
import { sayCounts } from "./support/summary";

/** Two flush intervals of the connectors, the life time of an unpaired span, and the way to the store. */
const DERIVED = { timeout: 90_000, interval: 2_000 };

const COMPLETE = { lost: 0, double: 0 };

describe(`numbered items read back (${context.title})`, () => {
  let sent: LoadReport;
  let verdicts: Verdicts;
  /** When the derived series began at zero. */
  let began: number;

  beforeAll(async () => {
    await ready();
    // Both count from their start, so that totals are those of this load alone.
    await Promise.all(["servicegraph", "spanmetrics"].map((service) => stack.container(service).restart()));
    began = Date.now();
    sent = await Load.send(context, stack, "counts", {
      spans: 500,
      logs: 500,
      samples: 2_000,
      anomaly: true,
      seconds: 20,
    });
    verdicts = await verify(context, stack, sent);
    sayCounts("counts", sent, verdicts);
  });

  test.each(["spans", "logs", "samples"] as const)("stores %s of gRPC and HTTP once each", (signal) => {
    const report = sent.signals[signal];
    expect(report).toMatchObject({ failedRequests: 0, rejectedItems: 0, refused: {} });
    for (const protocol of ["grpc", "http"]) expect(report?.byProtocol[protocol]?.ackedRequests).toBeGreaterThan(5);
    expect(verdicts[signal]).toMatchObject({ ...COMPLETE, acked: report?.ackedItems, stored: report?.ackedItems });
  });

  test("draws the edges of the service graph with exact counts", async () => {
    const { acked, error } = tracesOf(sent);
    const edges = async () => {
      const rows = await promQL(stack, `sum by (client, server) (${recent("traces_service_graph_request_total")})`);
      const failed = await promQL(
        stack,
        `sum by (client, server) (${recent("traces_service_graph_request_failed_total")})`,
      );
      return { total: byEdge(rows), failed: byEdge(failed.filter(({ value }) => value > 0)) };
    };
    await expect.poll(edges, DERIVED).toEqual({
      total: { "shop-web -> shop-api": acked, "shop-api -> orders": acked, "user -> shop-web": acked },
      failed: { "shop-web -> shop-api": error },
    });
  });

  test("names the database edge and marks every edge with the node", async () => {
    const [edge] = await promQL(stack, recent("traces_service_graph_request_total", 'server="orders"'));
    expect(edge?.labels).toMatchObject({ connection_type: "database", collector_id: NODE });
  });

  test("has rate, errors and duration of every operation with exact values", async () => {
    const { acked, error } = tracesOf(sent);
    const calls = async () => {
      const rows = await promQL(
        stack,
        `sum by (service_name, span_name, status_code) (${recent("traces_span_metrics_calls_total")})`,
      );
      return Object.fromEntries(
        rows.map(({ labels, value }) => [`${labels.service_name} ${labels.span_name} ${labels.status_code}`, value]),
      );
    };
    await expect.poll(calls, DERIVED).toEqual({
      "shop-web GET /checkout/{cart} STATUS_CODE_UNSET": acked,
      "shop-web POST /orders STATUS_CODE_UNSET": acked,
      "shop-api POST /orders STATUS_CODE_UNSET": acked - error,
      "shop-api POST /orders STATUS_CODE_ERROR": error,
      "shop-api reserve stock STATUS_CODE_UNSET": acked,
      "shop-api INSERT orders.order STATUS_CODE_UNSET": acked,
    });
    // Every span of an operation lasts as long as the others, so the mean is known too.
    const [mean] = await promQL(
      stack,
      `sum(${recent("traces_span_metrics_duration_seconds_sum", 'span_name="reserve stock"')})
        / sum(${recent("traces_span_metrics_duration_seconds_count", 'span_name="reserve stock"')})`,
    );
    expect(mean?.value).toBeCloseTo(0.015, 3);
    const nodes = await promQL(stack, `count by (collector_id) (${recent("traces_span_metrics_calls_total")})`);
    expect(nodes.map(({ labels }) => labels)).toEqual([{ collector_id: NODE }]);
  });

  test("scores the listed metrics, keeps the service and names the node", async () => {
    const families = async () => {
      const rows = await promQL(stack, `last_over_time(iforest_anomaly_score[${age()}s])`);
      return rows.map(({ labels }) => labels).sort((a, b) => (a.metric ?? "").localeCompare(b.metric ?? ""));
    };
    const labels = { service_name: "shop-api", collector_id: NODE };
    await expect
      .poll(families, DERIVED)
      .toEqual([
        expect.objectContaining({ ...labels, metric: "process.memory.usage" }),
        expect.objectContaining({ ...labels, metric: "system.cpu.utilization" }),
      ]);
    const points = sent.signals.anomaly?.ackedItems ?? 0;
    const counted = async () => promQL(stack, `sum(count_over_time(iforest_anomaly_score[${age()}s]))`);
    await expect.poll(counted, DERIVED).toEqual([{ labels: {}, value: points }]);
  });

  /** Seconds since the load began, rounded up: rounded down, the window would begin after its first points. */
  function age(): number {
    return Math.ceil((Date.now() - began) / 1000);
  }

  /** The newest value of a counter that is written every 15 seconds. */
  function recent(metric: string, labels = ""): string {
    return `last_over_time(${metric}{${labels}}[${Math.min(25, age())}s])`;
  }
});

describe(`the native insert ports (${context.title})`, () => {
  beforeAll(ready);

  test.each([
    ["tracesInsert", { spans: 500 }],
    ["logsInsert", { logs: 500 }],
    ["metricsInsert", { samples: 2_000 }],
  ] as const)("%s takes OTLP on its own path, each item once", async (point, rates) => {
    const sent = await Load.send(context, stack, point, { ...rates, seconds: 5, http: stack.url(point) });
    const verdicts = await verify(context, stack, sent);
    sayCounts(point, sent, verdicts);
    const [[signal, report] = ["", undefined]] = Object.entries(sent.signals);
    expect(report?.ackedItems).toBeGreaterThan(1_000);
    expect(verdicts).toEqual({ [signal]: expect.objectContaining({ ...COMPLETE, acked: report?.ackedItems }) });
  });

  test("metricsInsert takes the text format of Prometheus", async () => {
    const run = `text-${Date.now()}`;
    const lines = Array.from({ length: 500 }, (_, i) => `native_text{run="${run}",series="${i}"} ${i}`);
    const url = stack.url("metricsInsert", "/insert/0/prometheus/api/v1/import/prometheus");
    expect(await post(url, `${lines.join("\n")}\n`)).toBeLessThan(300);
    const counted = async () => {
      const query = `native_text{run="${run}"}`;
      const [count] = await promQL(stack, `count(last_over_time(${query}[1h]))`);
      const [sum] = await promQL(stack, `sum(last_over_time(${query}[1h]))`);
      return [count?.value, sum?.value];
    };
    await expect.poll(counted, DERIVED).toEqual([500, (500 * 499) / 2]);
  });

  test("logsInsert takes JSON lines", async () => {
    const run = `lines-${Date.now()}`;
    const row = (seq: number) => JSON.stringify({ _time: new Date().toISOString(), _msg: `line ${seq}`, run, seq });
    const url = stack.url("logsInsert", "/insert/jsonline?_stream_fields=run");
    expect(await post(url, `${Array.from({ length: 500 }, (_, i) => row(i)).join("\n")}\n`)).toBeLessThan(300);
    const query = `run:="${run}" | stats count() rows, count_uniq(seq) unique`;
    const counted = async () => (await logsQL(stack, "logsSelect", query))[0];
    await expect.poll(counted, DERIVED).toEqual({ rows: "500", unique: "500" });
  });
});

function tracesOf({ signals }: LoadReport): { acked: number; error: number } {
  const traces = signals.spans?.traces;
  if (traces === undefined || traces.acked === 0 || traces.error === 0) throw new Error("the load sent no traces");
  return traces;
}

function byEdge(rows: readonly { labels: Readonly<Record<string, string>>; value: number }[]): Record<string, number> {
  return Object.fromEntries(rows.map(({ labels, value }) => [`${labels.client} -> ${labels.server}`, value]));
}
