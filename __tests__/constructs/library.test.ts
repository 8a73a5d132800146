import { describe, expect, test } from "vitest";
import {
  ContainerHost,
  HaproxyLb,
  MiradorNode,
  OtelPipeline,
  planVictoria,
  resolveImages,
  ServiceContainer,
  VictoriaCluster,
} from "../../index";
import { nodePlan } from "../support/fleets";
import { afterTerraform, containersOf, readable, resourcesOf, synthStack, textsOf } from "../support/synth";

const images = resolveImages();
const logs = planVictoria({ signal: "logs", retentionDays: 14, dataSource: "logs-data", images });
const hostOf = (scope: ConstructorParameters<typeof ContainerHost>[0], prefix = "outside") =>
  new ContainerHost(scope, `Host-${prefix}`, { prefix, images });

/** Each construct alone, as the only thing of somebody's stack. */
const ALONE: Readonly<Record<string, ReturnType<typeof synthStack>>> = {
  "victoria-cluster": synthStack((stack) => {
    const plan = planVictoria({ signal: "metrics", retentionDays: 30, dataSource: "metrics-data", images });
    new VictoriaCluster(stack, "Metrics", { host: hostOf(stack), plan });
  }),
  "victoria-single": synthStack((stack) => {
    const plan = planVictoria({
      signal: "traces",
      layout: "single",
      retentionDays: 7,
      dataSource: "/srv/traces",
      images,
    });
    new VictoriaCluster(stack, "Traces", { host: hostOf(stack), plan });
  }),
  "otel-pipeline": synthStack((stack) => {
    new OtelPipeline(stack, "Otel", { host: hostOf(stack), plan: nodePlan().otel });
  }),
  "haproxy-lb": synthStack((stack) => {
    const host = hostOf(stack);
    const [plan] = nodePlan().otel.services;
    const behind = plan === undefined ? [] : [new ServiceContainer(stack, "gateway", { host, plan })];
    new HaproxyLb(stack, "Lb", { host, plan: nodePlan().haproxy, behind });
  }),
  "mirador-node": synthStack((stack) => {
    new MiradorNode(stack, "Mirador", { plan: nodePlan() });
  }),
};

