import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type Docker from "dockerode";
import { missingAt } from "./engine-exec";
import { lastLogLines } from "./engine-logs";
import { CliError, Interrupted } from "./failure";
import {
  findOrphans,
  type LabelledContainer,
  nodeContainers,
  removableOrphans,
  removeContainers,
  removeOrphanNetwork,
} from "./orphans";
import { changesOf, type NodeChanges } from "./plan/changes";
import type { Progress, Step } from "./progress";
import {
  addressesOf,
  apply,
  destroy,
  initialized,
  isRegistryOutOfReach,
  lockInfoPath,
  REGISTRY_FIX,
  type StackPlace,
  stateIds,
  TerraformError,
} from "./terraform";
import type { ApplyProgress, Diagnostic, PlanSummary } from "./terraform-output";
import { type Comparison, plan } from "./terraform-plan";
import { engineLostBy, isEngineLost } from "./up/engines";

/** One node on its engine. */
export interface Deployment {
  readonly place: StackPlace;
  readonly client: Docker;
  readonly fleet: string;
  readonly node: string;
  readonly prefix: string;
  /** Name of the node's Docker network. */
  readonly network: string;
}

/** Whoever tells how far a deployment is; a {@link Progress}, or one that speaks for a single node. */
export type Told = Pick<Progress, "step" | "note">;

export interface DeployOptions extends Deployment {
  readonly progress: Told;
  /** Containers of the node that keep running; the others are jobs. */
  readonly services: number;
}

/**
 * Jobs that refuse what would not work. One after the other: the second puts HAProxy's new configuration where a restart
 * finds it, which must not happen when the first has refused.
 */
const CHECKING_JOBS = [
  ["docker_container.prepare", "the data's format and the disk"],
  ["docker_container.haproxy-configure", "HAProxy's configuration"],
] as const;

/**
 * Applies in phases, because Terraform destroys before it creates: what can fail, for want of an image or because a job
 * refuses, does so while everything that runs still runs. Leftovers of a run that was killed are removed in between,
 * when the lock has shown that the state is ours.
 */
export async function deploy(options: DeployOptions): Promise<PlanSummary> {
  const { place, progress } = options;
  const marker = markerPath(options);
  const unfinished = wasKilled(options);

  const images = addressesOf(place, "docker_image");
  await progress.step(
    "checks",
    `terraform looks for ${images.length} images on the engine`,
    () => explained(options, () => apply(place, { targets: images })),
    () => `terraform finds all ${images.length} images; no service was touched yet`,
  );
  await removeLeftovers(options, unfinished);

  mkdirSync(dirname(marker), { recursive: true });
  writeFileSync(marker, `${new Date().toISOString()}\n`);
  try {
    // On an empty host there is nothing to protect, and one apply is faster.
    if ((await nodeContainers(options.client, options)).length > 0) await checkBeforeTouching(options);
    const { summary } = await progress.step(
      "services",
      COMPARING,
      (step) => explained(options, () => watchedApply(options, step)),
      (applied) => deploySaid(applied, { ...options, containers: addressesOf(place, "docker_container").length }),
    );
    rmSync(marker, { force: true });
    return summary;
  } catch (error) {
    // Terraform came to its end and knows what it made. Interrupted, it may not: a container that was being created then
    // is on the engine and in no state, as after a kill.
    if (!(error instanceof Interrupted)) rmSync(marker, { force: true });
    throw error;
  }
}

async function checkBeforeTouching(options: DeployOptions): Promise<void> {
  await options.progress.step(
    "checks",
    `jobs look at ${CHECKING_JOBS.map(([, what]) => what).join(" and ")}`,
    async (step) => {
      for (const [address, what] of CHECKING_JOBS) {
        step.waiting(`a job looks at ${what}`);
        await explained(options, () => apply(options.place, { targets: [address] }));
      }
    },
    () => "data, disk and HAProxy's configuration are in order; no service was touched yet",
  );
}

