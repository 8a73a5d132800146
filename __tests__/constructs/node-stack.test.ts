import { describe, expect, test } from "vitest";
import { defineFleet, type FleetDefinition, type NodePlan } from "../../lib";
import { EXAMPLE_NAMES, exampleFleet, nodePlan, nodes, ONE_NODE, PASSWORD, planOf } from "../support/fleets";
import {
  addressesOf,
  containerOf,
  containersOf,
  type Resource,
  resourcesOf,
  synthNode,
  textsOf,
} from "../support/synth";

const STACK = synthNode(nodePlan());
const JOBS = ["prepare", "haproxy-configure", "ready"];
const ADDED_CAPABILITIES: Readonly<Record<string, readonly string[]>> = {
  prepare: ["CAP_CHOWN", "CAP_DAC_OVERRIDE"],
  "haproxy-configure": ["CAP_CHOWN"],
};
const isJob = (address: string) => JOBS.includes(address);

test("keeps its resource addresses, which people give to -target", () => {
  expect(addressesOf(STACK)).toEqual([
    "docker_container.gateway",
    "docker_container.haproxy",
    "docker_container.haproxy-configure",
    "docker_container.isolationforest",
    "docker_container.prepare",
    "docker_container.ready",
    "docker_container.servicegraph",
    "docker_container.spanmetrics",
    "docker_container.vlinsert",
    "docker_container.vlogadapter",
    "docker_container.vlselect",
    "docker_container.vlstorage",
    "docker_container.vmadapter",
    "docker_container.vminsert",
    "docker_container.vmselect",
    "docker_container.vmstorage",
    "docker_container.vtinsert",
    "docker_container.vtselect",
    "docker_container.vtstorage",
    "docker_image.haproxy",
    "docker_image.otelcol",
    "docker_image.victoria-logs",
    "docker_image.victoria-traces",
    "docker_image.vminsert",
    "docker_image.vmselect",
    "docker_image.vmstorage",
    "docker_network.network",
    "docker_volume.haproxy-config",
  ]);
});

test("replaces the three services of a metrics cluster by one in the single layout, and keeps all other addresses", () => {
  const single = addressesOf(synthNode(nodePlan({ layouts: { metrics: "single" } })));
  const cluster = addressesOf(STACK);
  expect(single.filter((address) => !cluster.includes(address))).toEqual([
    "docker_container.vmsingle",
    "docker_image.victoria-metrics",
  ]);
  expect(cluster.filter((address) => !single.includes(address))).toEqual([
    "docker_container.vminsert",
    "docker_container.vmselect",
    "docker_container.vmstorage",
    "docker_image.vminsert",
    "docker_image.vmselect",
    "docker_image.vmstorage",
  ]);
});

test("has the same addresses whatever the node and the fleet are called", () => {
  const other = nodePlan({ name: "staging", nodes: [{ name: "edge", address: "10.0.0.9" }] });
  expect(addressesOf(synthNode(other))).toEqual(addressesOf(STACK));
});

test("names its stack after the node and requires the provider that was run", () => {
  expect(STACK.terraform).toMatchObject({
    required_providers: { docker: { source: "kreuzwerker/docker", version: "~> 4.6" } },
  });
});

const EVERY = [
  ...EXAMPLE_NAMES.flatMap((name) =>
    planOf(exampleFleet(name))
      .nodes.slice(0, 2)
      .map((plan): [string, NodePlan] => [`${name} ${plan.name}`, plan]),
  ),
];

