import { describe, expect, test } from "vitest";
import { agentSizes, holdsNothingOld, isDrained, queueSizes } from "../../cli/queues";

const MIB = 1024 ** 2;
const BATCH = 2 * MIB;

test("reads the size of each exporter's queue, whatever labels stand beside it", () => {
  const metrics = [
    "# TYPE otelcol_exporter_queue_size gauge",
    'otelcol_exporter_queue_size{data_type="logs",exporter="otlp_http/store_vl_a",service_name="gateway"} 4096',
    'otelcol_exporter_queue_size{exporter="otlp_http/store_vl_b"} 1.5e+06',
    'otelcol_exporter_queue_capacity{exporter="otlp_http/store_vl_b"} 9',
  ].join("\n");
  expect([...queueSizes(metrics)]).toEqual([
    ["otlp_http/store_vl_a", 4096],
    ["otlp_http/store_vl_b", 1_500_000],
  ]);
});

test("reads what an agent keeps for each group: its targets are numbered in the order of the groups", () => {
  const metrics = [
    'vmagent_remotewrite_pending_data_bytes{path="/queues/persistent-queue/1_AB", url="1:secret-url"} 12',
    'vmagent_remotewrite_pending_data_bytes{path="/queues/persistent-queue/2_CD", url="2:secret-url"} 34',
    'vmagent_remotewrite_pending_inmemory_blocks{path="x", url="2:secret-url"} 5',
  ].join("\n");
  expect([...agentSizes(metrics, "vmagent", ["a", "b"])]).toEqual([
    ["vmagent/a", 12],
    ["vmagent/b", 34],
  ]);
});

describe("a queue is drained", () => {
  test.each([
    ["when two looks find nothing", [0, 0]],
    ["when two looks find little, even if it grows: a slow sender fills a batch", [1_000, 200_000]],
    ["after a backlog", [30 * MIB, 9 * MIB, 1_000, 2_000]],
    ["when it goes up and down by the batches of a busy gateway", [3 * MIB, 5 * MIB, 4 * MIB, 6 * MIB]],
  ])("%s", (_, sizes) => {
    expect(isDrained(sizes, BATCH)).toBe(true);
  });
});

describe("a queue is not drained", () => {
  test.each([
    ["after a single look", [0]],
    ["before any look", []],
    ["when the last look alone finds no more than is sent at a time", [20 * MIB, MIB]],
    ["when it holds more than is sent at a time, even if it shrinks", [20 * MIB, 12 * MIB, 10 * MIB]],
    ["when it stands still: the sender waits between two tries", [MIB, MIB, MIB, MIB]],
    ["when it only grows", [300_000, 400_000, 500_000, 600_000]],
    ["when what made it shorter is long ago", [2 * MIB, MIB, MIB, MIB, MIB, MIB, MIB]],
  ])("%s", (_, sizes) => {
    expect(isDrained(sizes, BATCH)).toBe(false);
  });
});

describe("a queue holds nothing old", () => {
  test.each([
    ["when it was empty at one of two looks", [0, 5 * MIB]],
    ["when it is never empty and always another little", [MIB, 1_000, 900_000]],
  ])("%s", (_, sizes) => {
    expect(holdsNothingOld(sizes, BATCH)).toBe(true);
  });

  test.each([
    ["is not known after a single look", [0]],
    ["is not so while it is drained", [8 * MIB, 3 * MIB, 2 * MIB, MIB]],
    ["is not so when it stands still after it was drained", [3 * MIB, 700, 700]],
    ["is not so when little stands still", [700, 700, 700, 700]],
  ])("%s", (_, sizes) => {
    expect(holdsNothingOld(sizes, BATCH)).toBe(false);
  });
});
