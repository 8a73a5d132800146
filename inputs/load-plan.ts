import { existsSync, mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Environment } from "../lib/fleet/environment";
import type { Fleet } from "../lib/fleet/fleet";
import { localStatePath } from "../lib/plan/node-plan";
import { type FleetPlan, planFleet } from "../lib/plan/plan-fleet";
import { collect, collectLater, type Problem, ProblemError, refuse } from "../lib/problem";
import { readEnvironment } from "./environment";
import { loadFleet } from "./load-fleet";
import { meshFor } from "./pki";
import { readStatsPassword } from "./secrets";
import { readTlsFiles } from "./tls";

/** A fleet and what was decided about it. */
export interface LoadedPlan {
  readonly fleet: Fleet;
  readonly plan: FleetPlan;
  /** Absolute folder of local state files. */
  readonly stateFolder: string;
}

/** What {@link loadPlan} may do besides. */
export interface LoadPlanOptions {
  /** Told what was made: the certificates of a fleet that was never deployed. @default - the standard error output */
  readonly say?: (line: string) => void;
  /** Certificates are made for a fleet that has none and was never deployed. @default true */
  readonly mayCreate?: boolean;
}

/**
 * Everything that `main.ts` and the commands need from outside: the fleet module, image overrides, secrets, certificates.
 * @throws ProblemError with all problems of all of them at once, before anything was touched
 */
export async function loadPlan(
  folder: string,
  processEnvironment: Environment,
  { say = console.error, mayCreate = true }: LoadPlanOptions = {},
): Promise<LoadedPlan> {
  const environment = readEnvironment(folder, processEnvironment);
  const fleet = await loadFleet(folder, environment);
  const problems: Problem[] = [...contextProblems(fleet, processEnvironment)];
  const statsPassword = collect(problems, () => readStatsPassword(folder, environment, fleet.haproxy));
  const now = new Date();
  const tls = collect(problems, () => fleet.haproxy.tls && readTlsFiles(folder, fleet.haproxy.tls, now));
  const stateFolder = stateFolderOf(folder, environment);
  // Nothing is made for a fleet that is refused for another reason.
  const mayIssue = mayCreate && problems.length === 0 && neverDeployed(stateFolder, fleet);
  const mesh =
    fleet.nodes.length > 1
      ? await collectLater(problems, () =>
          meshFor(folder, { ...fleet, module: environment.MIRADOR_FLEET }, now, { mayCreate: mayIssue, say }),
        )
      : undefined;
  refuse(problems);
  const plan = planFleet(fleet, {
    statsPassword: statsPassword ?? "",
    ...(tls ? { tls } : {}),
    ...(mesh ? { mesh: mesh.files } : {}),
  });
  // Terraform's state may hold what others should not read, and Terraform itself writes it with mode 0644.
  mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
  const warnings = [...plan.warnings, ...(mesh?.warnings ?? []), ...unusedAddress(fleet, environment)];
  return { fleet, plan: { ...plan, warnings }, stateFolder };
}

/** A fleet to look at: where everything is does not depend on secrets. */
export interface PlanToLook extends LoadedPlan {
  /** What a deploy would be refused for: secrets and certificates. */
  readonly problems: readonly Problem[];
}

/**
 * The plan for a command that only looks: a certificate that is over, or a password that is not on this machine, must not
 * stand in the way of seeing what runs. Nothing may be deployed by it.
 * @throws ProblemError when the fleet itself cannot be used
 */
export async function loadPlanToLook(folder: string, processEnvironment: Environment): Promise<PlanToLook> {
  try {
    return { ...(await loadPlan(folder, processEnvironment, { mayCreate: false })), problems: [] };
  } catch (error) {
    if (!ProblemError.is(error)) throw error;
    const environment = readEnvironment(folder, processEnvironment);
    const fleet = await loadFleet(folder, environment);
    const plan = planWithoutSecrets(fleet);
    return { fleet, plan, stateFolder: stateFolderOf(folder, environment), problems: error.problems };
  }
}

/** Where everything of a fleet is, with stand-ins for its secrets: nothing may be deployed by it. */
export function planWithoutSecrets(fleet: Fleet): FleetPlan {
  const nowhere = { path: "", fingerprint: "" };
  const certificates = Object.fromEntries(fleet.nodes.map(({ name }) => [name, nowhere]));
  return planFleet(fleet, {
    statsPassword: "of nobody, for nothing",
    ...(fleet.haproxy.tls === undefined ? {} : { tls: { certificatePath: "", fingerprint: "" } }),
    ...(fleet.nodes.length === 1 ? {} : { mesh: { caPath: "", caFingerprint: "", certificates } }),
  });
}

/** Absolute folder of local state files. */
export function stateFolderOf(folder: string, { MIRADOR_STATE }: Environment): string {
  return resolve(folder, MIRADOR_STATE || ".mirador/state");
}

/**
 * Whether nobody has deployed the fleet yet, as far as can be told from here. Once somebody has, its certificates exist
 * somewhere, and new ones would cut the nodes that are deployed next from those that were deployed before. Of a state
 * that lies elsewhere nothing is known.
 */
export function neverDeployed(stateFolder: string, { name, nodes, backend }: Fleet): boolean {
  return backend === undefined && !nodes.some((node) => existsSync(localStatePath(stateFolder, name, node.name)));
}

/** Somebody who comes from the predecessor expects its variable to count. */
function unusedAddress({ nodes }: Fleet, { NODE_IP }: Environment): string[] {
  if (!NODE_IP || nodes.some(({ address }) => address === NODE_IP)) return [];
  return [
    `NODE_IP=${NODE_IP} is not used: the fleet names its nodes; \`defineFleet({})\` would take them from the environment`,
  ];
}

/** Docker's own variable wins over the address in the stack: every node would be deployed to that one engine. */
function contextProblems({ nodes }: Fleet, { DOCKER_CONTEXT }: Environment): Problem[] {
  if (!DOCKER_CONTEXT || nodes.every(({ docker }) => docker.kind === "context" && docker.name === DOCKER_CONTEXT))
    return [];
  return [
    {
      code: "engine/context-overrides",
      what: `DOCKER_CONTEXT=${DOCKER_CONTEXT} would send every node to that engine`,
      where: "environment DOCKER_CONTEXT",
      fix: 'unset it, or give the nodes docker: { kind: "context", name: "…" }',
    },
  ];
}
