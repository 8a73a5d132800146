import { mkdir, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { run } from "../../images/shell";
import { resolveImages } from "../../lib";
import { logsOf, removeFleet, servicesOf } from "./support/engine";
import { weatherFleet } from "./support/fleets";
import { imagesInUse, imagesWith } from "./support/images";
import { Load, verify } from "./support/loadgen";
import { context } from "./support/shared-stack";
import { Stack } from "./support/stack";
import { sayCounts } from "./support/summary";

const { metricsLayout } = context;
const fleet = weatherFleet(metricsLayout);
const stack = new Stack(context, fleet);
const root = process.getuid?.() === 0;

describe(`disks and what is on them (${context.title})`, () => {
  beforeEach(() => stack.forget());
  afterAll(() => removeFleet(fleet.name));

  test("fails when the queues could fill the disk, before anything starts that holds data or takes requests", async () => {
    await stack.failToApply({ queue: { size: "64TiB" } });
    expect(await prepareLog()).toMatch(/has \d+ MiB for the queues; they need 603979776 MiB/);
    const started = [...(await servicesOf(fleet.name)).keys()];
    // Derived collectors hold nothing and nobody reaches them.
    const idle = ["servicegraph", "spanmetrics", "isolationforest", "vmadapter", "vlogadapter"];
    expect(started.filter((service) => !idle.includes(service))).toEqual([]);
    await stack.apply();
  });

  test("fails when metrics are there in the other layout, and goes on when it is set back", async () => {
    await stack.apply();
    const sent = await Load.send(context, stack, "layout", { samples: 2_000, seconds: 5 });
    expect((await verify(context, stack, sent)).samples).toMatchObject({ lost: 0, double: 0 });

    const wanted = metricsLayout === "cluster" ? "single" : "cluster";
    // The images of the other layout need not be there: it must not come to starting them.
    const { ref, version } = resolveImages(await imagesInUse(context.imagesFile))[
      metricsLayout === "cluster" ? "vmstorage" : "victoria-metrics"
    ];
    const present = { ref, version };
    const imagesFile = await imagesWith(context, {
      "victoria-metrics": present,
      vminsert: present,
      vmselect: present,
      vmstorage: present,
    });
    await new Stack({ ...context, imagesFile }, fleet).failToApply({ layouts: { ...fleet.layouts, metrics: wanted } });
    expect(await prepareLog()).toContain(
      `data of format metrics-${metricsLayout} and this deploy wants metrics-${wanted}`,
    );

    await stack.apply();
    const verdicts = await verify(context, stack, sent);
    sayCounts("layout set back", sent, verdicts);
    expect(verdicts.samples).toMatchObject({ lost: 0, double: 0 });
  });

  test.skipIf(!root)("queues logs while their disk is full, loses none, and spares the other signals", async () => {
    const folder = join(context.folder, "small-disk");
    await mkdir(folder, { recursive: true });
    await run("mount", ["-t", "tmpfs", "-o", "size=128m", "tmpfs", folder]);
    try {
      await stack.apply({ storagePaths: { logs: folder }, minFreeDisk: "64MiB" });
      const ballast = join(folder, "ballast");
      const { bavail, bsize } = await statfs(folder);
      await writeFile(ballast, Buffer.alloc(bavail * bsize - 32 * 2 ** 20));

      const logs = Load.begin(context, stack, "full-logs", { logs: 500, seconds: 20 });
      const others = await Load.send(context, stack, "full-others", { spans: 500, samples: 2_000, seconds: 20 });
      const spared = await verify(context, stack, others);
      sayCounts("logs' disk full", others, spared);
      for (const signal of ["spans", "samples"] as const) {
        expect(others.signals[signal], signal).toMatchObject({ failedRequests: 0, refused: {} });
        expect(spared[signal], signal).toMatchObject({ lost: 0, double: 0 });
      }
      const sent = await logs.report();
      const { logs: waiting } = await verify(context, stack, sent, 1);
      expect(waiting?.lost).toBeGreaterThan(0);

      await rm(ballast);
      const verdicts = await verify(context, stack, sent, 120);
      sayCounts("logs' disk freed", sent, verdicts);
      expect(verdicts.logs).toMatchObject({ lost: 0, acked: sent.signals.logs?.ackedItems });
      expect(sent.signals.logs?.failedRequests).toBe(0);
    } finally {
      await stack.forget();
      await run("umount", ["-l", folder]);
    }
  });
});

async function prepareLog(): Promise<string> {
  return logsOf(`${stack.prefix}-prepare`);
}
