import { expect, test } from "vitest";
import { IMAGE_CATALOG, resolveImages, validateImageOverrides } from "../../../lib";
import { codesOf } from "../../support/problems";

const GOOD = { ref: "registry.example:5000/team/victoria-logs:1.53.0", version: "1.53.0" };

test.each([
  ["the catalogue's own", IMAGE_CATALOG],
  ["nothing", {}],
  ["another registry", { "victoria-logs": GOOD }],
  ["a digest", { haproxy: { ref: `haproxy@sha256:${"a".repeat(64)}`, version: "3.4.7" } }],
  ["a tag and a digest", { haproxy: { ref: `haproxy:3.4.7@sha256:${"a".repeat(64)}`, version: "3.4.7" } }],
  ["a stand-in", { "victoria-traces": { ...GOOD, standIn: "test double" } }],
  ["components that are behind", { otelcol: { ...GOOD, components: { isolationforestprocessor: "0.144.0" } } }],
  ["advisories that are mended", { haproxy: { ...GOOD, fixes: ["CVE-2026-110354", "GHSA-m2x2-9xpq-mmq5"] } }],
])("takes %s", (_, overrides) => {
  expect(validateImageOverrides(overrides, "images")).toEqual([]);
});

test.each<[string, unknown, [string, string][]]>([
  ["no object", "haproxy:3", [["image/override-invalid", "images"]]],
  ["nothing at all", null, [["image/override-invalid", "images"]]],
  ["a list", [], [["image/override-invalid", "images"]]],
  ["an unknown part", { "victoria-log": GOOD }, [["image/override-invalid", "images.victoria-log"]]],
  ["an unknown key", { haproxy: { ...GOOD, tag: "x" } }, [["image/override-invalid", "images.haproxy"]]],
  [
    "a bare text",
    { haproxy: "haproxy:3.4.7" },
    [
      ["image/override-invalid", "images.haproxy"],
      ["image/reference-invalid", "images.haproxy.ref"],
      ["image/override-invalid", "images.haproxy.version"],
    ],
  ],
  [
    "nothing for a part",
    { haproxy: null },
    [
      ["image/reference-invalid", "images.haproxy.ref"],
      ["image/override-invalid", "images.haproxy.version"],
    ],
  ],
  ["an empty reference", { haproxy: { ...GOOD, ref: "" } }, [["image/reference-invalid", "images.haproxy.ref"]]],
  ["a space", { haproxy: { ...GOOD, ref: "a b" } }, [["image/reference-invalid", "images.haproxy.ref"]]],
  ["a template", { haproxy: { ...GOOD, ref: "${a}" } }, [["image/reference-invalid", "images.haproxy.ref"]]],
  ["a line break", { haproxy: { ...GOOD, ref: "a\n" } }, [["image/reference-invalid", "images.haproxy.ref"]]],
  ["a short digest", { haproxy: { ...GOOD, ref: "a@sha256:ab" } }, [["image/reference-invalid", "images.haproxy.ref"]]],
  [
    "a tag for a version",
    { haproxy: { ...GOOD, version: "v1.53.0" } },
    [["image/override-invalid", "images.haproxy.version"]],
  ],
  ["half a version", { haproxy: { ...GOOD, version: "1.53" } }, [["image/override-invalid", "images.haproxy.version"]]],
  ["a number", { haproxy: { ...GOOD, version: 1.53 } }, [["image/override-invalid", "images.haproxy.version"]]],
  [
    "a stand-in of two lines",
    { haproxy: { ...GOOD, standIn: "a\nb" } },
    [["image/override-invalid", "images.haproxy.standIn"]],
  ],
])("fails for %s", (_, overrides, expected) => {
  expect(codesOf(validateImageOverrides(overrides, "images"))).toEqual(expected);
});

test("vlagent is of the version of the storages, whose own protocol it speaks, and vmagent of that of vmsingle", () => {
  expect(IMAGE_CATALOG.vlagent.version).toBe(IMAGE_CATALOG["victoria-logs"].version);
  expect(IMAGE_CATALOG.vmagent.version).toBe(IMAGE_CATALOG["victoria-metrics"].version);
});

test("names the part that was probably meant", () => {
  const [problem] = validateImageOverrides({ victorialogs: GOOD }, "images");
  expect(problem?.fix).toContain('did you mean "victoria-logs"?');
});

test("later overrides win over earlier ones, and those over the catalogue", () => {
  const [first, second] = [GOOD, { ...GOOD, ref: "other:1" }];
  expect(resolveImages({ haproxy: first, otelcol: first }, undefined, { haproxy: second })).toEqual({
    ...IMAGE_CATALOG,
    haproxy: second,
    otelcol: first,
  });
});

test.each<[string, unknown]>([
  ["components", []],
  ["components", "0.144.0"],
  ["components", { Isolation: "0.144.0" }],
  ["components", { isolationforestprocessor: "v0.144.0" }],
  ["fixes", "CVE-2026-1"],
  ["fixes", [""]],
  ["fixes", [7]],
  ["fixes", ["CVE 2026"]],
  ["fixes", {}],
])("fails for %s that are %j", (field, value) => {
  const problems = validateImageOverrides({ otelcol: { ...GOOD, [field]: value } }, "images");
  expect(codesOf(problems)).toEqual([["image/override-invalid", `images.otelcol.${field}`]]);
});
