import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, test } from "vitest";
import { cacheFolder } from "../../images/cache";
import { terraformConfigPath } from "../../images/terraform-mirror";
import type { ImageOverrides } from "../../lib";

/** A program and how it is started. */
export interface Program {
  readonly file: string;
  readonly parameters: readonly string[];
}

const CACHE = cacheFolder();

/** The newest build of a part; its folder carries a hash. */
function builtPart(name: string, file: string): string | undefined {
  const parts = join(CACHE, "parts");
  if (!existsSync(parts)) return undefined;
  return readdirSync(parts)
    .filter((folder) => folder.startsWith(`${name}-`) && /^[0-9a-f]{12}$/.test(folder.slice(name.length + 1)))
    .map((folder) => join(parts, folder, file))
    .filter((path) => existsSync(path))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

function onPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const plain = (file: string | undefined): Program | undefined =>
  file === undefined ? undefined : { file, parameters: [] };

/** HAProxy of the built image, by that image's own loader; else the one on the PATH. */
function haproxy(): Program | undefined {
  const program = builtPart("haproxy", "rootfs/usr/sbin/haproxy");
  if (program === undefined) return plain(onPath("haproxy"));
  const tree = program.slice(0, -"/usr/sbin/haproxy".length);
  const loaders = readdirSync(join(tree, "usr/lib"), { recursive: true, encoding: "utf8" });
  const loader = loaders.find((path) => /(^|\/)ld-linux[^/]*\.so\.\d$/.test(path));
  if (loader === undefined) return undefined;
  const libraries = join(tree, "usr/lib", loader, "..");
  return { file: join(tree, "usr/lib", loader), parameters: ["--library-path", libraries, program] };
}

const FINDERS = {
  otelcol: () => plain(builtPart("otelcol", "otelcol-contrib")),
  haproxy,
  terraform: () => plain(onPath("terraform")),
  go: () => plain(onPath("go")),
  "terraform provider": () => plain(builtPart("provider", "terraform-provider-docker")),
  "victoria-metrics": () => plain(builtPart("victoria-metrics", "victoria-metrics-prod")),
  vmagent: () => plain(builtPart("vmagent", "vmagent-prod")),
  vlagent: () => plain(builtPart("vlagent", "vlagent-prod")),
  "victoria-logs": () => plain(builtPart("victoria-logs", "victoria-logs-prod")),
  "victoria-traces": () => plain(builtPart("victoria-traces-double", "victoria-traces-prod")),
  vminsert: () => plain(onPath("vminsert-prod")),
  vmselect: () => plain(onPath("vmselect-prod")),
  vmstorage: () => plain(onPath("vmstorage-prod")),
  "docker-registry": () => plain(onPath("docker-registry")),
  // Debian's package, Ubuntu's, and Google's own.
  chromium: () => plain(onPath("chromium") ?? onPath("chromium-browser") ?? onPath("google-chrome")),
  "setpriv as root": () => (process.getuid?.() === 0 ? plain(onPath("setpriv")) : undefined),
} as const satisfies Readonly<Record<string, () => Program | undefined>>;
export type ProgramName = keyof typeof FINDERS;

/** Only official images hold these, and they cannot be had where no image registry is reachable: never demanded. */
const OFFICIAL_ONLY: readonly ProgramName[] = ["vminsert", "vmselect", "vmstorage"];

/** @throws where the program is missing; tests that call it are declared by {@link testWith} */
export function program(name: ProgramName): Program {
  const found = FINDERS[name]();
  if (found === undefined) {
    const packaged = name === "chromium" || name === "docker-registry";
    const how = packaged ? `apt-get install --no-install-recommends ${name}` : "npx tsx images/build.ts";
    throw new Error(`${name} is missing: run \`${how}\``);
  }
  return found;
}

/** `test` where the programs are there; else one that skips by name, or in CI, where nothing may be skipped, fails. */
export function testWith(...names: readonly ProgramName[]): typeof test | typeof test.skip {
  return isRun(names) ? test : test.skip;
}

/** The same for a whole suite, hooks included. */
export function describeWith(...names: readonly ProgramName[]): typeof describe | typeof describe.skip {
  return isRun(names) ? describe : describe.skip;
}

function isRun(names: readonly ProgramName[]): boolean {
  const missing = names.filter((name) => FINDERS[name]() === undefined);
  const demanded = missing.filter((name) => !OFFICIAL_ONLY.includes(name));
  return missing.length === 0 || (process.env.CI === "true" && demanded.length > 0);
}

/** The versions of what was built, so that a plan fits the programs that check it. */
export function builtImages(): ImageOverrides {
  const file = join(CACHE, "images.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as ImageOverrides) : {};
}

export const TERRAFORM_CONFIG = terraformConfigPath(CACHE);
