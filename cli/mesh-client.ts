import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import type { Readable } from "node:stream";
import type { MeshFiles } from "../lib/mesh/files";
import { type MeshService, serverName } from "../lib/mesh/services";

export interface MeshNode {
  readonly name: string;
  readonly address: string;
}

export interface MeshRequest {
  /** @default "GET" */
  readonly method?: "GET" | "POST";
  /** With its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | Readable;
  /** Of silence, in milliseconds. @default 30 000 */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

/**
 * Speaks to the services of a fleet's nodes through the mesh, with the certificates in the operator's folder: a node takes
 * who shows a node's certificate, so the one that is asked is shown its own. Nothing else of a node is needed, neither
 * its engine nor an access point.
 */
export class MeshClient {
  private readonly agents = new Map<string, Agent>();

  constructor(
    private readonly files: MeshFiles,
    /** The fleet's mesh port. */
    private readonly port: number,
  ) {}

  /**
   * A connection that was kept may be closed by the other side in the moment in which it is used again: a question is
   * asked once more then, by a new one. Anything else might be done twice.
   * @returns the answer whatever its status, its body not read yet
   */
  public async open(node: MeshNode, service: MeshService, options: MeshRequest): Promise<IncomingMessage> {
    try {
      return await this.send(node, service, options);
    } catch (error) {
      const { method = "GET", signal } = options;
      if (method !== "GET" || !(error instanceof StaleConnection) || signal?.aborted === true) throw error;
      return this.send(node, service, options);
    }
  }

  private send(node: MeshNode, service: MeshService, options: MeshRequest): Promise<IncomingMessage> {
    const { method = "GET", path, headers = {}, body, timeout = 30_000, signal } = options;
    return new Promise((resolve, reject) => {
      const sent = request({
        ...{ host: node.address, port: this.port, method, path, timeout },
        servername: serverName(service, node.name),
        agent: this.agentOf(node.name, service),
        headers: { host: serverName(service, node.name), ...headers },
        ...(signal === undefined ? {} : { signal }),
      });
      sent.on("response", resolve);
      sent.on("error", (error: NodeJS.ErrnoException) =>
        reject(sent.reusedSocket && error.code === "ECONNRESET" ? new StaleConnection(error.message) : error),
      );
      sent.on("timeout", () => sent.destroy(new Error(`${service} of ${node.name}: no answer for ${timeout} ms`)));
      if (body === undefined || typeof body === "string" || Buffer.isBuffer(body)) sent.end(body);
      else body.on("error", (error) => sent.destroy(error)).pipe(sent);
    });
  }

  /** @throws Error when the status is not 200 to 299, with what was answered */
  public async text(node: MeshNode, service: MeshService, options: MeshRequest): Promise<string> {
    const answer = await this.open(node, service, options);
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString("utf8");
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return text;
    throw new Error(`${service} of ${node.name} answers ${status}: ${text.trim().slice(0, 300)}`);
  }

  public close(): void {
    for (const agent of this.agents.values()) agent.destroy();
    this.agents.clear();
  }

  /**
   * One for each service: connections are kept by host and port, and what is behind one is decided by its server name. No
   * TLS session is resumed, because the receiver would go by the name of that session.
   */
  private agentOf(node: string, service: MeshService): Agent {
    const key = serverName(service, node);
    const known = this.agents.get(key);
    if (known !== undefined) return known;
    const certificate = this.files.certificates[node];
    if (certificate === undefined) throw new Error(`there is no certificate of ${node}`);
    const pem = readFileSync(certificate.path);
    const agent = new Agent({
      ...{ cert: pem, key: pem, ca: readFileSync(this.files.caPath) },
      ...{ keepAlive: true, maxSockets: 8, maxCachedSessions: 0 },
    });
    this.agents.set(key, agent);
    return agent;
  }
}

/** Closed by the other side before it answered anything. */
class StaleConnection extends Error {
  public readonly code = "ECONNRESET";
}
