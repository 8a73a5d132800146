import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { builtVersions, type Edition } from "./built-versions";
import { hashOf } from "./cache";
import { run } from "./shell";
import type { Step } from "./steps";

/** Raise when the way of building changes, so that what was built the old way is not found again. */
const RECIPE = "1";

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };
/** Go's name for the processor; a Docker engine on another machine must have the same one. */
export const GO_ARCHITECTURE = ARCHITECTURES[process.arch] ?? process.arch;
/** Terraform runs here, the images run in the engine: only the provider is built for this machine's system. */
export const GO_SYSTEM = process.platform === "win32" ? "windows" : process.platform;

export const PARTS = join(__dirname, "parts");
const FLAGS = ["-trimpath", "-ldflags", "-s -w"];
const FIX =
  "look at the lines above: without Go 1.26 or newer install it (go.dev/dl); a module or a Go toolchain that cannot be fetched needs GOPROXY set to a proxy that this machine reaches; then run the same command again, finished steps are skipped";

function goEnvironment(system: string): Record<string, string> {
  return {
    CGO_ENABLED: "0",
    GOOS: system,
    GOARCH: GO_ARCHITECTURE,
    // A workspace or a vendor setting of the person who builds must not change what is built.
    GOWORK: "off",
    // A part may need a newer compiler than this machine has: its go.mod names it, and the go command fetches it.
    GOTOOLCHAIN: "auto",
    GOFLAGS: "-mod=readonly -buildvcs=false",
  };
}

/** Where the sources of a part are, and the name of its step: an older edition never stands for the newest one. */
function placeOf(edition: Edition, name: string, module: string): { name: string; cwd: string } {
  const older = edition === "oldest" && OLDER_MODULES.has(module);
  return { name: older ? `oldest-${name}` : name, cwd: join(PARTS, older ? "oldest" : "", module) };
}
/** The others are the same in every edition. */
const OLDER_MODULES: ReadonlySet<string> = new Set(["collector", "victoria-metrics", "victoria-logs"]);

interface ModulePart {
  readonly edition: Edition;
  readonly name: string;
  /** Folder below `parts/`. */
  readonly module: string;
  readonly what: string;
  readonly expected: string;
  /** File in the step's folder -> package it is built from. */
  readonly programs: Readonly<Record<string, string>>;
  readonly system?: string;
}

/** Programs of one Go module, whose versions its go.mod and go.sum decide. */
async function moduleStep({
  edition,
  module,
  what,
  expected,
  programs,
  system = "linux",
  ...part
}: ModulePart): Promise<Step> {
  const { name, cwd } = placeOf(edition, part.name, module);
  return {
    name,
    what,
    expected,
    fix: FIX,
    hash: await goHash(cwd, JSON.stringify(programs), system),
    build: async (folder) => {
      for (const [file, goPackage] of Object.entries(programs)) {
        await run("go", ["build", ...FLAGS, "-o", join(folder, file), goPackage], { cwd, env: goEnvironment(system) });
      }
    },
  };
}

/**
 * The collector's main program is generated. Its own go.mod and go.sum are kept beside builder.yaml as `otelcol.mod`
 * and `otelcol.sum` (a file called go.mod would cut the folder off), so that a build resolves nothing anew.
 */
async function collectorStep(edition: Edition): Promise<Step> {
  const { name, cwd } = placeOf(edition, "otelcol", "collector");
  return {
    name,
    what: `generating and compiling the OpenTelemetry collector ${builtVersions(edition).otelcol}`,
    expected: "about 4 min, 15 s with warm Go caches",
    fix: FIX,
    hash: await goHash(cwd, "", "linux"),
    build: async (folder) => {
      const source = join(folder, "source");
      await mkdir(source);
      const config = await readFile(join(cwd, "builder.yaml"), "utf8");
      demandLocked(config, await readFile(join(cwd, "otelcol.mod"), "utf8"));
      await writeFile(join(folder, "builder.yaml"), config.replace(/^dist:$/m, `dist:\n  output_path: ${source}`));
      // The generator runs here, whatever system the collector is for.
      const env = { ...goEnvironment("linux"), GOOS: GO_SYSTEM };
      const generate = [
        "tool",
        "builder",
        "--config",
        join(folder, "builder.yaml"),
        "--skip-compilation",
        "--skip-get-modules",
      ];
      await run("go", generate, { cwd, env });
      await cp(join(cwd, "otelcol.mod"), join(source, "go.mod"));
      await cp(join(cwd, "otelcol.sum"), join(source, "go.sum"));
      const compile = ["build", ...FLAGS, "-o", join(folder, "otelcol-contrib"), "."];
      await run("go", compile, { cwd: source, env: goEnvironment("linux") });
      await rm(source, { recursive: true });
      await rm(join(folder, "builder.yaml"));
    },
  };
}

