import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { defineFleet, type FleetDefinition, type NodePlan } from "../../../lib";
import { LANDING_MAX_BYTES, type LandingRequest, landingPage } from "../../../lib/haproxy/landing";
import { EXAMPLE_NAMES, exampleFleet, nodePlan, nodes, planOf } from "../../support/fleets";
import { textsOf } from "../../support/haproxy";

const TLS: FleetDefinition = { haproxy: { tls: { certificatePath: "a.pem", keyPath: "b.pem" } } };
const HOST = "%[var(txn.landing_host)]";

const pageOf = ({ haproxy }: NodePlan): string => textsOf(haproxy).others["landing.html"] ?? expect.fail();
const page = (definition: FleetDefinition = {}): string => pageOf(nodePlan(definition));
const hrefs = (html: string): readonly string[] => [...html.matchAll(/<a href="([^"]*)"/g)].map(([, url]) => url ?? "");
/** The rows of the table: name, port, state. */
const rows = (html: string): readonly (readonly string[])[] =>
  [...html.matchAll(/<tr><th scope="row">(.*?)<\/th><td>(.*?)<\/td><td>(.*?)<\/td><\/tr>/g)].map(([, ...cells]) =>
    cells.map((cell) => cell.replaceAll(/<[^>]*>/g, "")),
  );

describe("one node", () => {
  test("is called by its name and its fleet's", () => {
    expect(page()).toContain("<title>node1 – mirador</title>");
    expect(page()).toContain("<h1>node1</h1>");
    expect(page()).toContain("<p>Fleet mirador</p>");
  });

  test("shows every access point with its port and the state of what answers there", () => {
    const up = (service: string) => `%[nbsrv(be_chk_${service}),bool,iif(up,down)]`;
    expect(rows(page())).toEqual([
      ["OTLP gRPC", "4317", up("gateway")],
      ["OTLP HTTP", "4318", up("gateway")],
      ["This page, /stats (login), /healthz, /readyz, /metrics", "8404", "up"],
      ["gateway metrics", "8888", up("gateway")],
      ["VictoriaMetrics queries, vmui", "8481", up("vmselect")],
      ["VictoriaMetrics native insert", "8480", up("vminsert")],
      ["VictoriaLogs queries, vmui", "9471", up("vlselect")],
      ["VictoriaLogs native insert", "8429", up("vlinsert")],
      ["VictoriaTraces queries (Jaeger API), vmui", "8483", up("vtselect")],
      ["VictoriaTraces native insert (OTLP HTTP)", "4327", up("vtinsert")],
    ]);
  });

  test("leads by the host that the browser used, and to its own pages relatively", () => {
    expect(hrefs(page())).toEqual([
      "./stats",
      "./healthz",
      "./readyz",
      "./metrics",
      `http://${HOST}:8888/metrics`,
      `http://${HOST}:8481/select/0/vmui/`,
      `http://${HOST}:9471/select/vmui/`,
      `http://${HOST}:8483/select/vmui/`,
    ]);
    expect(page()).toContain(`export OTEL_EXPORTER_OTLP_ENDPOINT=http://${HOST}:4318\n`);
    expect(page()).toContain("export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf<");
    expect(page()).not.toContain("10.0.0.11");
  });

  test("names the ports that the fleet publishes", () => {
    const html = page({ ports: { otlpHttp: 14_318, metricsSelect: 18_481, stats: 18_404 } });
    expect(html).toContain(`OTLP_ENDPOINT=http://${HOST}:14318\n`);
    expect(hrefs(html)).toContain(`http://${HOST}:18481/select/0/vmui/`);
    expect(rows(html).map(([, port]) => port)).toEqual(expect.arrayContaining(["14318", "18481", "18404"]));
    expect(html).not.toMatch(/\b(4318|8481|8404)\b/);
  });

  test("says https where the access points speak TLS", () => {
    expect(page(TLS)).toContain(`OTLP_ENDPOINT=https://${HOST}:4318\n`);
    expect(hrefs(page(TLS)).filter((url) => url.startsWith("http:"))).toEqual([]);
  });

  test("says where a stand-in answers", () => {
    const images = { "victoria-traces": { ref: "double:1", version: "0.1.0", standIn: "<test> double" } };
    const standIns = rows(page({ images })).filter(([what]) => what?.includes("stand-in"));
    expect(standIns.map(([, port]) => port)).toEqual(["8483", "4327"]);
  });

  test("has no other nodes and no groups", () => {
    expect(page()).not.toMatch(/lua|group|Other nodes/);
  });
});

