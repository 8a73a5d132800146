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
          include: ["__tests__/{lib,constructs,inputs,cli,images,examples}/**/*.test.ts", "__tests__/*.test.ts"],
          testTimeout: 30_000,
          // Most of a file's time was the loading of what it imports; nothing here changes what another file sees.
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
      {
        test: {
          name: "e2e",
          include: ["__tests__/e2e/**/*.test.ts"],
          globalSetup: "__tests__/e2e/support/global-setup.ts",
          testTimeout: 600_000,
          hookTimeout: 900_000,
          // One engine, two cores: suites would starve each other.
          fileParallelism: false,
          sequence: { concurrent: false },
          bail: 0,
        },
      },
      { test: { ...onThreeHosts, name: "fleet", include: ["__tests__/fleet/*.test.ts"] } },
      { test: { ...onThreeHosts, name: "chaos", include: ["__tests__/fleet/**/*.test.ts"] } },
    ],
  },
});