/** A part that builder.yaml names in another version than otelcol.mod would be built in the latter's, without a word. */
function demandLocked(config: string, lock: string): void {
  const wanted = [...config.matchAll(/gomod:\s*(\S+ v\S+)/g)].flatMap(([, module]) => module ?? []);
  const missing = wanted.filter((module) => !lock.includes(`\t${module}\n`));
  if (missing.length === 0) return;
  throw new Error(`otelcol.mod does not hold ${missing.join(", ")}: renew it as images/README.md says`);
}

async function goHash(folder: string, programs: string, system: string): Promise<string> {
  // The compiler is an input too; a missing one is told by the step that needs it.
  const compiler = await run("go", ["env", "GOVERSION"], { cwd: folder, env: goEnvironment(system) }).catch(
    () => "no Go\n",
  );
  return hashOf([folder], [RECIPE, compiler, programs, system, GO_ARCHITECTURE]);
}

const METRICS = "github.com/VictoriaMetrics/VictoriaMetrics/app";
/** VictoriaLogs had no repository of its own before 1.25. */
const logsPackages = (edition: Edition): string =>
  edition === "newest" ? "github.com/VictoriaMetrics/VictoriaLogs/app" : METRICS;

export const goSteps = {
  provider: (edition: Edition) =>
    moduleStep({
      edition,
      name: "provider",
      module: "provider",
      what: "compiling the Terraform provider for Docker",
      expected: "about 3 min",
      system: GO_SYSTEM,
      programs: { "terraform-provider-docker": "github.com/terraform-providers/terraform-provider-docker" },
    }),
  otelcol: collectorStep,
  "victoria-metrics": (edition: Edition) =>
    moduleStep({
      edition,
      name: "victoria-metrics",
      module: "victoria-metrics",
      what: `compiling VictoriaMetrics ${builtVersions(edition)["victoria-metrics"]}`,
      expected: "about 70 s",
      programs: { "victoria-metrics-prod": `${METRICS}/victoria-metrics` },
    }),
  vmagent: (edition: Edition) =>
    moduleStep({
      edition,
      name: "vmagent",
      module: "victoria-metrics",
      what: `compiling vmagent ${builtVersions(edition).vmagent}`,
      expected: "about 40 s",
      programs: { "vmagent-prod": `${METRICS}/vmagent` },
    }),
  "victoria-logs": (edition: Edition) =>
    moduleStep({
      edition,
      name: "victoria-logs",
      module: "victoria-logs",
      what: `compiling VictoriaLogs ${builtVersions(edition)["victoria-logs"]}`,
      expected: "about 15 s",
      programs: { "victoria-logs-prod": `${logsPackages(edition)}/victoria-logs` },
    }),
  vlagent: (edition: Edition) =>
    moduleStep({
      edition,
      name: "vlagent",
      module: "victoria-logs",
      what: `compiling vlagent ${builtVersions(edition).vlagent}`,
      expected: "about 5 s",
      programs: { "vlagent-prod": `${logsPackages(edition)}/vlagent` },
    }),
  "victoria-traces": (edition: Edition) =>
    moduleStep({
      edition,
      name: "victoria-traces-double",
      module: "victoria-traces-double",
      what: "compiling the test double of VictoriaTraces",
      expected: "about 5 s",
      programs: { "victoria-traces-prod": "." },
    }),
} as const;
