import { expect, test } from "vitest";
import { parse } from "yaml";
import { defineCollectorConfig } from "../../../lib/otel/config";
import { renderCollectorConfig } from "../../../lib/otel/render";

const parts = {
  extensions: { health_check: {} },
  receivers: { otlp: {} },
  processors: { memory_limiter: {} },
  exporters: { debug: {} },
} as const;
const service = { extensions: ["health_check"], telemetry: {} } as const;

test("a topology whose components are all defined compiles", () => {
  const pipelines = {
    traces: { receivers: ["otlp"], processors: ["memory_limiter"], exporters: ["debug", "count"] },
    metrics: { receivers: ["count"], exporters: ["debug"] },
  } as const;
  const config = defineCollectorConfig({ ...parts, connectors: { count: {} }, service: { ...service, pipelines } });
  expect(config.service.pipelines).toEqual(pipelines);
});

// Each of these is a test of the type checker: the directive is an error of its own when the line below it compiles.
test("naming an undefined component does not compile", () => {
  const configs = [
    defineCollectorConfig({
      ...parts,
      // @ts-expect-error `nowhere` is no exporter
      service: { ...service, pipelines: { traces: { receivers: ["otlp"], exporters: ["nowhere"] } } },
    }),
    defineCollectorConfig({
      ...parts,
      // @ts-expect-error `jaeger` is no receiver
      service: { ...service, pipelines: { traces: { receivers: ["jaeger"], exporters: ["debug"] } } },
    }),
    defineCollectorConfig({
      ...parts,
      service: {
        ...service,
        // @ts-expect-error `batch` is no processor
        pipelines: { traces: { receivers: ["otlp"], processors: ["batch"], exporters: ["debug"] } },
      },
    }),
    defineCollectorConfig({
      ...parts,
      // @ts-expect-error `pprof` is no extension
      service: { extensions: ["pprof"], telemetry: {}, pipelines: {} },
    }),
  ];
  expect(configs).toHaveLength(4);
});

test("renders one value per line, no anchors, no folded lines", () => {
  const shared = { endpoint: `http://${"long-name.".repeat(20)}example.org:4318` };
  const text = renderCollectorConfig(
    defineCollectorConfig({
      ...parts,
      exporters: { a: shared, b: shared },
      service: { ...service, pipelines: { traces: { receivers: ["otlp"], exporters: ["a", "b"] } } },
    }),
  );
  expect(text.split("\n")[0]).toBe("# Rendered by mirador-stack. Edit the fleet, not this text.");
  expect(text).not.toMatch(/[&*]a\d/);
  expect(parse(text).exporters).toEqual({ a: shared, b: shared });
});

test.each(["${env:HOME}", "$HOME", "$$", "a $ b", "${file:/etc/passwd}"])(
  "the collector reads %s as it is",
  (value) => {
    const text = renderCollectorConfig(
      defineCollectorConfig({
        ...parts,
        exporters: { debug: { value, list: [value] } },
        service: { ...service, pipelines: {} },
      }),
    );
    const { value: written, list } = parse(text).exporters.debug;
    // The collector takes `$$` for `$` and expands every other one.
    expect(written.replaceAll("$$", "")).not.toContain("$");
    expect(written.replaceAll("$$", "$")).toBe(value);
    expect(list).toEqual([written]);
  },
);