describe.each(EVERY)("every container of %s", (_, plan) => {
  const stack = synthNode(plan);
  const containers = containersOf(stack);
  const all = (check: (container: Resource, address: string) => void) => {
    expect(containers.length).toBeGreaterThan(9);
    for (const [address, container] of containers) check(container, address);
  };

  test("has a memory limit and no swap beyond it", () => {
    all(({ memory, memory_swap: swap }) => {
      expect(memory).toBeGreaterThanOrEqual(32);
      expect(swap).toBe(memory);
    });
  });

  test("rotates its log, with both options written out", () => {
    all(({ log_driver: driver, log_opts: options }) => {
      expect(driver).toBe("json-file");
      expect(options).toEqual({ "max-size": "10m", "max-file": "3" });
    });
  });

  test("is restarted, unless it is a job that ends", () => {
    all(({ restart }, address) => expect(restart).toBe(isJob(address) ? "no" : "unless-stopped"));
  });

  test("is given time to stop before it is killed", () => {
    all(({ destroy_grace_seconds: grace, stop_timeout: timeout }, address) => {
      expect(grace).toBeGreaterThan(0);
      if (!isJob(address)) expect(timeout).toBe(grace);
    });
  });

  test("has no capability, but for jobs that change owners", () => {
    all(({ capabilities }, address) => {
      const added = ADDED_CAPABILITIES[address];
      expect(capabilities).toEqual({ drop: ["ALL"], ...(added === undefined ? {} : { add: added }) });
    });
  });

  test("is not root, but for jobs that change owners", () => {
    all(({ user }, address) => {
      if (["prepare", "haproxy-configure"].includes(address)) expect(user).toBe("0:0");
      else expect(user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    });
  });

  test("gets no new privileges", () => {
    all(({ security_opts: options }) => expect(options).toEqual(["no-new-privileges:true"]));
  });

  test("has a read-only root, but for the job into which files are put", () => {
    all(({ read_only: readOnly, upload }, address) => {
      expect(readOnly).toBe(address !== "haproxy-configure");
      expect(upload !== undefined).toBe(address === "haproxy-configure");
    });
  });

  test("publishes nothing, but HAProxy its access points and the mesh", () => {
    all(({ ports = [] }, address) => {
      const published = plan.haproxy.service.volumes.length > 0 ? 11 : 10;
      expect((ports as unknown[]).length).toBe(address === "haproxy" ? published : 0);
    });
  });

  test("says whose it is", () => {
    all(({ labels }) => {
      expect(labels).toEqual(
        expect.arrayContaining([
          { label: "mirador.fleet", value: plan.fleet },
          { label: "mirador.node", value: plan.name },
        ]),
      );
    });
  });

  test("holds no secret anywhere: not the password, not a file of the certificate's content", () => {
    const text = JSON.stringify(stack);
    expect(text).not.toContain(PASSWORD);
    expect(text).not.toContain("PRIVATE KEY");
    // The hash of the password stands in haproxy.cfg and nowhere else.
    for (const [address, { env, labels, command }] of containers)
      expect(JSON.stringify([env, labels, command]), address).not.toMatch(/\$2[aby]\$|password/i);
  });

  test("keeps its data in volumes that Terraform does not own", () => {
    const owned = Object.values(resourcesOf(stack, "docker_volume")).map(({ name }) => name);
    expect(owned).toEqual([`${plan.prefix}-haproxy-config`]);
    const data = [...Object.values(plan.stores), plan.haproxy, plan.otel].flatMap((part) => part.data?.source ?? []);
    expect(data.length).toBeGreaterThanOrEqual(4);
    for (const source of data) {
      expect(owned).not.toContain(source);
      expect(textsOf(containers)).toContain(source);
    }
  });
});

describe("the order of things", () => {
  const startsAfter = (address: string) => containerOf(STACK, address).depends_on as readonly string[];

  test("no service starts, and no configuration is put in place, before the host was found fit for them", () => {
    const services = containersOf(STACK).map(([address]) => address);
    for (const address of services.filter((each) => !isJob(each) && each !== "haproxy"))
      expect(startsAfter(address), address).toContain("docker_container.prepare");
    expect(startsAfter("haproxy-configure")).toContain("docker_container.prepare");
  });

  test("HAProxy comes after its configuration and every service", () => {
    const services = containersOf(STACK)
      .map(([address]) => address)
      .filter((address) => !isJob(address) && address !== "haproxy");
    expect(new Set(startsAfter("haproxy"))).toEqual(
      new Set([...services, "haproxy-configure"].map((address) => `docker_container.${address}`)),
    );
  });

  test("readiness is asked last, and again whenever the configuration or a service is replaced", () => {
    const { lifecycle, depends_on: dependencies } = containerOf(STACK, "ready");
    expect(dependencies).toContain("docker_container.haproxy");
    const triggers = (lifecycle as { replace_triggered_by: string[] }).replace_triggered_by;
    expect(triggers).toContain("docker_container.haproxy-configure");
    expect(triggers).toHaveLength(16);
    for (const trigger of triggers) expect(addressesOf(STACK)).toContain(trigger);
  });

  test("success means healthy: jobs and HAProxy are waited for", () => {
    for (const address of [...JOBS, "haproxy"]) {
      expect(containerOf(STACK, address)).toMatchObject({
        wait: true,
        healthcheck: { test: ["CMD-SHELL", expect.any(String)] },
      });
      expect(containerOf(STACK, address).wait_timeout).toBeGreaterThanOrEqual(20);
    }
  });
});

describe("a change replaces what it must and nothing else", () => {
  const changed = (definition: FleetDefinition): readonly string[] => {
    const other = synthNode(nodePlan(definition));
    return containersOf(STACK)
      .filter(([address, container]) => JSON.stringify(container) !== JSON.stringify(containerOf(other, address)))
      .map(([address]) => address);
  };

  test.each<[string, FleetDefinition, readonly string[]]>([
    ["nothing", {}, []],
    ["a collector's batch", { batch: { maxSize: "3MiB" } }, ["gateway"]],
    ["HAProxy's algorithm", { haproxy: { algorithm: "leastconn" } }, ["haproxy-configure", "ready"]],
    // The landing page links to it.
    ["a published port", { ports: { stats: 9404 } }, ["haproxy", "haproxy-configure", "ready"]],
    ["a retention", { retention: { logs: "7d" } }, ["vlstorage"]],
    ["a limit", { limits: { vtselect: { memory: "256MiB" } } }, ["vtselect"]],
    [
      "the order of anomaly metrics",
      { anomaly: { metrics: ["system.memory.utilization", "process.memory.usage", "system.cpu.utilization"] } },
      [],
    ],
  ])("%s", (_, definition, expected) => {
    expect(changed(definition).toSorted()).toEqual(expected);
  });

  test("reordering the fleet's keys changes no byte", () => {
    const settings = { retention: { logs: "7d" }, ports: { stats: 9404 }, haproxy: { drainSeconds: 5 } };
    const reordered = Object.fromEntries(Object.entries({ ...ONE_NODE, ...settings }).toReversed());
    expect(synthNode(nodePlan(reordered))).toEqual(synthNode(nodePlan(settings)));
  });

  test("a node that is added changes no store of the other group, and no volume or port of any node", () => {
    const stacks = (count: number) => planOf(defineFleet({ nodes: nodes(count) })).nodes.map((plan) => synthNode(plan));
    const changes = stacks(3).map((before, index) => {
      const after = stacks(4)[index] ?? expect.fail();
      return containersOf(before)
        .filter(([address, container]) => JSON.stringify(container) !== JSON.stringify(containerOf(after, address)))
        .map(([address]) => address)
        .toSorted();
    });
    const everywhere = ["gateway", "haproxy-configure", "ready", "vmselect"];
    // Group b gets a second host: only its own insert and select roles learn of it, and the job that guards its data.
    const groupB = ["prepare", "vlselect", "vminsert", "vtselect"];
    expect(changes).toEqual([everywhere, [...everywhere, ...groupB].toSorted(), everywhere]);
  });
});

describe("the way to the engine", () => {
  type Docker = NodePlan["docker"];
  const provider = (docker: Docker) => synthNode({ ...nodePlan(), docker }).provider;

  test.each<[string, Docker, Resource]>([
    ["the socket", { kind: "unix" }, { host: "unix:///var/run/docker.sock" }],
    ["another socket", { kind: "unix", socket: "/run/${x}/d.sock" }, { host: "unix:///run/$${x}/d.sock" }],
    ["a context", { kind: "context", name: "staging" }, { context: "staging" }],
    [
      "TCP with TLS",
      { kind: "tcp", host: "docker.example.org", certificatePath: "/etc/docker-tls" },
      { host: "tcp://docker.example.org:2376", cert_path: "/etc/docker-tls" },
    ],
    [
      "TCP at another port",
      { kind: "tcp", host: "10.0.0.1", port: 12_376, certificatePath: "/t" },
      { host: "tcp://10.0.0.1:12376", cert_path: "/t" },
    ],
    [
      "ssh",
      { kind: "ssh", host: "10.0.0.1" },
      {
        host: "ssh://root@10.0.0.1:22",
        ssh_opts: ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=10"],
      },
    ],
    [
      "ssh with everything",
      { kind: "ssh", host: "h", user: "deploy", port: 2222, identityFile: "/k ey", knownHostsFile: "/known" },
      {
        host: "ssh://deploy@h:2222",
        ssh_opts: [
          "-i",
          "/k ey",
          "-o",
          "BatchMode=yes",
          "-o",
          "StrictHostKeyChecking=yes",
          "-o",
          "ConnectTimeout=10",
          "-o",
          "UserKnownHostsFile=/known",
        ],
      },
    ],
  ])("by %s", (_, docker, expected) => {
    expect(provider(docker)).toEqual({ docker: [expected] });
  });
});

describe("the state", () => {
  const backend = (definition: FleetDefinition) => synthNode(nodePlan(definition)).terraform.backend;

  test("is a file of the node, fleets apart", () => {
    expect(backend({})).toEqual({ local: { path: "/state/node1.tfstate" } });
    expect(backend({ name: "staging" })).toEqual({ local: { path: "/state/staging/node1.tfstate" } });
  });

  test.each<[string, Record<string, string | number | boolean>, Record<string, string | number | boolean>]>([
    [
      "s3",
      { bucket: "states", key: "mirador/{node}.tfstate", use_lockfile: true, max_retries: 3 },
      { bucket: "states", key: "mirador/node1.tfstate", use_lockfile: true, max_retries: 3 },
    ],
    [
      "http",
      { address: "https://state.example.org/{node}?a={node}" },
      { address: "https://state.example.org/node1?a=node1" },
    ],
    ["pg", { schema_name: "mirador_{node}" }, { schema_name: "mirador_node1" }],
    ["consul", { path: "${a}/{node}/%{b}" }, { path: "$${a}/node1/%%{b}" }],
    ["local", { path: "/elsewhere/{node}.tfstate" }, { path: "/elsewhere/node1.tfstate" }],
  ])("of a %s backend is passed through, {node} filled in", (type, config, expected) => {
    expect(backend({ backend: { type, config } })).toEqual({ [type]: expected });
  });
});
