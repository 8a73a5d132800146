import { describe, expect, test } from "vitest";
import { IMAGE_CATALOG, IMAGE_KEYS, type ImageChoice, type ImageKey } from "../../../lib/images/catalog";
import { ADVISORIES, belowFloor } from "../../../lib/images/floors";
import { resolveImages } from "../../../lib/images/overrides";
import { compareVersions } from "../../../lib/images/version";

/** The advisories that one part of this version has. */
function advisoriesOf(key: ImageKey, version: string, more: Partial<ImageChoice> = {}): readonly string[] {
  const images = resolveImages({ [key]: { ref: `${key}:${version}`, version, ...more } });
  return belowFloor(images, [key]).map(({ what }) => / has (\S+): /.exec(what)?.[1] ?? what);
}

const HAPROXY = "CVE-2026-110354";
const [NO_CGO, RELABEL, VMUI, NATIVE, GET] = [
  "VictoriaMetrics-11683",
  "GHSA-vw9j-rqhg-qff9",
  "GHSA-m2x2-9xpq-mmq5",
  "GHSA-8g4f-32hw-vqf8",
  "VictoriaMetrics-5552",
];

test("the catalogue's own images have none", () => {
  expect(belowFloor(resolveImages(), IMAGE_KEYS)).toEqual([]);
});

test.each<[ImageKey, string, readonly string[]]>([
  ["haproxy", "2.6.12", [HAPROXY]],
  ["haproxy", "3.0.11", [HAPROXY]],
  ["haproxy", "3.0.30", []],
  ["haproxy", "3.0.31", []],
  // Branches that were not mended.
  ["haproxy", "3.1.40", [HAPROXY]],
  ["haproxy", "3.3.9", [HAPROXY]],
  ["haproxy", "3.2.25", [HAPROXY]],
  ["haproxy", "3.2.26", []],
  ["haproxy", "3.4.6", [HAPROXY]],
  ["haproxy", "3.4.7", []],
  ["haproxy", "3.5.0", []],
  ["victoria-metrics", "1.135.0", [VMUI, RELABEL, NATIVE, GET]],
  ["victoria-metrics", "1.148.5", [VMUI, NO_CGO]],
  ["victoria-metrics", "1.150.0", [VMUI, RELABEL, NATIVE]],
  ["victoria-metrics", "1.152.0", [VMUI, NATIVE]],
  ["victoria-metrics", "1.153.0", [VMUI, NO_CGO]],
  ["victoria-metrics", "1.154.0", []],
  ["vmselect", "1.136.19", [VMUI]],
  ["vmselect", "1.154.1", []],
  ["vmagent", "1.152.0", [NATIVE]],
  ["vmagent", "1.148.5", []],
  ["vminsert", "1.149.0", [NATIVE]],
  ["vmstorage", "1.152.0", []],
  ["vmstorage", "1.153.0", [NO_CGO]],
  ["vmstorage", "1.154.0", []],
  ["victoria-logs", "1.24.0", []],
  ["otelcol", "0.158.0", []],
])("%s %s has %j", (key, version, expected) => {
  expect([...advisoriesOf(key, version)].sort()).toEqual([...expected].sort());
});

test("an image that mends an advisory itself does not have it, whatever its version", () => {
  expect(advisoriesOf("haproxy", "3.0.11", { fixes: [HAPROXY] })).toEqual([]);
  expect(advisoriesOf("haproxy", "3.0.11", { fixes: ["CVE-2026-26080"] })).toEqual([HAPROXY]);
});

test("a stand-in counts its own versions", () => {
  expect(advisoriesOf("victoria-metrics", "0.1.0", { standIn: "a double" })).toEqual([]);
});

test("only images that the fleet uses count, and each once", () => {
  const images = resolveImages({ haproxy: { ref: "haproxy:3.0", version: "3.0.11" } });
  expect(belowFloor(images, ["otelcol", "vmselect"])).toEqual([]);
  expect(belowFloor(images, ["haproxy", "haproxy"])).toHaveLength(1);
});

test("says which image it is, and what mends it", () => {
  const images = resolveImages({
    haproxy: { ref: "shop/haproxy:3.0.11", version: "3.0.11" },
    vmstorage: { ref: "shop/vmstorage:1.153.0", version: "1.153.0" },
  });
  expect(belowFloor(images, ["haproxy", "vmstorage"])).toEqual([
    {
      code: "image/below-floor",
      what: "haproxy 3.0.11 has CVE-2026-110354: a security fault of HAProxy",
      where: "images.haproxy, which is shop/haproxy:3.0.11",
      fix: 'use 3.4.7 or newer (of older branches: 3.0.30, 3.2.26 or later); or, where its build mends it, write fixes: ["CVE-2026-110354"] beside the image\'s version',
    },
    expect.objectContaining({
      what: expect.stringMatching(/^vmstorage 1\.153\.0 has VictoriaMetrics-11683: built without CGO/),
      fix: expect.stringMatching(/^use 1\.154\.0 or newer; or, where the image was built with CGO, /),
    }),
  ]);
});

describe("the list of advisories", () => {
  test("names each once, by what an image's `fixes` can hold", () => {
    const ids = ADVISORIES.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[\w.-]{1,64}$/);
  });

  test("has mended releases oldest first, and none is newer than the pin", () => {
    for (const { images, mended } of ADVISORIES) {
      expect([...mended].sort(compareVersions)).toEqual(mended);
      for (const key of images)
        expect(compareVersions(mended.at(-1) ?? "", IMAGE_CATALOG[key].version)).toBeLessThanOrEqual(0);
    }
  });
});
