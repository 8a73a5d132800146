import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Environment } from "../lib/fleet/environment";
import { CliError, Interrupted } from "./failure";
import {
  type ApplyProgress,
  afterEvent,
  type Diagnostic,
  lastWords,
  NO_PROGRESS,
  type PlanSummary,
  parseEvent,
  parseInitErrors,
} from "./terraform-output";

/** One node's stack in one checkout. */
export interface StackPlace {
  /** The checkout: where `main.ts` and `cdktf.out` are. */
  readonly folder: string;
  readonly env: Environment;
  readonly node: string;
  /** When it fires, Terraform is asked to stop and is waited for. */
  readonly interrupt?: AbortSignal;
  /** How it is asked. @default "SIGINT", which saves the state; "SIGKILL" for one that only looks */
  readonly interruptWith?: NodeJS.Signals;
}

export interface ApplyOptions {
  /** Addresses; everything else is left as it is. @default - all */
  readonly targets?: readonly string[];
  readonly onProgress?: (progress: ApplyProgress) => void;
}

/** Terraform said no; `diagnostics` holds its errors. */
export class TerraformError extends Error {
  public override readonly name = "TerraformError";

  constructor(
    public readonly command: string,
    public readonly diagnostics: readonly Diagnostic[],
  ) {
    const texts = diagnostics.map(({ summary, detail }) => (detail ? `${summary}\n${detail}` : summary));
    super(`terraform ${command} failed: ${texts.join("\n") || "it gave no reason"}`);
  }
}

/** The program refused the fleet or broke; `message` is what it printed. */
export class SynthError extends Error {
  public override readonly name = "SynthError";

  constructor(
    message: string,
    public readonly exitCode: number,
  ) {
    super(message);
  }
}

/**
 * What Terraform and the program may see of the environment. Docker's variables would send a stack to another engine
 * than its own; a named configuration file that does not exist would only make noise.
 * @param terraformConfigFile used when the person has no file of their own
 */
export function terraformEnvironment(env: Environment, terraformConfigFile?: string): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined &&
      // DOCKER_CONFIG only says where contexts and registry logins are.
      (!entry[0].startsWith("DOCKER_") || entry[0] === "DOCKER_CONFIG") &&
      entry[0] !== "TF_CLI_CONFIG_FILE",
  );
  const configFile = ownConfigFile(env) ?? terraformConfigFile;
  return {
    ...Object.fromEntries(kept),
    ...(configFile === undefined ? {} : { TF_CLI_CONFIG_FILE: configFile }),
    CHECKPOINT_DISABLE: "1",
    DISABLE_VERSION_CHECK: "1",
    CDKTF_SKIP_PROVIDER_LOCK: "true",
    TF_IN_AUTOMATION: "1",
    TF_INPUT: "0",
    FORCE_COLOR: "0",
  };
}

/** The person's own TF_CLI_CONFIG_FILE, when there is such a file. */
export function ownConfigFile({ TF_CLI_CONFIG_FILE: file }: Environment): string | undefined {
  return file !== undefined && statSync(file, { throwIfNoEntry: false })?.isFile() ? file : undefined;
}

export function terraformBinary(env: Environment): string {
  return env.TERRAFORM_BINARY_NAME || "terraform";
}

export function stackFolder({ folder, env, node }: StackPlace): string {
  return join(resolve(folder, env.CDKTF_OUTDIR || "cdktf.out"), "stacks", node);
}

/** What the program writes for a node, and Terraform reads. */
export function stackFile(place: StackPlace): string {
  return join(stackFolder(place), "cdk.tf.json");
}

/**
 * Runs the program: fleet in, `cdk.tf.json` of every node out.
 * @param urgent `false` where something else is waited for as long. @default true
 */
