import { describe, expect, test } from "vitest";
import { defineFleet, type FleetDefinition, IMAGE_CATALOG, planFleet, servicesOf } from "../../../lib";
import { EXAMPLE_FLEETS, nodePlan, nodes, ONE_NODE, PASSWORD, planOf } from "../../support/fleets";
import { codesOf, problemsOf } from "../../support/problems";
import { readable } from "../../support/synth";

describe("the default plan of one node", () => {
  test("has these services: name, image, MiB, user, seconds to stop", () => {
    const table = servicesOf(nodePlan()).map(({ service, image, memoryMiB, user, stopSeconds }) => [
      service,
      image,
      memoryMiB,
      user,
      stopSeconds,
    ]);
    expect(table).toEqual([
      ["vminsert", "vminsert", 256, "1000:1000", 30],
      ["vmselect", "vmselect", 256, "1000:1000", 30],
      ["vmstorage", "vmstorage", 640, "1000:1000", 120],
      ["vlinsert", "victoria-logs", 256, "1000:1000", 30],
      ["vlselect", "victoria-logs", 192, "1000:1000", 30],
      ["vlstorage", "victoria-logs", 448, "1000:1000", 60],
      ["vtinsert", "victoria-traces", 256, "1000:1000", 30],
      ["vtselect", "victoria-traces", 192, "1000:1000", 30],
      ["vtstorage", "victoria-traces", 768, "1000:1000", 60],
      ["gateway", "otelcol", 256, "10001:10001", 60],
      ["servicegraph", "otelcol", 128, "10001:10001", 30],
      ["spanmetrics", "otelcol", 128, "10001:10001", 30],
      ["isolationforest", "otelcol", 128, "10001:10001", 30],
      ["vmadapter", "otelcol", 128, "10001:10001", 30],
      ["vlogadapter", "otelcol", 128, "10001:10001", 30],
      ["haproxy", "haproxy", 128, "99:99", 35],
    ]);
  });

  test("keeps data in these volumes and nothing anywhere else", () => {
    const volumes = servicesOf(nodePlan()).flatMap(({ service, volumes }) =>
      volumes.map(({ source, path }) => [service, source, path]),
    );
    expect(volumes).toEqual([
      ["vmstorage", "mirador_node1-metrics-data", "/storage"],
      ["vlstorage", "mirador_node1-logs-data", "/vlogs"],
      ["vtstorage", "mirador_node1-traces-data", "/vtraces"],
      ["gateway", "mirador_node1-queue-data", "/var/lib/otelcol/queue"],
    ]);
  });

  test("publishes the access points on the node's own address, and nothing but HAProxy publishes", () => {
    const published = servicesOf(nodePlan()).flatMap(({ service, publish }) =>
      publish.map(({ internal, external, address }) => [service, internal, external, address]),
    );
    expect(published).toEqual(
      [4317, 4318, 8404, 8888, 8481, 8480, 9471, 8429, 8483, 4327].map((port) => ["haproxy", port, port, "10.0.0.11"]),
    );
  });

  test("lists for people where each access point is", () => {
    const points = nodePlan().accessPoints.map(({ name, url, service, login }) => [name, url, service, login ?? "-"]);
    expect(points).toEqual([
      ["otlpGrpc", "10.0.0.11:4317", "gateway", "-"],
      ["otlpHttp", "http://10.0.0.11:4318", "gateway", "-"],
      ["stats", "http://10.0.0.11:8404/", "haproxy", "admin"],
      ["gatewayMetrics", "http://10.0.0.11:8888/metrics", "gateway", "-"],
      ["metricsSelect", "http://10.0.0.11:8481/select/0/vmui/", "vmselect", "-"],
      ["metricsInsert", "http://10.0.0.11:8480", "vminsert", "-"],
      ["logsSelect", "http://10.0.0.11:9471/select/vmui/", "vlselect", "-"],
      ["logsInsert", "http://10.0.0.11:8429", "vlinsert", "-"],
      ["tracesSelect", "http://10.0.0.11:8483/select/vmui/", "vtselect", "-"],
      ["tracesInsert", "http://10.0.0.11:4327", "vtinsert", "-"],
    ]);
  });

  test("warns of nothing", () => {
    expect(planOf(defineFleet(ONE_NODE)).warnings).toEqual([]);
  });

  test("warns where vlagent and the storages of several nodes are of two versions, as when a list names one of them", () => {
    const images = { "victoria-logs": { ref: "x", version: "1.24.0" } };
    const warned = (definition: FleetDefinition) =>
      planOf(defineFleet(definition)).warnings.filter((warning) => warning.startsWith("vlagent is "));
    expect(warned({ ...ONE_NODE, images })).toEqual([]);
    expect(warned({ nodes: nodes(2), images })).toEqual([
      expect.stringMatching(/^vlagent is \d+\.\d+\.\d+ and victoria-logs 1\.24\.0: /),
    ]);
    const both = { ...images, vlagent: { ref: "y", version: "1.24.0" } };
    expect(warned({ nodes: nodes(2), images: both })).toEqual([]);
  });

  test("names in one line what is older than the pins, of what the fleet uses", () => {
    const [haproxy, vmagent] = ["3.0.11", "1.150.0"].map((version) => ({ ref: "x", version }));
    const double = { ref: "y", version: "0.1.0", standIn: "a double" };
    const images = { haproxy, vmagent, "victoria-traces": double, otelcol: { ref: "z", version: "9.0.0" } } as const;
    const { warnings, belowFloor } = planOf(defineFleet({ ...ONE_NODE, images } as FleetDefinition));
    expect(warnings).toEqual([
      `older than the pins that this release names: haproxy 3.0.11 (${IMAGE_CATALOG.haproxy.version})`,
      "victoria-traces is a stand-in (a double)",
    ]);
    expect(belowFloor.map(({ what }) => what)).toEqual([expect.stringContaining("haproxy 3.0.11 has CVE-2026-110354")]);
  });
});

