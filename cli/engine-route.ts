import { readFileSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";
import { connectEngine, DEFAULT_ENGINE } from "../images/engine";
import type { DockerDefinition } from "../lib/fleet/definition";
import type { Environment } from "../lib/fleet/environment";
import { contextTarget } from "./up/docker-context";
import { SshAgent } from "./up/ssh-agent";

/** How an engine is reached. */
export interface EngineRoute {
  /** As people name it. */
  readonly address: string;
  readonly client: Docker;
}

/**
 * Every kind of engine that a fleet can name, as Terraform's provider will reach it. Nothing is asked yet.
 * @param sshConnections open at once. @default - a few
 * @throws Error with the reason when certificates cannot be read or a context does not exist
 */
export function routeTo(docker: DockerDefinition, environment: Environment, sshConnections?: number): EngineRoute {
  switch (docker.kind) {
    case "unix": {
      const address = `unix://${docker.socket ?? DEFAULT_ENGINE.slice("unix://".length)}`;
      return { address, client: connectEngine(address) };
    }
    case "tcp": {
      const { host, port = 2376, certificatePath } = docker;
      const file = (name: string): Buffer => readFileSync(join(certificatePath, name));
      const tls = { ca: file("ca.pem"), cert: file("cert.pem"), key: file("key.pem") };
      return { address: `tcp://${host}:${port}`, client: new Docker({ protocol: "https", host, port, ...tls }) };
    }
    case "ssh": {
      const { host, user = "root", port = 22 } = docker;
      // The host's name only fills a header; the agent, which the types do not know, decides where it goes.
      const options = {
        protocol: "http" as const,
        host: "docker",
        port: 80,
        agent: new SshAgent(docker, "ssh", sshConnections),
      };
      return { address: `ssh://${user}@${host}:${port}`, client: new Docker(options) };
    }
    case "context": {
      const { address, client } = routeTo(contextTarget(docker.name, environment), environment, sshConnections);
      return { address: `context ${docker.name}, ${address}`, client };
    }
  }
}