describe("three nodes", () => {
  const fleet = defineFleet({ nodes: nodes(3) });
  const [, second] = planOf(fleet).nodes;
  const html = second === undefined ? "" : pageOf(second);

  test("say which storage group answers now", () => {
    expect(html).toContain("<p>Fleet mirador, storage group b</p>");
    for (const signal of ["logs", "traces"])
      expect(html).toContain(`<dt>${signal}</dt><dd data-live>group %[lua.mirador_choice(${signal})]</dd>`);
  });

  test("lead to each other, and not to themselves", () => {
    expect(hrefs(html).filter((url) => url.endsWith("/") && !url.includes("vmui"))).toEqual([
      "http://10.0.0.11:8404/",
      "http://10.0.0.13:8404/",
    ]);
    const [tls] = planOf(defineFleet({ nodes: nodes(2), ports: { stats: 9404 }, ...TLS })).nodes;
    expect(tls && hrefs(pageOf(tls))).toContain("https://10.0.0.12:9404/");
  });

  test("show as up what other nodes answer while the own service is down", () => {
    const state = (port: string) => rows(html).find(([, own]) => own === port)?.[2];
    const up = (backend: string) => `%[nbsrv(${backend}),bool,iif(up,down)]`;
    expect(state("4318")).toBe(up("be_otlp_http"));
    expect(state("8481")).toBe(up("be_metrics_select"));
    expect(state("9471")).toBe(up("be_logs_from_a"));
    expect(state("8429")).toBe(`OTLP ${up("be_logs_insert")}native ${up("be_logs_insert_native")}`);
    expect(state("8888")).toBe(up("be_chk_gateway"));
  });
});

describe.each(EXAMPLE_NAMES)("%s", (name) => {
  test("asks HAProxy only for backends that there are", () => {
    for (const plan of planOf(exampleFleet(name)).nodes) {
      const backends = [...textsOf(plan.haproxy).text.matchAll(/^backend (\S+)/gm)].map(([, found]) => found);
      const asked = [...pageOf(plan).matchAll(/nbsrv\(([^)]*)\)/g)].map(([, backend]) => backend);
      expect(asked.length).toBeGreaterThan(10);
      expect(backends).toEqual(expect.arrayContaining(asked));
    }
  });
});

test("the page of the largest fleet with the longest names fits HAProxy's buffer, and says how many nodes it leaves out", () => {
  const name = (index: number): string => `${"n".repeat(37)}${100 + index}`;
  const long = Array.from({ length: 100 }, (_, index) => ({
    name: name(index),
    address: `255.254.253.${100 + index}`,
  }));
  const standIn = "x".repeat(200);
  const [first] = planOf(
    defineFleet({
      ...TLS,
      name: "f".repeat(40),
      nodes: long,
      ports: { stats: 65_001, otlpHttp: 65_002 },
      layouts: { metrics: "single" },
      images: { "victoria-traces": { ref: "double:1", version: "0.1.0", standIn } },
    }),
  ).nodes;
  const html = first === undefined ? "" : pageOf(first);
  expect(Buffer.byteLength(html)).toBeLessThan(LANDING_MAX_BYTES);
  expect(html).toContain("<li>and 59 more</li>");
});

describe("what a person wrote", () => {
  const NASTY = `<b title="x">'%[env(HOME)]' %{+Q} %t 100% & <script>`;
  const request: LandingRequest = {
    fleet: NASTY,
    node: NASTY,
    published: [{ name: "otlpHttp", what: NASTY, url: "", port: 4318, path: `/${NASTY}`, service: "gateway" }],
    accessPoints: [],
    readiness: [{ service: "gateway", port: 1, path: "/" }],
    tls: false,
  };

  test("is neither markup nor log format", () => {
    const html = landingPage(request);
    expect(html).not.toContain("<b ");
    expect(html).toContain(
      "<h1>&#60;b title=&#34;x&#34;&#62;&#39;%%[env(HOME)]&#39; %%{+Q} %%t 100%% &#38; &#60;script&#62;</h1>",
    );
    expect(html.match(/<script>/g)).toHaveLength(1);
  });

  test("leaves no per cent sign alone: each is doubled, or begins what HAProxy fills in", () => {
    for (const html of [landingPage(request), page()])
      expect(html.replaceAll("%%", "").replaceAll(/%\[[^\]]*\]/g, "")).not.toContain("%");
  });
});

test("nothing but its own style and script may run, and both are named by their hash", () => {
  const plan = nodePlan();
  const [, policy] = /hdr content-security-policy '(.*?)' hdr /.exec(textsOf(plan.haproxy).text) ?? [];
  const hash = (tag: string): string => {
    const [, inline = ""] = new RegExp(`<${tag}>(.*?)</${tag}>`, "s").exec(pageOf(plan)) ?? [];
    return createHash("sha256").update(inline.replaceAll("%%", "%")).digest("base64");
  };
  expect(policy?.replaceAll(String.raw`'\''`, "'")).toBe(
    `default-src 'none'; style-src 'sha256-${hash("style")}'; script-src 'sha256-${hash("script")}'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
});