describe("a setting reaches what it is for", () => {
  test("a port is published elsewhere and means the same inside", () => {
    const published = nodePlan({ ports: { otlpGrpc: 14_317 } }).haproxy.service.publish[0];
    expect(published).toEqual({ internal: 4317, external: 14_317, address: "10.0.0.11" });
  });

  test("listenOnAllAddresses publishes on 0.0.0.0 and shows the node's address to people", () => {
    const { haproxy, accessPoints } = nodePlan({ listenOnAllAddresses: true });
    expect(new Set(haproxy.service.publish.map(({ address }) => address))).toEqual(new Set(["0.0.0.0"]));
    expect(accessPoints[1]?.url).toBe("http://10.0.0.11:4318");
  });

  test("a storage path takes the place of the volume, for the service and for the job that prepares it", () => {
    const plan = nodePlan({ storagePaths: { logs: "/srv/logs" } });
    expect(plan.stores.logs.services.flatMap(({ volumes }) => volumes)).toEqual([
      { source: "/srv/logs", path: "/vlogs" },
    ]);
    expect(plan.prepare.volumes.map(({ source }) => source)).toEqual([
      "mirador_node1-metrics-data",
      "/srv/logs",
      "mirador_node1-traces-data",
      "mirador_node1-queue-data",
    ]);
  });

  test("a limit is the container's, and the service keeps its caches and heap below it", () => {
    const plan = nodePlan({ limits: { vmstorage: { memory: "2GiB", cpus: 1.5 }, gateway: { memory: "1GiB" } } });
    const find = (name: string) => servicesOf(plan).find(({ service }) => service === name);
    expect(find("vmstorage")).toMatchObject({ memoryMiB: 2048, cpus: 1.5 });
    expect(find("vmstorage")?.command).toContain("-memory.allowedBytes=1024MiB");
    expect(find("gateway")?.environment.GOMEMLIMIT).toBe("563MiB");
  });

  test("the drain time of HAProxy is within the time it has to stop", () => {
    const { service, files } = nodePlan({ haproxy: { drainSeconds: 120 } }).haproxy;
    expect(service.stopSeconds).toBeGreaterThan(120);
    expect(files[0]).toMatchObject({ text: expect.stringContaining("hard-stop-after 120s") });
  });

  test("TLS makes every address https and takes the certificate as files, not as text", () => {
    const tls = EXAMPLE_FLEETS.tls;
    const [plan] = tls ? planOf(tls).nodes : [];
    expect(plan?.accessPoints.filter(({ url }) => url.startsWith("http://"))).toEqual([]);
    expect(plan?.haproxy.files.filter((file) => "sourcePath" in file)).toEqual([
      { path: "tls.pem", sourcePath: "/etc/mirador/tls/fullchain.pem", sourceHash: "0".repeat(64) },
      { path: "tls.pem.key", sourcePath: "/etc/mirador/tls/key.pem", sourceHash: "0".repeat(64) },
    ]);
  });

  test("a stand-in is named in a warning and beside every access point that it answers", () => {
    const standIn = "test double";
    const fleet = defineFleet({
      ...ONE_NODE,
      images: { "victoria-traces": { ref: "local/double:1", version: "0.1.0", standIn } },
    });
    const { nodes: plans, warnings } = planOf(fleet);
    expect(warnings).toEqual([`victoria-traces is a stand-in (${standIn})`]);
    const marked = plans[0]?.accessPoints.filter((point) => point.standIn === standIn).map(({ name }) => name);
    expect(marked).toEqual(["tracesSelect", "tracesInsert"]);
  });
});

