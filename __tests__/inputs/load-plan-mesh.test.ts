import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { loadPlan } from "../../inputs/load-plan";
import type * as inspect from "../../inputs/pki/inspect";
import { temporaryFolder } from "../support/folders";
import { problemsOfPromise } from "../support/problems";

const PAIR = 'nodes: [{ name: "node1", address: "10.0.0.11" }, { name: "node2", address: "10.0.0.12" }]';
const ENVIRONMENT = { MIRADOR_FLEET: "fleet.mjs", HAPROXY_STATS_PASS: "correct-horse-battery" };
const fleetFolder = () => temporaryFolder({ "fleet.mjs": `export default { ${PAIR} };` });
const silent = () => undefined;

test("a synthesis looks at the certificates once, warnings included", async () => {
  const folder = fleetFolder();
  await loadPlan(folder, ENVIRONMENT, { say: silent });
  const looks = vi.fn<typeof inspect.inspectPki>();
  const counted = await loadPlanWith(looks);
  vi.useFakeTimers({ now: Date.now() + 350 * 24 * 60 * 60 * 1000, toFake: ["Date"] });
  try {
    const { plan } = await counted(folder, ENVIRONMENT, { say: silent });
    expect(plan.warnings.filter((warning) => warning.includes("for the mesh ends in"))).toHaveLength(2);
    expect(looks).toHaveBeenCalledTimes(1);
  } finally {
    vi.useRealTimers();
  }
});

/** `loadPlan` of modules of its own, for test files share theirs: each look at the certificates is told to `looks`. */
async function loadPlanWith(looks: ReturnType<typeof vi.fn<typeof inspect.inspectPki>>): Promise<typeof loadPlan> {
  vi.resetModules();
  vi.doMock("../../inputs/pki/inspect", async (original) => {
    const actual = await original<typeof inspect>();
    return { ...actual, inspectPki: looks.mockImplementation(actual.inspectPki) };
  });
  const fresh = await import("../../inputs/load-plan");
  vi.doUnmock("../../inputs/pki/inspect");
  return fresh.loadPlan;
}

test("a fix names the fleet that MIRADOR_FLEET named, so that the command works as it is", async () => {
  const folder = fleetFolder();
  // Somebody deployed from here, so nothing is made.
  mkdirSync(join(folder, ".mirador/state"), { recursive: true });
  writeFileSync(join(folder, ".mirador/state/node1.tfstate"), "{}");
  const [problem] = await problemsOfPromise(loadPlan(folder, ENVIRONMENT, { say: silent }));
  expect(problem).toMatchObject({
    code: "mesh/certificate-missing",
    fix: "MIRADOR_FLEET=fleet.mjs npm run mirador -- pki",
  });
});
