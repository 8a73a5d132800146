import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Reporter, TestModule, TestRunEndReason } from "vitest/node";
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

export function recordOf(date: string, images: ImageOverrides, files: readonly FileResult[]): RunRecord {
  const projects = [...new Set(files.map(({ project }) => project))].sort();
  const count = (of: (file: FileResult) => number): number => files.reduce((sum, file) => sum + of(file), 0);
  // In the cluster layout nothing runs the single binary; the agents are for fleets of several nodes.
  const idle = new Set(["victoria-metrics", ...(projects.includes("cluster-fleet") ? [] : ["vmagent", "vlagent"])]);
  const parts = Object.entries(resolveImages(images)).filter(([key]) => !idle.has(key));
  const failed = files.flatMap((file) => file.failed.map((name) => `${file.file}: ${name}`));
  return {
    date,
    suite: projects.length === 1 ? (projects[0] ?? "") : "cluster",
    parts: Object.fromEntries(parts.map(([key, { version }]) => [key, version])),
    passed: count(({ passed }) => passed),
    failed: failed.length,
    skipped: count(({ skipped }) => skipped),
    notes: [...projects.map((project) => timesOf(files.filter((file) => file.project === project))), ...failed].join(
      ". ",
    ),
  };
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
    const record = recordOf(date, await imagesInUse(resolve(MIRADOR_IMAGES)), modules.map(resultOf));
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
