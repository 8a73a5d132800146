import type { Stack } from "./stack";

export type Labels = Readonly<Record<string, string>>;

async function ask(url: string, parameters: Labels = {}): Promise<string> {
  const query = new URLSearchParams(parameters).toString();
  const response = await fetch(query === "" ? url : `${url}?${query}`, { signal: AbortSignal.timeout(30_000) });
  const body = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${body.slice(0, 500)}`);
  return body;
}

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** An instant query, without the 30 seconds that the store otherwise stays behind. */
export async function promQL(stack: Stack, query: string): Promise<readonly Sample[]> {
  const url = stack.url("metricsSelect", "/select/0/prometheus/api/v1/query");
  const body = await ask(url, { query, nocache: "1", latency_offset: "1ms" });
  const { data } = JSON.parse(body) as { data: { result: { metric: Labels; value: [number, string] }[] } };
  return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

/** Rows of a LogsQL query; every value is a string. */
export async function logsQL(
  stack: Stack,
  point: "logsSelect" | "tracesSelect",
  query: string,
): Promise<readonly Labels[]> {
  const body = await ask(stack.url(point, "/select/logsql/query"), { query });
  return body
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Labels);
}

export async function status(url: string): Promise<number> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  await response.arrayBuffer();
  return response.status;
}

/** The hash of the configuration that HAProxy runs. */
export async function runningConfig(stack: Stack): Promise<string> {
  return ask(stack.url("stats", "/config"));
}

export async function post(url: string, body: string): Promise<number> {
  const response = await fetch(url, { method: "POST", body, signal: AbortSignal.timeout(30_000) });
  await response.arrayBuffer();
  return response.status;
}
