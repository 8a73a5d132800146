import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { BUILT_VERSIONS } from "../../images/built-versions";
import { PARTS } from "../../images/go-parts";
import { defineFleet, IMAGE_CATALOG, type Layout, planFleet, type ServicePlan, servicesOf } from "../../lib";
import { SIGNALS } from "../../lib/fleet/definition";
import { builtImages, type Program, program, testWith } from "../support/binaries";
import { nodes, ONE_NODE, PASSWORD, secretsFor } from "../support/fleets";
import { temporaryFolder } from "../support/folders";
import { freePort, start, untilAnswers } from "../support/processes";

/** A command line as planned, with a folder and an address of this machine in place of the container's. */
async function runnable({ command, volumes, tmpfs }: ServicePlan): Promise<{ flags: string[]; health: string }> {
  const folder = temporaryFolder();
  const port = await freePort();
  const places = [...volumes.map(({ path }) => path), ...Object.keys(tmpfs)].filter((path) => path !== "/tmp");
  for (const path of places) mkdirSync(join(folder, path));
  const flags = command.map((flag) => {
    if (flag.startsWith("-httpListenAddr=")) return `-httpListenAddr=127.0.0.1:${port}`;
    const place = places.find((path) => flag.endsWith(`=${path}`));
    return place === undefined ? flag : flag.replace(`=${place}`, `=${join(folder, place)}`);
  });
  return { flags, health: `http://127.0.0.1:${port}/health` };
}

const LAYOUTS: readonly Layout[] = ["cluster", "single"];

describe.each(LAYOUTS)("in the %s layout", (layout) => {
  const layouts = { metrics: layout, logs: layout, traces: layout };
  const fleet = defineFleet({ ...ONE_NODE, layouts, images: builtImages() });
  const [plan] = planFleet(fleet, { statsPassword: PASSWORD }).nodes;
  const services = SIGNALS.flatMap((signal) => plan?.stores[signal].services ?? []);

  for (const service of services) {
    const name = service.image as "vminsert" | "victoria-logs";
    testWith(name)(`${name} starts with the flags of ${service.service} and is healthy`, async () => {
      const { flags, health } = await runnable(service);
      await untilAnswers(health, start(program(name), ...flags));
    });
  }
});

describe.each(LAYOUTS)("among several nodes, with metrics in the %s layout", (layout) => {
  const fleet = defineFleet({ nodes: nodes(2), layouts: { metrics: layout }, images: builtImages() });
  const [plan] = planFleet(fleet, secretsFor(fleet)).nodes;

  for (const { service } of plan?.agents ?? []) {
    const name = service.image as "vmagent" | "vlagent";
    testWith(name)(`${name} starts with its flags, is healthy, and has nothing to warn of`, async () => {
      const { flags, health } = await runnable(service);
      const running = start(program(name), ...flags);
      await untilAnswers(health, running);
      expect(running.output()).not.toMatch(/"level":"(warn|error)"/);
    });
  }
});

testWith("victoria-metrics").each(["victoria-metrics", "victoria-logs", "vmagent", "vlagent"] as const)(
  "%s refuses a flag that it does not know, so that the tests above mean something",
  (name) => {
    const { file }: Program = program(name);
    expect(spawnSync(file, ["-noSuchFlag=1"], { encoding: "utf8" }).status).toBe(2);
  },
);

/** Upstream keeps the help text of each program of the cluster beside the source; the pin is the release that is built here. */
describe("the cluster's programs, which no registry serves, know every flag that is rendered for their pin", () => {
  const pinned = defineFleet({ nodes: nodes(2) });
  const services = planFleet(pinned, secretsFor(pinned)).nodes.flatMap(servicesOf);

  testWith("go").each(["vminsert", "vmselect", "vmstorage"] as const)("%s", (name) => {
    expect(IMAGE_CATALOG[name].version).toBe(BUILT_VERSIONS["victoria-metrics"]);
    const help = readFileSync(join(metricsSource(), "docs/victoriametrics", `${name}_common_flags.md`), "utf8");
    const known = new Set([...help.matchAll(/^ {2}-(\S+)/gm)].map(([, flag]) => flag));
    const used = services.filter(({ image }) => image === name).flatMap(({ command }) => command);
    const flags = used.map((flag) => /^-([^=]+)/.exec(flag)?.[1] ?? expect.fail(flag));
    expect(flags.length).toBeGreaterThan(5);
    expect(flags.filter((flag) => !known.has(flag))).toEqual([]);
    expect(known.has("noSuchFlag")).toBe(false);
  });
});

function metricsSource(): string {
  const module = "github.com/VictoriaMetrics/VictoriaMetrics";
  const env = { ...process.env, GOTOOLCHAIN: "auto", GOFLAGS: "-mod=readonly", GOWORK: "off" };
  const answer = execFileSync("go", ["mod", "download", "-json", module], {
    cwd: join(PARTS, "victoria-metrics"),
    env,
  });
  return (JSON.parse(answer.toString()) as { Dir: string }).Dir;
}
