import { describe, expect, test } from "vitest";
import { imageLockPath } from "../../inputs/image-lock";
import { loadFleet } from "../../inputs/load-fleet";
import { temporaryFolder } from "../support/folders";
import { codesOf, problemsOfPromise } from "../support/problems";

const DIGEST = `sha256:${"0".repeat(64)}`;
const LOCK = JSON.stringify({ version: 1, images: { "haproxy:3": DIGEST } });
const FLEET = 'export default { nodes: [{ name: "edge", address: "10.0.0.9" }] };';

const load = (files: Readonly<Record<string, string>>, fleet = "fleet.mjs") =>
  loadFleet(temporaryFolder({ "fleet.mjs": FLEET, ...files }), { MIRADOR_FLEET: fleet });

test.each([
  ["/checkout/fleet.ts", "/checkout/fleet.lock.json"],
  ["/checkout/fleets/berlin.config.mts", "/checkout/fleets/berlin.config.lock.json"],
])("the lock of %s is %s", (module, lock) => {
  expect(imageLockPath(module)).toBe(lock);
});

describe("a lock beside the fleet", () => {
  test("is the fleet's", async () => {
    expect((await load({ "fleet.lock.json": LOCK })).imageLock).toEqual(JSON.parse(LOCK));
  });

  test("is not another fleet's", async () => {
    expect(await load({ "other.lock.json": LOCK })).not.toHaveProperty("imageLock");
  });

  test.each([
    ["truncated", LOCK.slice(0, -20), "image/lock-unreadable", "fleet.lock.json"],
    ["empty", "", "image/lock-unreadable", "fleet.lock.json"],
    ["of a merge that was not ended", `<<<<<<< HEAD\n${LOCK}`, "image/lock-unreadable", "fleet.lock.json"],
    ["of another kind", '{"version":1,"images":[]}', "image/lock-invalid", "fleet.lock.json.images"],
  ])("is refused when it is %s", async (_, text, code, where) => {
    expect(codesOf(await problemsOfPromise(load({ "fleet.lock.json": text })))).toEqual([[code, where]]);
  });

  test("is refused in the same breath as the fleet", async () => {
    const files = { "fleet.mjs": "export default { nodes: 1 };", "fleet.lock.json": "{" };
    expect(codesOf(await problemsOfPromise(load(files))).map(([code]) => code)).toEqual([
      "image/lock-unreadable",
      "fleet/value-invalid",
    ]);
  });
});