describe("the layouts", () => {
  test.each([
    [{}, 16],
    [{ metrics: "single" }, 14],
    [{ metrics: "single", logs: "single", traces: "single" }, 10],
  ] as const)("%j has %d containers, HAProxy last", (layouts, count) => {
    const services = servicesOf(nodePlan({ layouts }));
    expect(services).toHaveLength(count);
    expect(services.at(-1)?.service).toBe("haproxy");
    expect(new Set(services.map(({ service }) => service)).size).toBe(count);
  });

  test("fewer stores or no scoring ask HAProxy for no service that is not there", () => {
    for (const settings of [
      {},
      { layouts: { metrics: "single" } },
      { anomaly: { metrics: [] } },
    ] as FleetDefinition[]) {
      const plan = nodePlan(settings);
      const behind = servicesOf(plan).map(({ service }) => service);
      const text = plan.haproxy.files.map((file) => ("text" in file ? file.text : "")).join();
      const asked = [...text.matchAll(/^ {4}server (\S+) (\S+):\d+ /gm)].map(([, , host]) => host);
      expect(new Set(asked)).toEqual(new Set(behind.filter((name) => name !== "haproxy")));
    }
  });
});

describe("a fleet of three", () => {
  const plan = planOf(defineFleet({ nodes: nodes(3) }));

  test("is decided like this, as far as it is decided", async () => {
    const decided = {
      groups: plan.groups,
      warnings: plan.warnings,
      nodes: plan.nodes.map((node) => ({
        name: node.name,
        address: node.address,
        docker: node.docker,
        group: node.group,
        network: node.network,
        services: servicesOf(node).map(({ service, memoryMiB, volumes, publish }) => ({
          name: `${node.prefix}-${service}`,
          memoryMiB,
          volumes: volumes.map(({ source, path }) => `${source}:${path}`),
          publish: publish.map(({ address, external, internal }) => `${address}:${external}:${internal}`),
        })),
      })),
    };
    await expect(readable(decided)).toMatchFileSnapshot("../../__fixtures__/plan/three-nodes.json");
  });

  test("shares no container, volume or network name between nodes", () => {
    const namesOf = plan.nodes.map((node) => [
      node.network,
      ...servicesOf(node).flatMap(({ service, volumes }) => [
        `${node.prefix}-${service}`,
        ...volumes.map(({ source }) => source),
      ]),
    ]);
    const all = namesOf.flat();
    // A node's network and its prefix are one name; everything else is there once.
    expect(new Set(all).size).toBe(all.length);
  });
});

describe("is stable", () => {
  test.each(Object.entries(EXAMPLE_FLEETS))("%s gives the same plan twice", (_, fleet) => {
    expect(planOf(fleet)).toEqual(planOf(fleet));
  });

  const settings: FleetDefinition = {
    ...ONE_NODE,
    retention: { metrics: "90d", logs: "7d" },
    ports: { stats: 9404, otlpGrpc: 5317 },
    limits: { gateway: { memory: "1GiB", cpus: 1 }, vlstorage: { memory: "1GiB" } },
    anomaly: { metrics: ["b.c", "a.b", "c.d"] },
    images: { haproxy: { ref: "h:1", version: "3.4.7" }, otelcol: { ref: "o:1", version: "0.161.0" } },
  };

  test("the order of keys and of anomaly metrics changes nothing", () => {
    const reordered = reverseKeys({ ...settings, anomaly: { metrics: ["c.d", "b.c", "a.b"] } }) as FleetDefinition;
    expect(Object.keys(reordered)).not.toEqual(Object.keys(settings));
    expect(planOf(defineFleet(reordered))).toEqual(planOf(defineFleet(settings)));
  });

  function reverseKeys(value: unknown): unknown {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, inner]) => [key, reverseKeys(inner)]),
    );
  }
});

describe("secrets", () => {
  const plan = (statsPassword: string) => planFleet(defineFleet(ONE_NODE), { statsPassword });

  test.each([
    ["", "secret/blank"],
    [" \t\n ", "secret/blank"],
    ["elevenchars", "secret/unusable"],
    ["x".repeat(73), "secret/unusable"],
    ["ü".repeat(37), "secret/unusable"],
  ])("fails for the password %j", (password, code) => {
    expect(codesOf(problemsOf(() => plan(password)))).toEqual([[code, "secrets.statsPassword"]]);
  });

  test.each(["x".repeat(12), "x".repeat(72), "ü".repeat(36), "${a}%{b}\"'\\$ \u{1F511}"])(
    "takes the password %j and shows it nowhere",
    (password) => {
      expect(JSON.stringify(plan(password))).not.toContain(JSON.stringify(password).slice(1, -1));
    },
  );

  test("fails when the fleet asks for TLS and no certificate was given", () => {
    const fleet = defineFleet({ ...ONE_NODE, haproxy: { tls: { certificatePath: "a.pem" } } });
    expect(codesOf(problemsOf(() => planFleet(fleet, { statsPassword: "short" })))).toEqual([
      ["secret/unusable", "secrets.statsPassword"],
      ["tls/certificate-unreadable", "secrets.tls"],
    ]);
  });

  test("ignores a certificate that the fleet does not ask for", () => {
    const fleet = defineFleet(ONE_NODE);
    const tls = { certificatePath: "/a.pem", fingerprint: "f" };
    expect(planFleet(fleet, { statsPassword: PASSWORD, tls })).toEqual(planOf(fleet));
  });
});
