import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { BUILT_VERSIONS } from "../../images/built-versions";
import { olderComponents } from "../../images/collector-components";
import { PARTS } from "../../images/go-parts";

const file = (...path: readonly string[]): string => readFileSync(join(PARTS, ...path), "utf8");

describe("the versions that parts are known by", () => {
  test("are those of the modules that they are built from", () => {
    const metrics = /VictoriaMetrics\/VictoriaMetrics v(\S+)/.exec(file("victoria-metrics", "go.mod"))?.[1];
    expect([BUILT_VERSIONS["victoria-metrics"], BUILT_VERSIONS.vmagent]).toEqual([metrics, metrics]);
    expect(BUILT_VERSIONS.vlagent).toBe(BUILT_VERSIONS["victoria-logs"]);
    expect(parse(file("collector", "builder.yaml")).dist.version).toBe(BUILT_VERSIONS.otelcol);
  });

  test("name each component of the collector that is older, and no other", async () => {
    const older = await olderComponents();
    expect(older).toMatchObject({ isolationforestprocessor: "0.144.0", servicegraphconnector: "0.158.0" });
    expect(Object.keys(older)).not.toContain("otlpreceiver");
    const builder = file("collector", "builder.yaml");
    for (const [name, version] of Object.entries(older)) expect(builder).toContain(`/${name} v${version}\n`);
  });
});
