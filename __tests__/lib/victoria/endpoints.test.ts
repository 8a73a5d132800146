import { describe, expect, test } from "vitest";
import { type Layout, storeEndpoints } from "../../../lib";
import { SIGNALS, type Signal } from "../../../lib/fleet/definition";
import { endpointUrl, storageFormat } from "../../../lib/victoria/endpoints";

const LAYOUTS: readonly Layout[] = ["cluster", "single"];

/** Where the gateway writes, where others write, what people query, what is asked for readiness. */
test.each<[Signal, Layout, string, string, string, string]>([
  [
    "metrics",
    "cluster",
    "http://vminsert:8480/insert/0/opentelemetry/v1/metrics",
    "http://vminsert:8480",
    "http://vmselect:8481",
    "/select/0/prometheus/api/v1/query?nocache=1&query=absent(nosuch)",
  ],
  [
    "metrics",
    "single",
    "http://vmsingle:8428/opentelemetry/v1/metrics",
    "http://vmsingle:8428",
    "http://vmsingle:8428",
    "/prometheus/api/v1/query?nocache=1&query=absent(nosuch)",
  ],
  [
    "logs",
    "cluster",
    "http://vlstorage:9491/insert/opentelemetry/v1/logs",
    "http://vlinsert:9481",
    "http://vlselect:9471",
    "/select/logsql/stats_query?query=_time:1s%7Cstats%20count()x&timeout=1s",
  ],
  [
    "logs",
    "single",
    "http://vlstorage:9491/insert/opentelemetry/v1/logs",
    "http://vlstorage:9491",
    "http://vlstorage:9491",
    "/select/logsql/stats_query?query=_time:1s%7Cstats%20count()x&timeout=1s",
  ],
  [
    "traces",
    "cluster",
    "http://vtstorage:10491/insert/opentelemetry/v1/traces",
    "http://vtinsert:10481",
    "http://vtselect:10471",
    "/select/logsql/stats_query?query=_time:1s%7Cstats%20count()x&timeout=1s",
  ],
  [
    "traces",
    "single",
    "http://vtstorage:10491/insert/opentelemetry/v1/traces",
    "http://vtstorage:10491",
    "http://vtstorage:10491",
    "/select/logsql/stats_query?query=_time:1s%7Cstats%20count()x&timeout=1s",
  ],
])("%s in the %s layout", (signal, layout, otlp, insert, select, check) => {
  const endpoints = storeEndpoints(signal, layout);
  expect(endpointUrl(endpoints.otlp, endpoints.otlp.path)).toBe(otlp);
  expect(endpointUrl(endpoints.insert)).toBe(insert);
  expect(endpointUrl(endpoints.select)).toBe(select);
  expect(endpoints.readCheck).toEqual({ path: check, body: '"status":"success"' });
});

/** What HAProxy's rewrites make of a path at an access point; first match after first match, as HAProxy does it. */
function rewritten(rules: readonly { from: string; to: string }[], path: string): string {
  return rules.reduce((at, { from, to }) => (at.startsWith(from) ? to + at.slice(from.length) : at), path);
}

describe("a client needs not know the layout of metrics", () => {
  test.each([
    ["insertPaths", "/v1/metrics", "/insert/0/opentelemetry/v1/metrics", "/opentelemetry/v1/metrics"],
    ["insertPaths", "/insert/0/prometheus/api/v1/write", "/insert/0/prometheus/api/v1/write", "/api/v1/write"],
    ["insertPaths", "/insert/0/influx/write", "/insert/0/influx/write", "/influx/write"],
    [
      "selectPaths",
      "/select/0/prometheus/api/v1/query",
      "/select/0/prometheus/api/v1/query",
      "/prometheus/api/v1/query",
    ],
    ["selectPaths", "/select/0/vmui/", "/select/0/vmui/", "/vmui/"],
  ] as const)("%s: %s", (kind, path, cluster, single) => {
    expect(rewritten(storeEndpoints("metrics", "cluster")[kind], path)).toBe(cluster);
    expect(rewritten(storeEndpoints("metrics", "single")[kind], path)).toBe(single);
  });

  test.each(SIGNALS)("the query and UI paths of %s are the same in both layouts", (signal) => {
    const [cluster, single] = LAYOUTS.map((layout) => storeEndpoints(signal, layout));
    expect(single?.uiPath).toBe(cluster?.uiPath);
  });
});

test.each(SIGNALS)("OTLP for %s at its own path goes where the gateway writes", (signal) => {
  for (const layout of LAYOUTS) {
    const { insertPaths, otlp } = storeEndpoints(signal, layout);
    expect(rewritten(insertPaths, `/v1/${signal}`)).toBe(otlp.path);
  }
});

test("only metrics have a format that the other layout cannot open", () => {
  expect(storageFormat("metrics", "cluster")).not.toBe(storageFormat("metrics", "single"));
  for (const signal of ["logs", "traces"] as const) {
    expect(storageFormat(signal, "cluster")).toBe(storageFormat(signal, "single"));
  }
});