/** Removes everything but data volumes. */
export async function remove(options: Deployment & { readonly progress: Told }): Promise<void> {
  const { place, progress, client } = options;
  const marker = markerPath(options);
  const unfinished = wasKilled(options);
  let containers = 0;
  const onProgress = (step: Step) => (state: ApplyProgress) => {
    containers = state.planned.length;
    step.waiting(progressText(state, "stopped"));
  };
  await progress.step(
    "destroy",
    COMPARING,
    (step) => explained(options, () => initialized(place, () => destroy(place, { onProgress: onProgress(step) }))),
    () => (containers === 0 ? "no container was there" : `${containers} containers stopped and removed`),
  );
  await removeLeftovers({ ...options, client }, unfinished);
  rmSync(marker, { force: true });
}

/**
 * What a deploy would do. Touches nothing.
 * @param compared what Terraform has just said of the same stack. @default - it is asked
 * @throws CliError `engine/not-in-state` when the node's containers are somebody else's
 */
export async function planDeployment(deployment: Deployment, compared?: Comparison): Promise<NodeChanges> {
  const { document, containers } = compared ?? (await explained(deployment, () => plan(deployment.place)));
  await leftoversOf(deployment, wasKilled(deployment), containers);
  return changesOf(document);
}

/** Containers of the node that its state does not know. @throws CliError when no killed run explains them */
async function leftoversOf(
  { place, client, fleet, node }: Deployment,
  unfinished: boolean,
  owned: ReadonlySet<string>,
): Promise<readonly LabelledContainer[]> {
  const orphans = findOrphans(await nodeContainers(client, { fleet, node }), owned);
  const lockInfo = lockInfoPath(place);
  const state = lockInfo === undefined ? "the stack's state" : lockInfo.replace(/\.([^/]*)\.lock\.info$/, "$1");
  return removableOrphans({ node, orphans, unfinished, state });
}

async function removeLeftovers(options: Deployment & { readonly progress: Told }, unfinished: boolean): Promise<void> {
  const { place, client, node, network, progress } = options;
  const removable = await leftoversOf(options, unfinished, await stateIds(place, "docker_container"));
  const lockInfo = lockInfoPath(place);
  if (!unfinished) return;
  if (lockInfo !== undefined && existsSync(lockInfo)) {
    throw new CliError({
      code: "terraform/state-locked",
      what: `another run has just begun to work on ${node}`,
      where: lockInfo,
      fix: "wait until it has ended and run the same command again",
    });
  }
  const networkIds = await stateIds(place, "docker_network");
  if (removable.length > 0) {
    await progress.step(
      "leftovers",
      "removing what a run left that was killed",
      () => removeContainers(client, removable),
      () => `removed what a killed run left: ${removable.map(({ name }) => name).join(", ")}`,
    );
  }
  if (await removeOrphanNetwork(client, network, networkIds))
    progress.note("leftovers", `removed the network ${network}, which a killed run left`);
}

/** Terraform's own note of who holds the state outlives a kill, and so does ours. */
function wasKilled(deployment: Deployment): boolean {
  const lockInfo = lockInfoPath(deployment.place);
  return existsSync(markerPath(deployment)) || (lockInfo !== undefined && existsSync(lockInfo));
}

/** Stands while an apply is under way; found at the start, it says that the last one never came to its end. */
function markerPath({ place, fleet, node }: Deployment): string {
  return join(place.folder, ".mirador", "unfinished", `${fleet}-${node}`);
}

interface Applied {
  readonly summary: PlanSummary;
  /** Containers that were made, replaced or removed. */
  readonly changed: number;
}

