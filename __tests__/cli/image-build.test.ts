import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { CliError } from "../../cli/failure";
import { type Build, buildImages, sortByOrigin } from "../../cli/operate/image-build";
import { Progress } from "../../cli/progress";
import { temporaryFolder } from "../support/folders";

function checkout(layout: "single" | "cluster") {
  const fleet = `export default { nodes: [{ name: "edge", address: "10.0.0.9" }], layouts: { metrics: "${layout}" } };`;
  const folder = temporaryFolder({ "fleet.mjs": fleet });
  const lines: string[] = [];
  const out = { write: (text: string) => lines.push(text) > 0 };
  const environment = { MIRADOR_FLEET: "fleet.mjs" };
  const progress = new Progress({ out, environment });
  return { lines, session: { folder, environment, progress, interrupt: new AbortController().signal } };
}

/** Builds nothing, in no time. */
const build: Build = async ({ only = [] }) => ({
  imagesFile: "/cache/images.json",
  terraformConfigFile: "/cache/terraform.rc",
  parts: only.map((key) => {
    const image = { ref: `mirador.local/${key}:1.0.0`, version: "1.0.0" };
    return { key, version: image.version, image, skipped: true, seconds: 0 };
  }),
});

test("what the fleet needs is built and named, and what cannot be built is told", async () => {
  const note = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const { session, lines } = checkout("single");
  const failure = await buildImages(session, build).catch((error: unknown) => error);
  note.mockRestore();
  if (!(failure instanceof CliError)) throw failure;
  expect(failure.troubles.map(({ code, what }) => [code, what.split(":")[0]])).toEqual([
    ["images/not-buildable", "victoria-traces"],
  ]);
  const images = JSON.parse(readFileSync(join(session.folder, ".mirador", "images.json"), "utf8"));
  expect(Object.keys(images).toSorted()).toEqual(["haproxy", "otelcol", "victoria-logs", "victoria-metrics"]);
  expect(images.haproxy).toEqual({ ref: "mirador.local/haproxy:1.0.0", version: "1.0.0" });
  expect(lines.join("")).toContain("MIRADOR_IMAGES=.mirador/images.json");
});

test("the metrics cluster cannot be built, and a layout without it can", () => {
  const { buildable, troubles } = sortByOrigin(["vminsert", "vmselect", "otelcol", "vmstorage"]);
  expect(buildable).toEqual(["otelcol"]);
  expect(troubles).toMatchObject([
    { what: expect.stringMatching(/^vminsert, vmselect, vmstorage:/), fix: expect.stringContaining('"single"') },
  ]);
});

test("a double is never built for a fleet", () => {
  expect(sortByOrigin(["victoria-traces"])).toMatchObject({
    buildable: [],
    troubles: [{ fix: expect.stringContaining("carry it") }],
  });
});
