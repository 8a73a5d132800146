import type { ContainerInspectInfo } from "dockerode";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { containersOf, networksOf, removeFleet, servicesOf, volumesOf } from "./support/engine";
import { fleetBeside } from "./support/fleets";
import { Load, verify } from "./support/loadgen";
import { logsQL, status } from "./support/query";
import { context, ready, stack } from "./support/shared-stack";
import { NO_CHANGE, Stack } from "./support/stack";
import { sayCounts } from "./support/summary";

const LOAD = { spans: 500, logs: 500, samples: 2_000, seconds: 5 } as const;

describe(`destroyed and deployed again (${context.title})`, () => {
  beforeAll(ready);

  test("leaves nothing but data volumes, and finds the data again", async () => {
    const sent = await Load.send(context, stack, "kept", LOAD);
    const before = await verify(context, stack, sent);
    for (const signal of ["spans", "logs", "samples"] as const)
      expect(before[signal], signal).toMatchObject({ lost: 0, double: 0, acked: sent.signals[signal]?.ackedItems });

    await stack.destroy();
    expect([...(await containersOf(stack.fleet.name)).keys()]).toEqual([]);
    expect(await networksOf(stack.fleet.name)).toEqual([]);
    expect(await volumesOf(stack.fleet.name)).toEqual(
      ["logs-data", "metrics-data", "queue-data", "traces-data"].map((name) => `${stack.prefix}-${name}`),
    );

    await ready();
    const after = await verify(context, stack, sent);
    sayCounts("redeployed", sent, after);
    expect(after).toEqual(before);
    expect(await stack.plan()).toEqual(NO_CHANGE);
  });
});

describe(`another fleet of one node beside the first (${context.title})`, () => {
  const other = new Stack(context, fleetBeside(context.metricsLayout));

  beforeAll(async () => {
    await ready();
    await other.apply();
  });
  afterAll(() => removeFleet(other.fleet.name));

  test("shares no container, network or volume with it", async () => {
    const [first, second] = await Promise.all([stack, other].map(({ fleet }) => servicesOf(fleet.name)));
    for (const belongings of [ids, networks, mounts, hostPorts]) {
      const [here, there] = [belongings(first), belongings(second)];
      expect(here.length).toBeGreaterThan(0);
      expect(there.length).toBeGreaterThan(0);
      expect(here.filter((belonging) => there.includes(belonging))).toEqual([]);
    }
  });

  test("has its own limits and retention", async () => {
    const services = await servicesOf(other.fleet.name);
    expect(services.get("gateway")?.HostConfig.Memory).toBe(192 * 2 ** 20);
    expect(services.get(other.storageOfMetrics)?.Config.Cmd).toContain("-retentionPeriod=365d");
    // No metric is scored, and the logs have no roles of their own.
    for (const absent of ["isolationforest", "vlinsert", "vlselect"])
      expect([...services.keys()]).not.toContain(absent);
  });

  test("keeps its items to itself, and leaves the first untouched when it goes", async () => {
    const before = await stack.ids();
    const sent = await Load.send(context, other, "beside", LOAD);
    const verdicts = await verify(context, other, sent);
    sayCounts("fleet beside", sent, verdicts);
    for (const signal of ["spans", "logs", "samples"] as const)
      expect(verdicts[signal], signal).toMatchObject({ lost: 0, double: 0, acked: sent.signals[signal]?.ackedItems });
    expect(await logsQL(stack, "logsSelect", `run:="${sent.run}" | stats count() rows`)).toEqual([{ rows: "0" }]);

    await other.destroy();
    expect([...(await containersOf(other.fleet.name)).keys()]).toEqual([]);
    expect(await stack.ids()).toEqual(before);
    expect(await status(stack.url("stats", "/readyz"))).toBe(200);
    expect(await stack.plan()).toEqual(NO_CHANGE);
  });
});

type Services = ReadonlyMap<string, ContainerInspectInfo> | undefined;

function each(services: Services, belongings: (info: ContainerInspectInfo) => readonly string[]): readonly string[] {
  return [...(services?.values() ?? [])].flatMap(belongings);
}

const ids = (services: Services) => each(services, ({ Id }) => [Id]);
const networks = (services: Services) =>
  each(services, ({ NetworkSettings }) => Object.values(NetworkSettings.Networks).map(({ NetworkID }) => NetworkID));
const mounts = (services: Services) => each(services, ({ Mounts }) => Mounts.map(({ Source }) => Source));
const hostPorts = (services: Services) =>
  each(services, ({ NetworkSettings }) =>
    Object.values(NetworkSettings.Ports).flatMap((bindings) => (bindings ?? []).map(({ HostPort }) => HostPort)),
  );
