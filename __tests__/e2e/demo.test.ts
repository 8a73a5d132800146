import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeCheckout } from "./support/checkout";
import { containersOf, networksOf, removeFleet, volumesOf } from "./support/engine";
import { demoFleet } from "./support/fleets";
import { type Ended, start } from "./support/process";
import { context } from "./support/shared-stack";
import { say } from "./support/summary";

const fleet = demoFleet(context.metricsLayout);
const checkout = join(context.folder, "checkout");
const envFile = join(checkout, ".mirador", "env");

interface Run extends Ended {
  readonly seconds: number;
}

/** What a person says once; `.mirador/env` says it from then on. */
const CHOICE = {
  MIRADOR_FLEET: "demo-fleet.ts",
  MIRADOR_IMAGES: context.imagesFile,
  TF_CLI_CONFIG_FILE: context.terraformConfigFile,
};
const NO_CHOICE = { MIRADOR_FLEET: undefined, MIRADOR_IMAGES: undefined, TF_CLI_CONFIG_FILE: undefined };
const OWN = { MIRADOR_STATE: undefined, CDKTF_OUTDIR: undefined, HAPROXY_STATS_PASS: undefined };

async function demo(options: readonly string[], choice: typeof CHOICE | typeof NO_CHOICE = NO_CHOICE): Promise<Run> {
  const began = performance.now();
  const args = ["run", "demo", ...(options.length > 0 ? ["--"] : []), ...options];
  const { status, output } = await start("npm", args, { cwd: checkout, env: { ...choice, ...OWN } }).ended;
  return { status, output, seconds: (performance.now() - began) / 1000 };
}

/** npm's own words aside. */
function tooWide(output: string): readonly string[] {
  return output.split("\n").filter((line) => line.length > 100 && !line.startsWith("npm "));
}

async function containerIds(): Promise<readonly string[]> {
  return [...(await containersOf(fleet.name)).values()].map(({ Id }) => Id).sort();
}

describe(`npm run demo (${context.title})`, () => {
  beforeAll(async () => {
    await removeFleet(fleet.name);
    await makeCheckout(context.root, checkout);
    const text = `import { defineFleet } from "./lib";\n\nexport default defineFleet(${JSON.stringify(fleet)});\n`;
    await writeFile(join(checkout, "demo-fleet.ts"), text);
  });
  afterAll(() => removeFleet(fleet.name));

  test("deploys a node, finds a trace, a log and a metric, and shows where everything is", async () => {
    const { status, output, seconds } = await demo([], CHOICE);
    expect(status, output).toBe(0);
    say("demo from nothing", `${seconds.toFixed(1)} s`);
    // The seconds after which the trace, the log and the metric were found.
    expect(output).toMatch(/^demo1 +demo1( +\d+\.\d s){3}$/m);
    const rows = output.split("\n").filter((line) => /127\.0\.0\.1:28\d{3}\S* +(-|admin) +up/.test(line));
    expect(rows, output).toHaveLength(Object.keys(fleet.ports).length);
    expect(tooWide(output)).toEqual([]);
    expect(await readFile(envFile, "utf8")).toContain("export MIRADOR_FLEET='demo-fleet.ts'");
  });

  test("changes nothing at the second run, which is quick", async () => {
    const before = await containerIds();
    const { status, output, seconds } = await demo([]);
    expect(status, output).toBe(0);
    say("demo again", `${seconds.toFixed(1)} s`);
    expect(output).toContain("nothing to change");
    expect(await containerIds()).toEqual(before);
    expect(seconds).toBeLessThan(45);
  });

  test("goes with --down and keeps the data", async () => {
    const { status, output } = await demo(["--down"]);
    expect(status, output).toBe(0);
    expect(await containerIds()).toEqual([]);
    expect(await networksOf(fleet.name)).toEqual([]);
    const volumes = await volumesOf(fleet.name);
    expect(volumes.map((name) => name.replace(/^.*_demo1-/, ""))).toEqual([
      "logs-data",
      "metrics-data",
      "queue-data",
      "traces-data",
    ]);
    for (const volume of volumes) expect(output).toContain(volume);
    expect(tooWide(output)).toEqual([]);
  });

  test("takes the data with it at --clean: nothing is left", async () => {
    const { status, output } = await demo(["--clean"]);
    expect(status, output).toBe(0);
    expect(await containerIds()).toEqual([]);
    expect(await networksOf(fleet.name)).toEqual([]);
    expect(await volumesOf(fleet.name)).toEqual([]);
    expect(existsSync(envFile)).toBe(false);
  });
});
