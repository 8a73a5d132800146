import { createConnection, createServer, type Server, type Socket } from "node:net";

/** The first line of a request to an engine, such as `GET /v1.41/info HTTP/1.1`. */
const REQUEST = /^(?:GET|HEAD|POST|PUT|DELETE) \S+ HTTP\/1\.1$/gm;

/**
 * Stands between a command and an engine, until a request comes that matches: then every connection breaks, and new ones
 * break at once. The moment is one of what the command does, and not one of the clock.
 */
export class CutEngine {
  /** First lines of all requests, the one included that was not answered. */
  public readonly requests: string[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private cut = false;

  /**
   * @param socket where the command finds the engine
   * @param engine socket of the engine
   * @param until the request that is not answered any more
   */
  constructor(
    public readonly socket: string,
    engine: string,
    until: RegExp,
  ) {
    this.server = createServer((client) => {
      this.sockets.add(client);
      if (this.cut) return void client.destroy();
      const upstream = createConnection(engine);
      this.sockets.add(upstream);
      client.on("data", (data) => {
        const lines = data.toString("latin1").match(REQUEST) ?? [];
        this.requests.push(...lines);
        if (lines.some((line) => until.test(line))) this.goAway();
        else upstream.write(data);
      });
      upstream.on("data", (data) => client.write(data));
      for (const [one, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        one.on("error", () => other.destroy());
        one.on("end", () => other.end());
        one.on("close", () => other.destroy());
      }
    });
  }

  /** Whether the request came that it waited for. */
  public get isGone(): boolean {
    return this.cut;
  }

  public async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(this.socket, resolve));
  }

  public async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private goAway(): void {
    this.cut = true;
    for (const socket of this.sockets) socket.destroy();
  }
}
