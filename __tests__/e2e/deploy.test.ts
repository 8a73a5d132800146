import { beforeAll, describe, expect, test } from "vitest";
import { containersOf, kernelFacts, logsOf, removeFleet, servicesOf } from "./support/engine";
import { status } from "./support/query";
import { context, stack } from "./support/shared-stack";
import { NO_CHANGE } from "./support/stack";
import { say } from "./support/summary";

const { name: fleet, ports } = stack.fleet;

describe(`a node from nothing (${context.title})`, () => {
  beforeAll(async () => {
    await removeFleet(fleet);
    const began = performance.now();
    await stack.apply();
    say("apply from nothing", `${((performance.now() - began) / 1000).toFixed(1)} s`);
  });

  test("is healthy when the apply has succeeded, without any waiting", async () => {
    expect(await status(stack.url("stats", "/readyz"))).toBe(200);
    const services = await servicesOf(fleet);
    expect(services.size).toBe(context.metricsLayout === "cluster" ? 16 : 14);
    for (const [service, { State }] of services)
      expect({ service, running: State.Running, oom: State.OOMKilled }).toEqual({ service, running: true, oom: false });
  });

  test("shows HAProxy as healthy to Docker after its first probe", async () => {
    const health = async () => (await servicesOf(fleet)).get("haproxy")?.State.Health?.Status;
    await expect.poll(health, { timeout: 60_000, interval: 1_000 }).toBe("healthy");
  });

  test("needs nothing more: the second plan is empty", async () => {
    expect(await stack.plan()).toEqual(NO_CHANGE);
  });

  test("shows no secret: neither in the plan, nor in labels, environment, command or logs", async () => {
    const secret = context.statsPassword;
    expect(await stack.planText()).not.toContain(secret);
    for (const [name, info] of await containersOf(fleet)) {
      expect(JSON.stringify(info), name).not.toContain(secret);
      expect(await logsOf(info.Id), name).not.toContain(secret);
    }
    // It is the one that opens the stats page, though.
    const login = (password: string) =>
      fetch(stack.url("stats", "/stats"), {
        headers: { authorization: `Basic ${Buffer.from(`admin:${password}`).toString("base64")}` },
      });
    expect((await login(secret)).status).toBe(200);
    expect((await login(`${secret}x`)).status).toBe(401);
  });

  test("keeps none of HAProxy's files in the container of the job that brought them", async () => {
    const job = stack.container("haproxy-configure");
    expect((await job.inspect()).State).toMatchObject({ Running: expect.any(Boolean) });
    await expect(job.infoArchive({ path: "/inbox" })).rejects.toMatchObject({ statusCode: 404 });
    // Started again, it finds nothing to do and says so.
    await job.restart();
    await expect.poll(() => logsOf(job.id)).toContain("started again, with nothing new to put in place");
    expect(await stack.plan()).toEqual(NO_CHANGE);
    expect(await status(stack.url("stats", "/readyz"))).toBe(200);
  });

  test("publishes HAProxy's ports on the node's address, and nothing else", async () => {
    const services = await servicesOf(fleet);
    const published = [...services].flatMap(([service, { NetworkSettings }]) =>
      Object.values(NetworkSettings.Ports).flatMap((bindings) =>
        (bindings ?? []).map(({ HostIp, HostPort }) => ({ service, address: HostIp, port: Number(HostPort) })),
      ),
    );
    const expected = Object.values(ports).map((port) => ({ service: "haproxy", address: "127.0.0.1", port }));
    expect(published.sort((a, b) => a.port - b.port)).toEqual(expected.sort((a, b) => a.port - b.port));
  });

  test("runs every container without root, without capabilities, on a read-only root", async () => {
    const services = await servicesOf(fleet);
    for (const [service, { Config, HostConfig }] of services) {
      expect({
        service,
        user: Config.User,
        readOnly: HostConfig.ReadonlyRootfs,
        privileged: HostConfig.Privileged,
        added: HostConfig.CapAdd ?? [],
        dropped: HostConfig.CapDrop,
        security: HostConfig.SecurityOpt,
        memoryIsLimited: (HostConfig.Memory ?? 0) > 0 && HostConfig.MemorySwap === HostConfig.Memory,
        restart: HostConfig.RestartPolicy?.Name,
        logs: HostConfig.LogConfig?.Config,
      }).toEqual({
        service,
        user: expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/),
        readOnly: true,
        privileged: false,
        added: [],
        dropped: ["ALL"],
        security: ["no-new-privileges:true"],
        memoryIsLimited: true,
        restart: "unless-stopped",
        logs: { "max-file": "3", "max-size": "10m" },
      });
    }
  });

  test("really holds no privilege: the kernel says so of each process", async () => {
    for (const [service, { State }] of await servicesOf(fleet)) {
      const facts = await kernelFacts(State.Pid);
      expect({ service, ...facts }).toEqual({
        service,
        effective: 0n,
        bounding: 0n,
        noNewPrivileges: "1",
        root: false,
      });
    }
  });

  test("takes the limits and the retention that the fleet asks for", async () => {
    const services = await servicesOf(fleet);
    expect(services.get("vlstorage")?.HostConfig.Memory).toBe(512 * 2 ** 20);
    expect(services.get("haproxy")?.HostConfig.NanoCpus).toBe(1e9);
    const retention = ["vlstorage", "vtstorage", stack.storageOfMetrics].map((service) =>
      services.get(service)?.Config.Cmd.find((flag) => flag.startsWith("-retentionPeriod")),
    );
    expect(retention).toEqual(["-retentionPeriod=3d", "-retentionPeriod=2d", "-retentionPeriod=60d"]);
  });
});
