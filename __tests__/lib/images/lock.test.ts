import { describe, expect, test } from "vitest";
import { defineFleet } from "../../../lib";
import { IMAGE_CATALOG } from "../../../lib/images/catalog";
import { lockImages, lockWarnings, renderImageLock, validateImageLock } from "../../../lib/images/lock";
import { neededImages } from "../../../lib/plan/plan-fleet";
import { exampleFleet, ONE_NODE, planOf } from "../../support/fleets";
import { codesOf } from "../../support/problems";
import { synthNode, textsOf } from "../../support/synth";

const DIGEST = `sha256:${"a1".repeat(32)}`;
const HAPROXY = IMAGE_CATALOG.haproxy.ref;
const lockOf = (...refs: readonly string[]) => ({
  version: 1 as const,
  images: Object.fromEntries(refs.map((ref) => [ref, DIGEST])),
});

describe("a plan with a lock", () => {
  test("runs what is locked by digest, what is not by tag", () => {
    const fleet = { ...defineFleet(ONE_NODE), imageLock: lockOf(HAPROXY) };
    const [plan] = planOf(fleet).nodes;
    expect(plan?.images.haproxy).toEqual({ ...IMAGE_CATALOG.haproxy, ref: `${HAPROXY}@${DIGEST}` });
    expect(plan?.images.otelcol).toEqual(IMAGE_CATALOG.otelcol);
    expect(plan && textsOf(synthNode(plan).resource)).toContain(`${HAPROXY}@${DIGEST}`);
  });

  test("names an image as a file brings it, on a node that pulls nothing", () => {
    const [pulling, loading] = ["node1", "node2"].map((name, index) => ({ name, address: `10.0.0.1${index}` }));
    if (pulling === undefined || loading === undefined) throw new Error("no nodes");
    const fleet = defineFleet({ nodes: [pulling, { ...loading, pulls: false }] });
    const [first, second] = planOf({ ...fleet, imageLock: lockOf(HAPROXY) }).nodes;
    expect(first?.images.haproxy.ref).toBe(`${HAPROXY}@${DIGEST}`);
    expect(second?.images.haproxy.ref).toBe(`mirador.local/loaded/haproxy:3.4.7-alpine-${"a1".repeat(32)}`);
    expect(second?.images.otelcol).toEqual(IMAGE_CATALOG.otelcol);
  });

  test("leaves alone what names its digest itself", () => {
    const ref = `haproxy@sha256:${"b".repeat(64)}`;
    const images = { ...IMAGE_CATALOG, haproxy: { ref, version: "3.4.7" } };
    expect(lockImages(images, lockOf(HAPROXY)).haproxy.ref).toBe(ref);
  });

  test("without a lock is the plan that it was", () => {
    const fleet = exampleFleet("three-nodes");
    for (const { images } of planOf(fleet).nodes) expect(images).toEqual(fleet.images);
    expect(lockWarnings(undefined, ["haproxy:3"])).toEqual([]);
  });
});

test("a plan tells what its lock lacks, and what it holds in vain", () => {
  const fleet = { ...defineFleet(ONE_NODE), imageLock: lockOf(HAPROXY, "haproxy:3.0") };
  const plan = planOf(fleet);
  const [lacking, left] = plan.warnings;
  expect(lacking).toContain(`no digest of ${neededImages(fleet, plan.nodes).filter((ref) => ref !== HAPROXY)[0]}`);
  expect(lacking).not.toContain(HAPROXY);
  expect(left).toContain("holds haproxy:3.0, which nothing needs");
  expect(planOf({ ...fleet, imageLock: lockOf(...neededImages(fleet, plan.nodes)) }).warnings).toEqual([]);
});

test("an image that no registry can have is not missed in a lock", () => {
  expect(lockWarnings(lockOf(), ["mirador.local/haproxy:3.0.11", `haproxy@${DIGEST}`])).toEqual([]);
});

test("a name of JavaScript's own is locked only where it is written", () => {
  const images = { ...IMAGE_CATALOG, haproxy: { ref: "constructor", version: "3.4.7" } };
  expect(lockImages(images, lockOf()).haproxy.ref).toBe("constructor");
  expect(lockImages(images, lockOf("constructor")).haproxy.ref).toBe(`constructor@${DIGEST}`);
});

test("the text of a lock depends on nothing but the images, and is a lock", () => {
  const text = renderImageLock({ "b:1": DIGEST, "a:1": DIGEST });
  expect(text).toBe(renderImageLock({ "a:1": DIGEST, "b:1": DIGEST }));
  expect(validateImageLock(JSON.parse(text), "fleet.lock.json")).toEqual([]);
});

test.each([
  ["a list", [], ["fleet.lock.json"]],
  ["nothing", null, ["fleet.lock.json"]],
  ["an empty object", {}, ["fleet.lock.json.version", "fleet.lock.json.images"]],
  ["another version", { version: 2, images: {} }, ["fleet.lock.json.version"]],
  ["another key", { version: 1, images: {}, image: {} }, ["fleet.lock.json.image"]],
  ["images as a list", { version: 1, images: [DIGEST] }, ["fleet.lock.json.images"]],
  [
    "everything at once",
    { version: "1", images: { "a b": DIGEST, "c:1": "latest", "d:1": `sha256:${"A".repeat(64)}`, [`e@${DIGEST}`]: 1 } },
    [
      "fleet.lock.json.version",
      'fleet.lock.json.images["a b"]',
      'fleet.lock.json.images["c:1"]',
      'fleet.lock.json.images["d:1"]',
      `fleet.lock.json.images["e@${DIGEST}"]`,
      `fleet.lock.json.images["e@${DIGEST}"]`,
    ],
  ],
])("a lock that is %s is refused", (_, data, places) => {
  expect(codesOf(validateImageLock(data, "fleet.lock.json"))).toEqual(
    places.map((place) => ["image/lock-invalid", place]),
  );
});