export async function synth({ folder, env }: Pick<StackPlace, "folder" | "env">, urgent = true): Promise<void> {
  const child = spawn(process.execPath, ["--import", "tsx", "main.ts"], {
    cwd: folder,
    env: definedOnly(env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (!urgent && child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  const text = collectOutput(child);
  const { code } = await ended(child);
  if (code !== 0) throw new SynthError(text().trimEnd(), code ?? 1);
}

/**
 * Always reconfigures: what was synthesized says where the state is, not what an earlier run remembered. Of the provider it
 * keeps the version of an earlier run, unless the stack wants another one since.
 */
export async function init(place: StackPlace): Promise<void> {
  const command = ["init", "-reconfigure", "-no-color"];
  const first = await runTerraform(place, command);
  const { code, output } = wantsOtherProvider(first.output)
    ? await runTerraform(place, [...command, "-upgrade"])
    : first;
  if (code !== 0) throw new TerraformError("init", parseInitErrors(output));
}

/** Whether the lock file of an earlier run stands in the way: an older checkout wrote it, or the mirror holds that version no more. */
export function wantsOtherProvider(output: string): boolean {
  const text = output.replaceAll(/[\s│]+/g, " ");
  return /locked provider \S+ \S+ does not match configured version constraint|previously-selected version \S+ is no longer available/.test(
    text,
  );
}

/**
 * Runs a command of Terraform, and initializes the stack when it says that it has to be: it knows when the stack names
 * another place of its state than the last time, or another provider. Terraform asks the registry at every `init`, so who
 * needs none must not wait for that, nor fail because it is away.
 */
export async function initialized<T>(place: StackPlace, command: () => Promise<T>): Promise<T> {
  if (existsSync(join(stackFolder(place), ".terraform"))) {
    try {
      return await command();
    } catch (error) {
      if (!needsInit(error)) throw error;
    }
  }
  await init(place);
  return command();
}

const needsInit = (error: unknown): boolean =>
  error instanceof TerraformError &&
  /terraform init\b|initiali[sz]ation required|reinitiali[sz]ation/i.test(error.message);

export async function apply(place: StackPlace, options: ApplyOptions = {}): Promise<PlanSummary> {
  return (await change(place, ["apply", "-auto-approve"], options)).summary;
}

export async function destroy(place: StackPlace, options: ApplyOptions = {}): Promise<PlanSummary> {
  return (await change(place, ["apply", "-destroy", "-auto-approve"], options)).summary;
}

/** Ids of what Terraform owns, by resource type. */
export async function stateIds(place: StackPlace, type: string): Promise<ReadonlySet<string>> {
  const { code, output } = await runTerraform(place, ["state", "pull"]);
  if (code !== 0) throw new TerraformError("state pull", parseInitErrors(output));
  return idsInState(output, type);
}

interface State {
  readonly resources?: readonly {
    readonly type: string;
    readonly instances?: readonly { readonly attributes?: { readonly id?: string } | null }[];
  }[];
}

export function idsInState(text: string, type: string): ReadonlySet<string> {
  const state: State = text.trim() === "" ? {} : JSON.parse(text);
  const resources = (state.resources ?? []).filter((resource) => resource.type === type);
  const ids = resources.flatMap(({ instances = [] }) => instances.map(({ attributes }) => attributes?.id));
  return new Set(ids.filter((id) => id !== undefined));
}

interface SynthesizedStack {
  readonly terraform?: { readonly backend?: { readonly local?: { readonly path?: string } } };
  readonly resource?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Addresses of a stack's resources of one type, such as every `docker_image`. */
export function addressesOf(place: StackPlace, type: string): readonly string[] {
  return Object.keys(readStack(place).resource?.[type] ?? {}).map((name) => `${type}.${name}`);
}

/**
 * Where Terraform keeps who holds a local state; a run that was killed leaves it behind. `undefined` for other backends,
 * which keep that elsewhere.
 */
export function lockInfoPath(place: StackPlace): string | undefined {
  const path = readStack(place).terraform?.backend?.local?.path;
  return path === undefined ? undefined : join(dirname(path), `.${basename(path)}.lock.info`);
}

function readStack(place: StackPlace): SynthesizedStack {
  return JSON.parse(readFileSync(stackFile(place), "utf8"));
}

/** Runs a command that tells its progress in JSON. */
export async function change(
  place: StackPlace,
  command: readonly string[],
  options: ApplyOptions,
): Promise<ApplyProgress> {
  const { targets = [], onProgress } = options;
  let progress = NO_PROGRESS;
  const args = [...command, "-json", "-lock-timeout=0s", ...targets.map((target) => `-target=${target}`)];
  const { code, signal, output } = await runTerraform(place, args, (line) => {
    const event = parseEvent(line);
    if (event === undefined) return;
    progress = afterEvent(progress, event);
    onProgress?.(progress);
  });
  if (code === 0) return progress;
  if (place.interrupt?.aborted) throw new Interrupted("terraform was stopped");
  throw (
    lockedError(place, progress.errors) ??
    new TerraformError(
      command[0] ?? "",
      progress.errors.length > 0 ? progress.errors : [{ severity: "error", summary: lastWords(output, signal) }],
    )
  );
}

/** Two runs at once: the second one ends here, before it touched anything. */
export function lockedError({ node, folder, env }: StackPlace, errors: readonly Diagnostic[]): CliError | undefined {
  const locked = errors.find(({ summary }) => summary.includes("acquiring the state lock"));
  if (locked === undefined) return undefined;
  const field = (name: string): string | undefined =>
    new RegExp(`^\\s*${name}:\\s+(.+)$`, "m").exec(locked.detail ?? "")?.[1]?.trim();
  const who = field("Who") ?? "somebody";
  const since = field("Created")?.replace(/\.\d+ \+0000 UTC$/, " UTC");
  const id = field("ID");
  const local = field("Path")?.startsWith("/") ?? true;
  const unlock = `terraform -chdir=${stackFolder({ node, folder, env })} force-unlock ${id}`;
  return new CliError({
    code: "terraform/state-locked",
    what: `another run works on ${node}: ${who}${since === undefined ? "" : `, since ${since}`}`,
    where: field("Path") ?? "the stack's state",
    // A local lock dies with its process; a remote one can outlive it.
    fix: `wait until it has ended and run the same command again${local ? "" : `; if there is no such run any more: ${unlock}`}`,
  });
}

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

const running = new Set<ChildProcess>();

/** Whether a Terraform of this process is at work and must be waited for. */
export function terraformRuns(): boolean {
  return running.size > 0;
}

/** Runs Terraform in a stack's folder to its end, whatever its exit status. */
export async function runTerraform(
  place: StackPlace,
  args: readonly string[],
  onLine?: (line: string) => void,
): Promise<Ending> {
  const folder = stackFolder(place);
  if (!existsSync(folder)) throw new SynthError(`there is no stack ${place.node}: ${folder} is missing`, 1);
  if (place.interrupt?.aborted) throw new Interrupted("terraform was not started");
  const child = spawn(terraformBinary(place.env), [`-chdir=${folder}`, ...args], {
    env: definedOnly(place.env),
    // A process group of its own, so that a Ctrl-C in the terminal reaches it once, through us.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stop = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, place.interruptWith ?? "SIGINT");
  };
  place.interrupt?.addEventListener("abort", stop);
  running.add(child);
  const text = collectOutput(child);
  if (onLine && child.stdout) createInterface({ input: child.stdout }).on("line", onLine);
  try {
    return { ...(await ended(child)), output: text() };
  } finally {
    running.delete(child);
    place.interrupt?.removeEventListener("abort", stop);
  }
}

function collectOutput(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  return () => text;
}

function ended(child: ChildProcess): Promise<Omit<Ending, "output">> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
}

function definedOnly(env: Environment): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Terraform could not ask the registry for its provider. */
export function isRegistryOutOfReach(error: unknown): boolean {
  return (
    error instanceof TerraformError &&
    error.command === "init" &&
    // A remote state may be out of reach, too.
    /provider/i.test(error.message) &&
    /failed to request discovery document|could not connect to|could not query provider registry|error looking up|failed to retrieve (authentication|cryptographic)|no such host|connection refused|i\/o timeout|TLS handshake/i.test(
      error.message,
    )
  );
}

/** What to do when {@link isRegistryOutOfReach}. */
export const REGISTRY_FIX =
  "let this machine reach registry.terraform.io, or name a mirror of it in TF_CLI_CONFIG_FILE; after a demo that built the parts: . .mirador/env";
