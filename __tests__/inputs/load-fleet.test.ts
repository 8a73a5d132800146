import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadFleet } from "../../inputs/load-fleet";
import { ROOT, temporaryFolder } from "../support/folders";
import { codesOf, problemsOfPromise } from "../support/problems";

const NODES = '{ nodes: [{ name: "edge", address: "10.0.0.9" }] }';
const IMAGES = JSON.stringify({ haproxy: { ref: "registry.example/haproxy:3.2.26", version: "3.2.26" } });

describe("the fleet module", () => {
  test("is fleet.ts of the folder when nothing else is said", async () => {
    expect((await loadFleet(ROOT, {})).nodes).toEqual([
      { name: "node1", address: "127.0.0.1", docker: { kind: "unix" }, pulls: true },
    ]);
  });

  test("is the one that MIRADOR_FLEET names, relative to the folder", async () => {
    expect((await loadFleet(ROOT, { MIRADOR_FLEET: "examples/two-nodes.ts" })).nodes).toHaveLength(2);
  });

  test("is the one that MIRADOR_FLEET names by an absolute path", async () => {
    const elsewhere = temporaryFolder();
    const fleet = await loadFleet(elsewhere, { MIRADOR_FLEET: join(ROOT, "examples", "three-nodes.ts") });
    expect(fleet.nodes).toHaveLength(3);
  });

  test.each([
    ["an ECMAScript module with a plain definition", "fleet.mjs", `export default ${NODES};`],
    ["a CommonJS module with a plain definition", "fleet.cjs", `exports.default = ${NODES};`],
    ["a CommonJS module that is the definition", "fleet.cjs", `module.exports = ${NODES};`],
  ])("may be %s", async (_, file, text) => {
    const folder = temporaryFolder({ [file]: text });
    expect((await loadFleet(folder, { MIRADOR_FLEET: file })).nodes[0]?.name).toBe("edge");
  });

  test("may leave the nodes to the environment", async () => {
    const folder = temporaryFolder({ "fleet.mjs": "export default {};" });
    const fleet = await loadFleet(folder, { MIRADOR_FLEET: "fleet.mjs", NODE_NAME: "edge", NODE_IP: "10.0.0.9" });
    expect(fleet.nodes).toEqual([{ name: "edge", address: "10.0.0.9", docker: { kind: "unix" }, pulls: true }]);
  });

  test("wins over the environment where it says something", async () => {
    const environment = {
      MIRADOR_FLEET: "examples/limits-and-retention.ts",
      VM_RETENTION: "5d",
      VL_STORAGE_PATH: "/x",
    };
    const fleet = await loadFleet(ROOT, environment);
    expect(fleet.retentionDays.metrics).toBe(365);
    expect(fleet.storagePaths.logs).toBe("/srv/mirador/logs");
  });

  test("fails when it is missing, and says which file and which variable named it", async () => {
    const folder = temporaryFolder();
    const [problem] = await problemsOfPromise(loadFleet(folder, { MIRADOR_FLEET: "nowhere.ts" }));
    expect(problem).toMatchObject({ code: "fleet/module-missing", where: "environment MIRADOR_FLEET" });
    expect(problem?.what).toContain(join(folder, "nowhere.ts"));
    expect(codesOf(await problemsOfPromise(loadFleet(folder, {})))).toEqual([["fleet/module-missing", "fleet.ts"]]);
  });

  test.each([
    ["throws", 'throw new Error("first line\\nsecond line"); export default 1;', "first line"],
    ["throws something that is no error", 'throw "text"; export default 1;', "text"],
    ["is no JavaScript", "export default {{;", "cannot be loaded"],
    ["imports what is not there", 'import "./nowhere.mjs"; export default {};', "nowhere.mjs"],
    ["has no default export", "export const fleet = {};", "no default"],
    ["exports a text", 'export default "nodes";', "string"],
    ["exports null", "export default null;", "null"],
  ])("fails when it %s", async (_, text, told) => {
    const folder = temporaryFolder({ "fleet.mjs": text });
    const [problem, ...others] = await problemsOfPromise(loadFleet(folder, { MIRADOR_FLEET: "fleet.mjs" }));
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ code: "fleet/module-unusable", where: "environment MIRADOR_FLEET" });
    expect(problem?.what).toContain(told);
    expect(problem?.what).not.toContain("\n");
  });

  test("fails with the problems of its own definition, all of them", async () => {
    const folder = temporaryFolder({ "fleet.mjs": 'export default { nodes: [], retention: { logs: "1m" } };' });
    const problems = await problemsOfPromise(loadFleet(folder, { MIRADOR_FLEET: "fleet.mjs" }));
    expect(codesOf(problems)).toEqual([
      ["fleet/no-nodes", "fleet.nodes"],
      ["fleet/retention-invalid", "fleet.retention.logs"],
    ]);
  });
});

