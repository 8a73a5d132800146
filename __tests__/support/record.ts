import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Reporter, TestModule, TestRunEndReason } from "vitest/node";
import { BUILT_VERSIONS } from "../../images/built-versions";
import { cacheFolder } from "../../images/cache";
import { terraformConfigPath } from "../../images/terraform-mirror";
import { type ImageOverrides, resolveImages } from "../../lib";
import { imagesInUse } from "../e2e/support/images";

/** What a run against real parts showed; `docs/runs/<date>-<suite>.json`. */
export interface RunRecord {
  readonly date: string;
  readonly suite: string;
  /** Version of each part that was run, as `MIRADOR_IMAGES` tells it. */
  readonly parts: Readonly<Record<string, string>>;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly notes: string;
}

/** What the record takes from a test file. */
export interface FileResult {
  readonly project: string;
  readonly file: string;
  readonly seconds: number;
  readonly passed: number;
  readonly skipped: number;
  /** Names of the tests, and of what is around them (`beforeAll`), that failed. */
  readonly failed: readonly string[];
}

/** @param providerVersion of the Docker provider, where it is known */
export function recordOf(
  date: string,
  images: ImageOverrides,
  files: readonly FileResult[],
  providerVersion?: string,
): RunRecord {
  const projects = [...new Set(files.map(({ project }) => project))].sort();
  const count = (of: (file: FileResult) => number): number => files.reduce((sum, file) => sum + of(file), 0);
  const failed = files.flatMap((file) => file.failed.map((name) => `${file.file}: ${name}`));
  return {
    date,
    suite:
      projects.every((name) => name.startsWith("cluster-")) && projects.length > 1 ? "cluster" : projects.join("+"),
    parts: { ...partsOf(images, projects), ...(providerVersion === undefined ? {} : { provider: providerVersion }) },
    passed: count(({ passed }) => passed),
    failed: failed.length,
    skipped: count(({ skipped }) => skipped),
    notes: [...projects.map((project) => timesOf(files.filter((file) => file.project === project))), ...failed].join(
      ". ",
    ),
  };
}

/**
 * What was really run: no stand-in, of metrics the layout that the suites choose, which is the cluster where it is named, and
 * agents only among several nodes.
 */
function partsOf(images: ImageOverrides, projects: readonly string[]): Readonly<Record<string, string>> {
  const unused = [
    ...(images.vminsert === undefined ? ["vminsert", "vmselect", "vmstorage"] : ["victoria-metrics"]),
    ...(projects.every((name) => name.endsWith("e2e")) ? ["vmagent", "vlagent"] : []),
  ];
  return Object.fromEntries(
    Object.entries(resolveImages(images)).flatMap(([key, { version, standIn }]) =>
      standIn !== undefined || unused.includes(key) ? [] : [[key, version]],
    ),
  );
}

function timesOf(files: readonly FileResult[]): string {
  const minutes = (seconds: number): string => `${(seconds / 60).toFixed(1)} min`;
  const each = files.map(({ file, seconds }) => `${file} ${minutes(seconds)}`);
  return each.toSorted().join(", ");
}

/** Writes the record of a run that came to its end. Committing it is a person's choice. */
export default class RecordReporter implements Reporter {
  public async onTestRunEnd(
    modules: readonly TestModule[],
    errors: readonly unknown[],
    reason: TestRunEndReason,
  ): Promise<void> {
    const { MIRADOR_IMAGES } = process.env;
    // A setup that failed has run no test; an interrupted run has counted only some.
    if (reason === "interrupted" || errors.length > 0 || modules.length === 0 || !MIRADOR_IMAGES) return;
    const date = new Date().toISOString().slice(0, 10);
    const built = process.env.TF_CLI_CONFIG_FILE === terraformConfigPath(cacheFolder());
    const provider = built ? BUILT_VERSIONS.provider : undefined;
    const record = recordOf(date, await imagesInUse(resolve(MIRADOR_IMAGES)), modules.map(resultOf), provider);
    const folder = resolve(__dirname, "../../docs/runs");
    await mkdir(folder, { recursive: true });
    const path = join(folder, `${date}-${record.suite}.json`);
    const text = `${JSON.stringify(record, null, 2)}\n`;
    await writeFile(path, text);
    console.log(`${path}\n${text}`);
  }
}

function resultOf(module: TestModule): FileResult {
  const tests = [...module.children.allTests()];
  const suites = [...module.children.allSuites()].filter((suite) => suite.errors().length > 0);
  const inState = (state: string) => tests.filter((test) => test.result().state === state);
  return {
    project: module.project.name,
    file: module.relativeModuleId.replace(/^__tests__\/|\.test\.ts$/g, ""),
    seconds: module.diagnostic().duration / 1000,
    passed: inState("passed").length,
    skipped: inState("skipped").length,
    failed: [
      ...(module.errors().length > 0 ? ["the file"] : []),
      ...suites.map(({ name }) => `around ${name}`),
      ...inState("failed").map(({ name }) => name),
    ],
  };
}