async function watchedApply({ place, client, prefix }: DeployOptions, step: Step): Promise<Applied> {
  let latest: ApplyProgress | undefined;
  let waitsFor = "";
  const tell = (): void => {
    if (latest !== undefined) step.waiting(progressText(latest, "up") + waitsFor);
  };
  let asks = false;
  const asking = setInterval(async () => {
    if (asks) return;
    asks = true;
    const last = latest?.running.some((address) => /\.(haproxy|ready)$/.test(address));
    const missing = last ? await missingAt(client, `${prefix}-haproxy`).catch(() => undefined) : undefined;
    waitsFor = missing === undefined ? "" : `, which waits for ${missing}`;
    asks = false;
    tell();
  }, 1_000);
  try {
    const summary = await apply(place, {
      onProgress: (state) => {
        latest = state;
        tell();
      },
    });
    return { summary, changed: latest?.planned.length ?? 0 };
  } finally {
    clearInterval(asking);
  }
}

const COMPARING = "terraform compares the stack with the engine";

export function progressText({ planned, done, running }: ApplyProgress, word: "up" | "stopped"): string {
  if (planned.length === 0) return COMPARING;
  const names = running.flatMap((address) => address.split("docker_container.")[1] ?? []).sort();
  const shown = names.length > 3 ? `${names.slice(0, 2).join(", ")} and ${names.length - 2} more` : names.join(", ");
  const now = shown === "" ? "" : `, waiting for ${shown}`;
  return `${done.length} of ${planned.length} containers ${word}${now}`;
}

export function deploySaid(
  { summary: { add, change, destroy: gone }, changed }: Applied,
  { containers, services }: { readonly containers: number; readonly services: number },
): string {
  if (add + change + gone === 0) return "nothing to change, all is as the fleet says";
  if (changed < containers) return `${changed} of ${containers} containers changed; all ${services} services are up`;
  return `${containers} containers: ${services} services, all up, and ${containers - services} jobs, all done`;
}

/** Turns Terraform's refusal into what a person needs: the error, the culprit's last words, the next command. */
async function explained<T>(options: Deployment, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TerraformError)) throw error;
    if (isRegistryOutOfReach(error))
      throw new CliError({
        code: "machine/provider-missing",
        what: error.message,
        where: `stack ${options.node}`,
        fix: REGISTRY_FIX,
      });
    const lost = engineLostBy(error.diagnostics, options.node);
    const others = error.diagnostics.filter((diagnostic) => !isEngineLost(diagnostic));
    const told = await Promise.all(others.map((diagnostic) => troubleOf(diagnostic, options)));
    throw new CliError([...(lost === undefined ? [] : [lost]), ...told]);
  }
}

async function troubleOf(diagnostic: Diagnostic, { client, prefix }: Pick<Deployment, "client" | "prefix">) {
  const { summary, detail, address } = diagnostic;
  const [type, name] = address?.split(".") ?? [];
  const container = type === "docker_container" && name !== undefined ? `${prefix}-${name}` : undefined;
  const tail = container === undefined ? [] : await lastLogLines(client, container);
  return {
    code: failureCode(type, container !== undefined),
    what: detail ? `${summary}\n${detail}` : summary,
    ...(address === undefined ? {} : { where: address }),
    tail: tail.length === 0 ? [] : [`last lines of ${container}:`, ...tail],
    fix: fixOf(diagnostic, container),
  };
}

export function fixOf({ summary, detail = "" }: Diagnostic, container: string | undefined): string {
  const text = `${summary} ${detail}`;
  if (/port is already allocated|address already in use/.test(text))
    return "stop what holds the port, or give the fleet another one (fleet.ports), then run the same command again";
  if (/Unable to read Docker image|unable to pull image/.test(text))
    return "load or build that image on the engine, or name another one (MIRADOR_IMAGES); what runs was not touched";
  if (/is already in use by container/.test(text))
    return "remove the container that has the name (docker rm -f <name>), then run the same command again";
  return container === undefined
    ? "repair what it names and run the same command again; it completes what is missing"
    : `see all it said with: docker logs ${container}; then run the same command again, it completes what is missing`;
}

function failureCode(type: string | undefined, knownContainer: boolean): string {
  if (type === "docker_image") return "terraform/image-missing";
  return knownContainer ? "terraform/container-failed" : "terraform/apply-failed";
}
