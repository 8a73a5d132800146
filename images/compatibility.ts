import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DOCKER_PROVIDER_VERSION } from "../constructs/node-stack";
import { IMAGE_CATALOG, IMAGE_KEYS, type ImageKey } from "../lib/images/catalog";
import { compareVersions } from "../lib/images/version";
import { olderComponents } from "./collector-components";

/** What of a pin was checked by other means, where the pin itself was not run. */
interface Checked {
  readonly pin: string;
  readonly how: string;
}

/** A run of suites that was kept as a file in `docs/runs`. */
export interface RecordedRun {
  /** `2026-12-01`. */
  readonly date: string;
  /** Which suites, in a few words. */
  readonly suite: string;
  /** Versions of the parts by their key; `provider` is one too. */
  readonly parts: Readonly<Record<string, string>>;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What a reader of the table should know of it. */
  readonly notes?: string;
}

export type PartName = ImageKey | "provider";

/** One line of the table. */
export interface CompatibilityRow {
  readonly part: PartName;
  readonly pin: string;
  /** The newest version of a recorded run, and of its runs the last one, those without a failure first. @default - none was run */
  readonly ran?: { readonly version: string; readonly run: RecordedRun };
  /** Of the pin itself; absent where the pin was run. */
  readonly checked?: string;
}

const DOCS = join(__dirname, "..", "docs");
const RUNS = join(DOCS, "runs");
export const COMPATIBILITY_PAGE = join(DOCS, "compatibility.md");

const CLUSTER_FLAGS =
  "every flag that is rendered for it stands in upstream's own list of flags, which the module VictoriaMetrics 1.154.1 carries (a test of the binaries suite)";

/**
 * What was checked of the pins that were not run. An entry holds for one version: a raised pin needs a new one, or a run.
 */
const CHECKED: { readonly [part in PartName]?: Checked } = {
  otelcol: {
    pin: "0.165.1",
    how: "its core is 0.165.0, which was run; 0.165.1 is a release of contrib alone. The components that were run in an older release are named below; of what the release notes from there to 0.165.1 remove or rename, nothing is used",
  },
  vminsert: { pin: "1.154.1", how: CLUSTER_FLAGS },
  vmselect: { pin: "1.154.1", how: CLUSTER_FLAGS },
  vmstorage: { pin: "1.154.1", how: CLUSTER_FLAGS },
  "victoria-logs": {
    pin: "1.53.0",
    how: "of the flags that 1.52.0 lacks, -insert.drainTimeout was read in upstream's change log and -health in its source; all others are those of 1.52.0",
  },
  vlagent: { pin: "1.53.0", how: "flags as in 1.52.0" },
  "victoria-traces": {
    pin: "0.13.0",
    how: "flags were compared with upstream's victoria_traces_common_flags.md of mid 2026, and what later releases changed with its change log up to 0.12.0 and the release notes of 0.13.0",
  },
};

export function readRuns(): readonly RecordedRun[] {
  const files = readdirSync(RUNS).filter((file) => file.endsWith(".json"));
  return files.map((file) => JSON.parse(readFileSync(join(RUNS, file), "utf8")) as RecordedRun);
}

/** What is known of each pin, in the order of the catalogue. */
export function compatibilityRows(runs: readonly RecordedRun[]): readonly CompatibilityRow[] {
  const pins: readonly (readonly [PartName, string])[] = [
    ...IMAGE_KEYS.map((key) => [key, IMAGE_CATALOG[key].version] as const),
    ["provider", DOCKER_PROVIDER_VERSION],
  ];
  return pins.map(([part, pin]) => {
    const ran = newestRun(part, runs);
    const checked = CHECKED[part];
    return {
      part,
      pin,
      ...(ran === undefined ? {} : { ran }),
      ...(checked?.pin === pin && ran?.version !== pin ? { checked: checked.how } : {}),
    };
  });
}

function newestRun(part: PartName, runs: readonly RecordedRun[]): CompatibilityRow["ran"] {
  const version = runs
    .flatMap(({ parts }) => parts[part] ?? [])
    .sort(compareVersions)
    .at(-1);
  const run = runs
    .filter(({ parts }) => parts[part] === version)
    .sort((a, b) => Number(a.failed === 0) - Number(b.failed === 0) || a.date.localeCompare(b.date))
    .at(-1);
  return version === undefined || run === undefined ? undefined : { version, run };
}

/**
 * What is missing: a pin that was neither run nor checked in this very version.
 */
export function unprovenPins(rows: readonly CompatibilityRow[]): readonly string[] {
  return rows
    .filter(({ pin, ran, checked }) => checked === undefined && !isRun(pin, ran))
    .map(
      ({ part, pin }) => `${part} ${pin}: run it and keep the record in docs/runs, or say in CHECKED what was checked`,
    );
}

function isRun(pin: string, ran: CompatibilityRow["ran"]): boolean {
  if (ran === undefined || ran.run.failed > 0) return false;
  const { version } = ran;
  // The provider's pin is a range of patch and minor releases that begins with the one named.
  const [, least] = /^~> (\d+\.\d+)$/.exec(pin) ?? [];
  if (least === undefined) return version === pin;
  return compareVersions(version, `${least}.0`) >= 0 && version.split(".")[0] === least.split(".")[0];
}

const MARKER =
  "<!-- Written by `npm run compatibility` from lib/images/catalog.ts and docs/runs: change those, not this page. -->";

export async function renderCompatibility(): Promise<string> {
  const rows = compatibilityRows(readRuns());
  const components = Object.entries(await olderComponents());
  const table = rows.map((row) => {
    const ran = row.ran === undefined ? ["none", "", ""] : [row.ran.version, row.ran.run.date, countsOf(row.ran.run)];
    const itself = isRun(row.pin, row.ran) ? "it was run" : (row.checked ?? "nothing");
    return `| ${[`\`${row.part}\``, row.pin, ...ran, itself].join(" | ")} |`;
  });
  const notes = rows.flatMap(({ ran }) =>
    ran?.run.notes === undefined ? [] : [`- ${ran.run.date}, ${ran.run.suite}: ${ran.run.notes}`],
  );
  return `${[
    MARKER,
    "# Compatibility: what each version was tried with",
    "",
    "The *pin* is what you get unless your fleet says otherwise. Not every pin can be had where our suites run: no image registry",
    "is reached there, only language and distribution packages. This table says how near they come.",
    "",
    "| part | pin | newest version that our suites ran | when | which suites | of the pin itself |",
    "| --- | --- | --- | --- | --- | --- |",
    ...table,
    "",
    `The collector that was run holds components of older releases, because newer ones are not served as modules or need one that is not: ${components
      .map(([name, version]) => `${name} ${version}`)
      .join(
        ", ",
      )}. Before 0.160 the trees of isolationforest never split: its pipeline was run, its detection was not.`,
    "",
    ...[...new Set(notes)],
  ].join("\n")}\n`;
}

function countsOf({ suite, passed, failed, skipped }: RecordedRun): string {
  return `${suite}: ${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`;
}

if (require.main === module) {
  void renderCompatibility().then((text) => writeFileSync(COMPATIBILITY_PAGE, text));
}
