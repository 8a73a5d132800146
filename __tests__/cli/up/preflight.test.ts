import { join } from "node:path";
import { expect, test } from "vitest";
import { preflight } from "../../../cli/up/preflight";
import { defineFleet, type FleetDefinition } from "../../../lib";
import { planOf } from "../../support/fleets";
import { temporaryFolder } from "../../support/folders";

/** One node whose engine does not answer. */
async function lookAt(images: NonNullable<FleetDefinition["images"]>) {
  const folder = temporaryFolder();
  const docker = { kind: "unix", socket: join(folder, "no.sock") } as const;
  const fleet = defineFleet({ nodes: [{ name: "node1", address: "10.0.0.11", docker }], images });
  const { nodes: plans, belowFloor } = planOf(fleet);
  const { findings } = await preflight({
    ...{ fleet, plans, belowFloor, chosen: ["node1"], stateFolder: folder, environment: {} },
    waiting: () => undefined,
  });
  return findings;
}
const codes = (troubles: readonly { readonly code: string }[]): readonly string[] => troubles.map(({ code }) => code);

test("refuses an image below its floor, and tells it with everything else", async () => {
  const { errors } = await lookAt({ haproxy: { ref: "haproxy:3.0.11", version: "3.0.11" } });
  expect(codes(errors)).toEqual(["image/below-floor", "machine/engine-unreachable"]);
  expect(errors[0]?.what).toContain("CVE-2026-110354");
});

test("takes one whose build mends the advisory", async () => {
  const haproxy = { ref: "haproxy:3.0.11", version: "3.0.11", fixes: ["CVE-2026-110354"] };
  expect(codes((await lookAt({ haproxy })).errors)).toEqual(["machine/engine-unreachable"]);
});
