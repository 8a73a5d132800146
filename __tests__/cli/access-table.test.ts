import { expect, test } from "vitest";
import { type AccessRow, columns, exportLines, probeAccess } from "../../cli/access-table";
import { accessText } from "../../cli/operate/access";
import { defineFleet, planFleet } from "../../lib";

const standIn = "test double: keeps spans on disk and answers the queries of this product's checks; not VictoriaTraces";
const fleet = defineFleet({
  nodes: [{ name: "node1", address: "127.0.0.1" }],
  ports: { otlpGrpc: 1 },
  images: { "victoria-traces": { ref: "double:1", version: "0.1.0", standIn } },
});
const [plan] = planFleet(fleet, { statsPassword: "correct horse battery" }).nodes;
if (plan === undefined) throw new Error("no plan");

const rows: readonly AccessRow[] = plan.accessPoints.map((point) => ({ ...point, state: "up" }));

const shown = (some: readonly AccessRow[]): readonly string[] =>
  accessText([{ node: plan.name, rows: some, exports: exportLines(plan) }], ".mirador/secrets/stats-password");

test("the table shows what, URL, login and state, and what is a stand-in, on a screen of 100 columns", async () => {
  const lines = shown(rows);
  expect(lines.filter((line) => line.length > 100)).toEqual([]);
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("./__fixtures__/access.txt");
});

test("without stand-ins nothing is said of them", () => {
  const [first] = rows;
  if (first === undefined) throw new Error("no rows");
  expect(shown([first]).join("\n")).not.toContain("*");
});

test("a stand-in is offered without the UI that it has not", () => {
  const lines = shown(rows);
  const traces = lines.find((line) => line.includes("Jaeger"));
  expect(traces).toMatch(/^node1 +VictoriaTraces queries \(Jaeger API\) +http:\/\/127\.0\.0\.1:8483 +- +up \*$/);
  expect(lines.find((line) => line.includes("VictoriaLogs queries"))).toContain("vmui");
});

test("columns are as wide as their widest cell", () => {
  expect(
    columns([
      ["a", "b"],
      ["long", "c"],
    ]),
  ).toEqual(["a     b", "long  c"]);
});

test("the state is what an access point answers", async () => {
  const asked: string[] = [];
  const answer = async (url: string): Promise<Response> => {
    asked.push(url);
    if (url.includes(":9471")) return new Response('{"status":"error"}');
    if (url.includes(":8480")) return new Response("", { status: 503 });
    if (url.includes(":8888")) throw Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNREFUSED" } });
    return new Response('{"status":"success"}');
  };
  const states = Object.fromEntries((await probeAccess(plan, answer)).map(({ name, state }) => [name, state]));
  expect(states).toEqual({
    otlpGrpc: "ECONNREFUSED",
    otlpHttp: "up",
    stats: "up",
    gatewayMetrics: "ECONNREFUSED",
    metricsSelect: "up",
    metricsInsert: "HTTP 503",
    logsSelect: "wrong answer",
    logsInsert: "up",
    tracesSelect: "up",
    tracesInsert: "up",
  });
  expect(asked.find((url) => url.includes(":8481"))).toContain("/api/v1/query");
});
