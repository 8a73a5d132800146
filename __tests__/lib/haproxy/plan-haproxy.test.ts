import { compareSync } from "bcryptjs";
import { describe, expect, test } from "vitest";
import { defineFleet, type FleetDefinition, planFleet, type Secrets, servicesOf } from "../../../lib";
import { hashPassword } from "../../../lib/haproxy/password";
import { nodePlan, ONE_NODE, PASSWORD, secretsFor } from "../../support/fleets";

const TLS: FleetDefinition = { haproxy: { tls: { certificatePath: "a.pem", keyPath: "b.pem" } } };
const SINGLE: FleetDefinition = { layouts: { metrics: "single", logs: "single", traces: "single" } };

function haproxyOf(definition: FleetDefinition, secrets: Partial<Secrets> = {}) {
  const fleet = defineFleet({ ...ONE_NODE, ...definition });
  const [node] = planFleet(fleet, { ...secretsFor(fleet), ...secrets }).nodes;
  const file = node?.haproxy.files[0];
  if (node === undefined || file === undefined || !("text" in file)) throw new Error("no haproxy.cfg");
  return { text: file.text, hash: node.haproxy.configHash, plan: node.haproxy };
}

/** The lines of one section. */
function section(text: string, head: string): readonly string[] {
  const found = text.split("\n\n").find((part) => part.startsWith(`${head} `) || part.startsWith(`${head}\n`));
  if (found === undefined) throw new Error(`no section ${head}`);
  return found
    .split("\n")
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
const sectionNames = (text: string, kind: string): readonly string[] =>
  [...text.matchAll(new RegExp(`^${kind} (\\S+)`, "gm"))].map(([, name]) => name ?? "");

test.each<[string, FleetDefinition]>([
  ["cluster", {}],
  ["single", SINGLE],
  ["tls", TLS],
])("the configuration of a node: %s", async (name, definition) => {
  await expect(haproxyOf(definition).text).toMatchFileSnapshot(`../../__fixtures__/haproxy/${name}.cfg`);
});

describe("traffic to the gateway", () => {
  test.each(["be_otlp_grpc_own", "be_otlp_http", "be_gateway_metrics"])(
    "%s is not checked and is tried again",
    (name) => {
      const lines = section(haproxyOf({}).text, `backend ${name}`);
      const server = lines.find((line) => line.startsWith("server ")) ?? "";
      expect(server).toMatch(/^server gateway gateway:\d+ /);
      expect(server).not.toMatch(/ check( |$)/);
      expect(lines).toContain("retries 12");
      expect(lines.join()).not.toContain("httpchk");
    },
  );

  test("speaks HTTP/2 for gRPC and nothing else, over a connection to itself that is never refused", () => {
    const { text } = haproxyOf({});
    const servers = text.split("\n").filter((line) => line.includes("proto h2"));
    expect(servers.map((line) => line.trim().split(" ")[2])).toEqual(["abns@otlp_grpc"]);
    expect(section(text, "frontend fe_otlp_grpc_own")).toEqual([
      "bind abns@otlp_grpc",
      "default_backend be_otlp_grpc_own",
    ]);
    expect(section(text, "backend be_otlp_grpc_own").at(-1)).toMatch(/^server gateway gateway:4317 /);
  });

  test("is refused above the size that the gateway takes", () => {
    const limit = 16 * 1024 * 1024;
    for (const name of ["fe_otlp_grpc", "fe_otlp_http"]) {
      const refusals = section(haproxyOf({}).text, `frontend ${name}`).filter((line) =>
        line.includes("return status 413"),
      );
      expect(refusals).toHaveLength(1);
      expect(refusals[0]).toContain(`gt ${limit}`);
    }
  });
});

describe("native insertion", () => {
  const BACKENDS = ["be_metrics_insert", "be_logs_insert", "be_traces_insert"];

  test.each(BACKENDS)("%s turns an insert role away at its first failed check", (name) => {
    const lines = section(haproxyOf({}).text, `backend ${name}`);
    expect(lines.find((line) => line.startsWith("server "))).toMatch(/ check inter 1s fall 1 /);
    expect(lines).toContain("http-check send meth GET uri /health");
  });

  test.each(BACKENDS)("%s waits for the only server of the single layout", (name) => {
    const lines = section(haproxyOf(SINGLE).text, `backend ${name}`);
    expect(lines.find((line) => line.startsWith("server "))).not.toMatch(/ check( |$)/);
    expect(lines).toContain("retries 12");
  });

  test("leaves what a metrics cluster is sent as it is, and translates for the single layout", () => {
    const rewrites = (definition: FleetDefinition) =>
      section(haproxyOf(definition).text, "frontend fe_metrics_insert").filter((line) => line.includes("replace-path"));
    expect(rewrites({})).toEqual([
      String.raw`http-request replace-path '^/v1/metrics(.*)$' '/insert/0/opentelemetry/v1/metrics\1'`,
    ]);
    expect(rewrites(SINGLE)).toEqual([
      String.raw`http-request replace-path '^/v1/metrics(.*)$' '/opentelemetry/v1/metrics\1'`,
      String.raw`http-request replace-path '^/insert/0/prometheus/(.*)$' '/\1'`,
      String.raw`http-request replace-path '^/insert/0/(.*)$' '/\1'`,
    ]);
  });
});

describe("queries", () => {
  test.each(["be_metrics_select", "be_logs_select", "be_traces_select"])(
    "%s ends before the store's own limit",
    (name) => {
      const [, seconds] = /timeout server (\d+)s/.exec(section(haproxyOf({}).text, `backend ${name}`).join()) ?? [];
      const limits = servicesOf(nodePlan()).flatMap(({ command }) =>
        command.flatMap((flag) => /^-search\.maxQueryDuration=(\d+)s$/.exec(flag)?.[1] ?? []),
      );
      expect(limits.length).toBeGreaterThan(0);
      for (const limit of limits) expect(Number(seconds)).toBeLessThan(Number(limit));
    },
  );

  test("live tailing may be silent for an hour", () => {
    const { text } = haproxyOf({});
    expect(section(text, "frontend fe_logs_select")).toContain(
      "use_backend be_logs_select_stream if { path /select/logsql/tail }",
    );
    expect(section(text, "backend be_logs_select_stream")).toContain("timeout server 1h");
  });
});

describe("readiness", () => {
  test.each<[string, FleetDefinition]>([
    ["cluster", {}],
    ["single", SINGLE],
    ["nothing scored", { anomaly: { metrics: [] } }],
  ])("asks every service, %s", (_, definition) => {
    const { text } = haproxyOf(definition);
    const services = servicesOf(nodePlan(definition))
      .map(({ service }) => service)
      .filter((service) => service !== "haproxy");
    const checks = sectionNames(text, "backend").filter((name) => name.startsWith("be_chk_"));
    expect(new Set(checks)).toEqual(new Set(services.map((service) => `be_chk_${service}`)));
    const stats = section(text, "frontend fe_stats").join("\n");
    for (const service of services) {
      expect(section(text, `backend be_chk_${service}`).at(-1)).toMatch(
        new RegExp(`^server ${service} ${service}:\\d+ check `),
      );
      expect(stats).toContain(`string '${service}: not ready' if { path /readyz } { nbsrv(be_chk_${service}) lt 1 }`);
      expect(stats).toContain(`string ${service} if { path /waiting-for } { nbsrv(be_chk_${service}) lt 1 }`);
    }
  });

  test.each([
    [{}, "vmselect", "/select/0/prometheus/api/v1/query?nocache=1&query=absent(nosuch)"],
    [{}, "vlselect", "/select/logsql/stats_query?query=_time:1s%7Cstats%20count()x&timeout=1s"],
    [{}, "vtselect", "/select/logsql/stats_query?query=_time:1s%7Cstats%20count()x&timeout=1s"],
    [SINGLE, "vmsingle", "/prometheus/api/v1/query?nocache=1&query=absent(nosuch)"],
    [SINGLE, "vlstorage", "/select/logsql/stats_query?query=_time:1s%7Cstats%20count()x&timeout=1s"],
  ])("in %j asks %s by a real query and looks at the answer", (definition, service, uri) => {
    expect(section(haproxyOf(definition).text, `backend be_chk_${service}`)).toEqual(
      expect.arrayContaining([
        `http-check send meth GET uri ${uri}`,
        "http-check expect status 200",
        `http-check expect string '"status":"success"'`,
      ]),
    );
  });

  test("stops being ready before it stops", () => {
    const [first] = section(haproxyOf({}).text, "frontend fe_stats").filter((line) => line.startsWith("http-request"));
    expect(first).toBe(
      "http-request return status 503 content-type text/plain string stopping if { path /healthz /readyz } { stopping }",
    );
  });

  test("and the configuration's hash are answered in plain text inside, also when the access points speak TLS", () => {
    const { plan, text } = haproxyOf(TLS);
    const binds = section(text, "frontend fe_stats").filter((line) => line.startsWith("bind"));
    expect(binds).toEqual(["bind :8404 ssl crt /usr/local/etc/haproxy/tls.pem alpn h2,http/1.1", "bind :8405"]);
    expect(plan.service.publish.map(({ internal }) => internal)).not.toContain(8405);
    expect(plan.service.healthcheck?.command).toContain("http://127.0.0.1:8405/readyz");
  });
});

test("every server is found by Docker's DNS when it is there, and missing ones do not block the start", () => {
  const servers = haproxyOf({})
    .text.split("\n")
    .filter((line) => line.startsWith("    server ") && !line.includes(" abns@"));
  expect(servers.length).toBeGreaterThan(20);
  for (const server of servers) expect(server).toMatch(/ resolvers docker init-addr none$/);
});

test("every access point speaks TLS when the fleet asks for it, and none otherwise", () => {
  const binds = (definition: FleetDefinition) =>
    haproxyOf(definition)
      .text.split("\n")
      .filter((line) => line.startsWith("    bind :") && line.trim() !== "bind :8405");
  expect(binds(TLS)).toHaveLength(10);
  for (const bind of binds(TLS)) expect(bind).toContain(" ssl crt /usr/local/etc/haproxy/tls.pem ");
  for (const bind of binds({})) expect(bind).not.toContain("ssl");
});

describe("the hash, by which a reload is told from a signal that was only sent", () => {
  const certificate = (fingerprint: string, certificatePath = "/a.pem") => ({ tls: { certificatePath, fingerprint } });

  test("is in the text that it stands for", () => {
    const { text, hash } = haproxyOf({});
    expect(hash).toMatch(/^[0-9a-f]{16}$/);
    expect(text).toContain(`string ${hash} if { path /config }`);
  });

  test.each<[string, FleetDefinition]>([
    ["the algorithm", { haproxy: { algorithm: "leastconn" } }],
    ["the check interval", { haproxy: { checkIntervalSeconds: 5 } }],
    ["the drain time", { haproxy: { drainSeconds: 31 } }],
    ["the stats user", { haproxy: { stats: { user: "other" } } }],
    ["a layout", { layouts: { logs: "single" } }],
    ["TLS", TLS],
    ["a published port, which the landing page shows", { ports: { otlpGrpc: 14_317 } }],
  ])("changes with %s", (_, definition) => {
    expect(haproxyOf(definition).hash).not.toBe(haproxyOf({}).hash);
  });

  test("changes with the password and with the certificate's content", () => {
    expect(haproxyOf({}, { statsPassword: "another-long-password" }).hash).not.toBe(haproxyOf({}).hash);
    const [one, other] = ["1", "2"].map((fingerprint) => haproxyOf(TLS, certificate(fingerprint)));
    expect(one?.hash).not.toBe(other?.hash);
    // Only the hash tells: the text does not hold the certificate.
    expect(one?.text.replaceAll(one.hash, "")).toBe(other?.text.replaceAll(other.hash, ""));
  });

  test.each<[string, FleetDefinition]>([
    ["a retention", { retention: { metrics: "1y" } }],
    ["a memory limit", { limits: { vmstorage: { memory: "2GiB" } } }],
    ["the log level of the collectors", { logLevel: "debug" }],
    ["the address", { nodes: [{ name: "node1", address: "10.0.0.99" }] }],
  ])("does not change with %s", (_, definition) => {
    expect(haproxyOf(definition).hash).toBe(haproxyOf({}).hash);
  });

  test("does not change with the place of an equal certificate", () => {
    expect(haproxyOf(TLS, certificate("1", "/a.pem")).hash).toBe(haproxyOf(TLS, certificate("1", "/b.pem")).hash);
  });
});

describe("the password of the stats page", () => {
  test.each([PASSWORD, "p\u00e4ssw\u00f6rter \u{1F511}", "${a}%{b}'\"\\$#!"])(
    "%s is what its hash accepts, and nothing else is",
    (password) => {
      const hash = hashPassword(password, "mirador");
      expect(hash).toMatch(/^\$2b\$05\$[./A-Za-z0-9]{53}$/);
      expect(compareSync(password, hash)).toBe(true);
      expect(compareSync(`${password} `, hash)).toBe(false);
    },
  );

  test("has the same hash at every synthesis, and another one in another fleet", () => {
    expect(hashPassword(PASSWORD, "mirador")).toBe(hashPassword(PASSWORD, "mirador"));
    expect(hashPassword(PASSWORD, "mirador")).not.toBe(hashPassword(PASSWORD, "staging"));
  });

  test("stands in the configuration as that hash only", () => {
    const { text } = haproxyOf({});
    expect(text).not.toContain(PASSWORD);
    expect(text).toContain(`user admin password '${hashPassword(PASSWORD, "mirador")}'`);
  });
});
