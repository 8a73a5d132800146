import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { DockerDefinition } from "../../lib/fleet/definition";
import type { Environment } from "../../lib/fleet/environment";

/**
 * Where a context of the operator's docker CLI leads, from the files that the CLI keeps of it.
 * @throws Error when there is no such context, or it leads where nothing is verified
 */
export function contextTarget(
  name: string,
  { DOCKER_CONFIG, HOME }: Environment,
): Exclude<DockerDefinition, { kind: "context" }> {
  if (name === "default") return { kind: "unix" };
  const folder = join(DOCKER_CONFIG || join(HOME || homedir(), ".docker"), "contexts");
  const id = createHash("sha256").update(name).digest("hex");
  const file = join(folder, "meta", id, "meta.json");
  if (!existsSync(file)) throw new Error(`the docker CLI here has no context ${name}: docker context ls`);
  const { Endpoints } = JSON.parse(readFileSync(file, "utf8")) as {
    readonly Endpoints?: { readonly docker?: { readonly Host?: string } };
  };
  const host = Endpoints?.docker?.Host ?? "";
  if (host.startsWith("unix://")) return { kind: "unix", socket: host.slice("unix://".length) };
  const url = new URL(host);
  const port = url.port === "" ? {} : { port: Number(url.port) };
  if (url.protocol === "ssh:")
    return { kind: "ssh", host: url.hostname, ...(url.username === "" ? {} : { user: url.username }), ...port };
  const certificatePath = join(folder, "tls", id, "docker");
  if (url.protocol === "tcp:" && existsSync(certificatePath))
    return { kind: "tcp", host: url.hostname, ...port, certificatePath };
  throw new Error(`the context ${name} leads to ${host}; unix, ssh and tcp with certificates are understood`);
}