describe.each(Object.entries(ALONE))("%s", (name, stack) => {
  test("is given to Terraform as this", async () => {
    await expect(readable(stack.resource)).toMatchFileSnapshot(`../__fixtures__/constructs/${name}.json`);
  });

  test("makes neither provider nor backend: these are the stack's", () => {
    expect(stack.provider).toEqual({ docker: [{}] });
    expect(stack.terraform.backend).toEqual(synthStack(() => undefined).terraform.backend);
    const outputs = Object.keys(stack).filter((key) => !["//", "provider", "resource", "terraform"].includes(key));
    expect(outputs).toEqual([]);
  });

  test("declares no volume but HAProxy's configuration, so that a destroy leaves the data", () => {
    const volumes = Object.values(resourcesOf(stack, "docker_volume")).map((volume) => volume.name);
    expect(volumes.filter((volume) => !/haproxy-config$/.test(String(volume)))).toEqual([]);
  });

  test("has names that all begin with its prefix", () => {
    const prefix = name === "mirador-node" ? "mirador_node1" : "outside";
    const named = ["docker_container", "docker_network", "docker_volume"].flatMap((type) =>
      Object.values(resourcesOf(stack, type)).map((resource) => String(resource.name)),
    );
    expect(named.length).toBeGreaterThan(0);
    for (const resource of named) expect(resource).toMatch(new RegExp(`^${prefix}(-|$)`));
  });

  test("contains nothing that Terraform would evaluate, besides references to its own resources", () => {
    for (const text of textsOf(stack.resource).filter((candidate) => !/^container:\$\{docker_/.test(candidate)))
      expect(() => afterTerraform(text)).not.toThrow();
  });
});

test("alone, a store prepares its volume first and is waited for", () => {
  const containers = new Map(
    containersOf(ALONE["victoria-cluster"] ?? expect.fail()).map(([address, { name, depends_on: after }]) => [
      name,
      { address: `docker_container.${address}`, after },
    ]),
  );
  const prepare = containers.get("outside-prepare-metrics")?.address;
  for (const service of ["vminsert", "vmselect", "vmstorage"])
    expect(containers.get(`outside-${service}`)?.after).toEqual([prepare]);
  expect(containers.get("outside-ready-metrics")?.after).toEqual(
    ["vminsert", "vmselect", "vmstorage"].map((service) => containers.get(`outside-${service}`)?.address),
  );
});

test("prepared by somebody else, a store has no job of its own", () => {
  const stack = synthStack((scope) => {
    const host = hostOf(scope);
    const preparedBy = host.network;
    new VictoriaCluster(scope, "Logs", { host, plan: logs, preparedBy });
  });
  const names = containersOf(stack).map(([, { name }]) => name);
  expect(names).toEqual(["outside-vlinsert", "outside-vlselect", "outside-vlstorage"]);
  for (const [, { depends_on: after }] of containersOf(stack)) expect(after).toHaveLength(1);
});

test("two of a kind live in one stack under two prefixes and share nothing", () => {
  const stack = synthStack((scope) => {
    for (const prefix of ["blue", "green"]) {
      const plan = planVictoria({ signal: "logs", retentionDays: 14, dataSource: `${prefix}-data`, images });
      new VictoriaCluster(scope, `Logs-${prefix}`, { host: hostOf(scope, prefix), plan });
    }
  });
  const described = (prefix: string) =>
    containersOf(stack)
      .map(([, container]) => container)
      .filter(({ name }) => String(name).startsWith(`${prefix}-`));
  expect(described("blue")).toHaveLength(5);
  expect(described("green")).toHaveLength(5);
  const text = JSON.stringify(described("green"));
  expect(text).not.toMatch(/blue/i);
});

test("fails for two of a kind under one id, at the line that makes the second", () => {
  expect(() =>
    synthStack((scope) => {
      const host = hostOf(scope);
      for (let i = 0; i < 2; i++) new VictoriaCluster(scope, "Logs", { host, plan: logs });
    }),
  ).toThrow(/already a Construct with name/);
});

test("an image is pulled once per host, however many containers run it, and stays when it is no longer used", () => {
  const imageResources = resourcesOf(ALONE["mirador-node"] ?? expect.fail(), "docker_image");
  const names = Object.values(imageResources).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toHaveLength(7);
  for (const image of Object.values(imageResources)) {
    expect(image).toMatchObject({ keep_locally: true, lifecycle: { create_before_destroy: true } });
  }
});

test("text of a plan arrives byte for byte, whatever it holds", () => {
  const nasty = "a${b} %{c} $${d} \"quoted\" 'single' back\\slash größe \u{1F511}\nsecond line";
  const [service] = logs.services;
  const stack = synthStack((scope) => {
    const host = new ContainerHost(scope, "Host", {
      prefix: "outside",
      images: { ...images, "victoria-logs": { ref: nasty, version: "1.53.0" } },
      labels: { note: nasty },
    });
    if (service === undefined) throw new Error("no service");
    new ServiceContainer(scope, "Service", {
      host,
      plan: {
        ...service,
        entrypoint: [nasty],
        command: [nasty],
        environment: { TEXT: nasty },
        volumes: [{ source: `/srv/${nasty}`, path: "/data" }],
        healthcheck: {
          command: nasty,
          intervalSeconds: 1,
          timeoutSeconds: 1,
          retries: 1,
          startPeriodSeconds: 1,
          awaited: true,
        },
      },
    });
  });
  const [[, container] = expect.fail()] = containersOf(stack);
  const [image] = Object.values(resourcesOf(stack, "docker_image"));
  const arrived = [
    container.entrypoint,
    container.command,
    container.env,
    container.volumes,
    container.healthcheck,
    container.labels,
    image?.name,
  ].map((value) =>
    textsOf(value)
      .map(afterTerraform)
      .filter((text) => text.includes(nasty)),
  );
  expect(arrived).toEqual([[nasty], [nasty], [`TEXT=${nasty}`], [`/srv/${nasty}`], [nasty], [nasty], [nasty]]);
});