describe("variables that cannot be used", () => {
  const WRONG = { VM_RETENTION: "1m", OTLP_GRPC_PORT: "grpc", HAPROXY_STATS_PASS: "short" };
  const TOLD = [
    ["fleet/port-invalid", "environment OTLP_GRPC_PORT"],
    ["fleet/retention-invalid", "environment VM_RETENTION"],
    ["secret/unusable", "environment HAPROXY_STATS_PASS"],
  ];

  test.each([
    [
      "has problems of its own",
      'const { defineFleet } = await import("ROOT/lib"); export default defineFleet({});',
      [],
    ],
    [
      "cannot be loaded",
      'throw new Error("no"); export default 1;',
      ["fleet/module-unusable", "environment MIRADOR_FLEET"],
    ],
    ["is a definition with problems", "export default { nodes: [] };", ["fleet/no-nodes", "fleet.nodes"]],
    ["is right", `export default ${NODES};`, []],
  ])("are told at once, beside a module that %s", async (_, text, own) => {
    const folder = temporaryFolder({ "fleet.mjs": text.replace("ROOT", ROOT) });
    const problems = await problemsOfPromise(loadFleet(folder, { ...WRONG, MIRADOR_FLEET: "fleet.mjs" }));
    expect(codesOf(problems).toSorted()).toEqual([...TOLD, ...(own.length > 0 ? [own] : [])].toSorted());
  });

  test("are told beside images that cannot be read", async () => {
    const environment = { ...WRONG, MIRADOR_IMAGES: "nowhere.json" };
    expect(codesOf(await problemsOfPromise(loadFleet(ROOT, environment))).toSorted()).toEqual(
      [...TOLD, ["image/override-invalid", "environment MIRADOR_IMAGES"]].toSorted(),
    );
  });
});

describe("MIRADOR_IMAGES", () => {
  const load = (files: Record<string, string>, name = "images.json") =>
    loadFleet(temporaryFolder({ "fleet.mjs": `export default ${NODES};`, ...files }), {
      MIRADOR_FLEET: "fleet.mjs",
      MIRADOR_IMAGES: name,
    });

  test("replaces the images that it names and no other", async () => {
    const { images } = await load({ "images.json": IMAGES });
    expect(images.haproxy).toEqual({ ref: "registry.example/haproxy:3.2.26", version: "3.2.26" });
    expect(images.otelcol.ref).toBe("otel/opentelemetry-collector-contrib:0.165.1");
  });

  test("wins over the fleet's own images", async () => {
    const own = '{ ref: "own:1", version: "3.0.30" }';
    const fleet = `export default { ...${NODES}, images: { haproxy: ${own}, vminsert: ${own} } };`;
    const { images } = await load({ "images.json": IMAGES, "fleet.mjs": fleet });
    expect(images.haproxy.version).toBe("3.2.26");
    expect(images.vminsert.ref).toBe("own:1");
  });

  test.each([
    ["is missing", {}, "environment MIRADOR_IMAGES"],
    ["is no JSON", { "images.json": "{" }, "environment MIRADOR_IMAGES"],
    ["is a list", { "images.json": "[]" }, "environment MIRADOR_IMAGES"],
    [
      "has an unknown key",
      { "images.json": '{"haprox":{"ref":"a","version":"1.0.0"}}' },
      "environment MIRADOR_IMAGES.haprox",
    ],
    [
      "has an unknown setting",
      { "images.json": '{"haproxy":{"ref":"a","version":"1.0.0","tag":"x"}}' },
      "environment MIRADOR_IMAGES.haproxy",
    ],
  ])("fails when it %s", async (_, files, where) => {
    expect(codesOf(await problemsOfPromise(load(files as Record<string, string>)))).toEqual([
      ["image/override-invalid", where],
    ]);
  });
});
