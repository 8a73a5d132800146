import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** `fleet` is what CI has time for, `chaos` all faults at full length; both have the three hosts for themselves. */
const onThreeHosts = {
  globalSetup: "__tests__/fleet/support/global-setup.ts",
  testTimeout: 600_000,
  hookTimeout: 900_000,
  // Three hosts at fixed addresses, two cores.
  fileParallelism: false,
  sequence: { concurrent: false },
};

/** One engine, two cores: suites would starve each other. */
const onThisEngine = {
  globalSetup: "__tests__/e2e/support/global-setup.ts",
  testTimeout: 600_000,
  hookTimeout: 900_000,
  fileParallelism: false,
  sequence: { concurrent: false },
};

/**
 * `npm run test:cluster`: what counts items, with the real VictoriaMetrics cluster and the real VictoriaTraces. The other files
 * ask nothing of these parts that the ordinary runs do not ask.
 */
const REAL_PARTS = "__tests__/cluster/real-parts.ts";
const COUNTING = {
  e2e: "__tests__/e2e/{changes,counts,deploy,disks,interrupted,kills,lifecycle,malformed,outages}.test.ts",
  fleet: "__tests__/fleet/{backup,disks,faults,network}.test.ts",
} as const;

/** The three hosts hold one fleet, which files share; those that need another one come last, so that it is deployed once. */
class SharedFleetFirst extends BaseSequencer {
  public override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const own = (file: TestSpecification): boolean => /\/fleet\/(disks|migration)\.test\.ts$/.test(file.moduleId);
    return [...sorted.filter((file) => !own(file)), ...sorted.filter(own)];
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: SharedFleetFirst },
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "__tests__/{lib,constructs,inputs,cli,images,examples,cluster}/**/*.test.ts",
            "__tests__/*.test.ts",
          ],
          testTimeout: 30_000,
          // Most of a file's time was the loading of what it imports. So no file may change what another one sees: no `vi.mock`.
          isolate: false,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: "binaries",
          include: ["__tests__/binaries/**/*.test.ts"],
          testTimeout: 120_000,
          // They wait for programs most of the time, and after the unit tests.
          maxWorkers: 4,
          sequence: { groupOrder: 1 },
        },
      },
      { test: { ...onThisEngine, name: "e2e", include: ["__tests__/e2e/**/*.test.ts"] } },
      { test: { ...onThreeHosts, name: "fleet", include: ["__tests__/fleet/*.test.ts"] } },
      { test: { ...onThreeHosts, name: "chaos", include: ["__tests__/fleet/**/*.test.ts"] } },
      {
        test: {
          ...onThisEngine,
          name: "cluster-e2e",
          include: [COUNTING.e2e],
          globalSetup: [REAL_PARTS, onThisEngine.globalSetup],
        },
      },
      {
        test: {
          ...onThreeHosts,
          name: "cluster-fleet",
          include: [COUNTING.fleet],
          globalSetup: [REAL_PARTS, onThreeHosts.globalSetup],
          sequence: { concurrent: false, groupOrder: 1 },
        },
      },
    ],
  },
});
