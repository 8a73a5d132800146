import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { DockerDefinition } from "../lib/fleet/definition";
import type { Environment } from "../lib/fleet/environment";

/** What is known of a node without its fleet: by the stack that its last synthesis wrote. */
export interface LastStack {
  readonly fleet: string;
  readonly node: string;
  readonly docker: DockerDefinition;
  /** Folders of the host that hold data. */
  readonly folders: readonly string[];
}

/** As much of `cdk.tf.json` as is looked at. */
interface StackText {
  readonly terraform?: { readonly backend?: { readonly local?: { readonly path?: string } } };
  readonly provider?: { readonly docker?: readonly { readonly host?: string; readonly cert_path?: string }[] };
  readonly resource?: {
    readonly docker_network?: { readonly network?: { readonly labels?: readonly Label[] } };
    readonly docker_container?: {
      readonly prepare?: { readonly volumes?: readonly { readonly host_path?: string }[] };
    };
  };
}

interface Label {
  readonly label: string;
  readonly value: string;
}

/**
 * The stacks that were deployed from here, by their own state, to an engine that the demo can talk to. A stack that was
 * only written has no state, and one whose state lies elsewhere is none of the demo's.
 */
export function deployedStacks(folder: string, environment: Environment): readonly LastStack[] {
  const stacks = join(resolve(folder, environment.CDKTF_OUTDIR || "cdktf.out"), "stacks");
  const names = existsSync(stacks) ? readdirSync(stacks).sort() : [];
  return names.flatMap((name) => {
    const stack = readJson<StackText>(join(stacks, name, "cdk.tf.json"));
    const docker = engineOf(stack);
    const labels = stack?.resource?.docker_network?.network?.labels ?? [];
    const labelled = (wanted: string): string | undefined => labels.find(({ label }) => label === wanted)?.value;
    const [fleet, node] = [labelled("mirador.fleet"), labelled("mirador.node")];
    if (docker === undefined || fleet === undefined || node === undefined || !hasResources(stack)) return [];
    const volumes = stack?.resource?.docker_container?.prepare?.volumes ?? [];
    return [{ fleet, node, docker, folders: volumes.flatMap(({ host_path }) => host_path ?? []) }];
  });
}

function engineOf(stack: StackText | undefined): DockerDefinition | undefined {
  const { host = "", cert_path: certificatePath } = stack?.provider?.docker?.[0] ?? {};
  if (host.startsWith("unix://")) return { kind: "unix", socket: host.slice("unix://".length) };
  const [, name, port] = /^tcp:\/\/([^:]+):(\d+)$/.exec(host) ?? [];
  if (name === undefined || certificatePath === undefined) return undefined;
  return { kind: "tcp", host: name, port: Number(port), certificatePath };
}

function hasResources(stack: StackText | undefined): boolean {
  const path = stack?.terraform?.backend?.local?.path;
  const state = path === undefined ? undefined : readJson<{ readonly resources?: readonly unknown[] }>(path);
  return (state?.resources ?? []).length > 0;
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    return undefined;
  }
}
