import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { Agent } from "node:http";
import { Duplex } from "node:stream";
import type { DockerDefinition } from "../../lib/fleet/definition";

type Ssh = Extract<DockerDefinition, { kind: "ssh" }>;

/** Handshakes are slow, and sshd refuses more than ten that are under way at once. */
const CONNECTIONS = 3;
const CONNECT_SECONDS = 10;

/**
 * Reaches an engine as the docker CLI does: the operator's own `ssh` runs `docker system dial-stdio` on the host. So keys,
 * jump hosts and `known_hosts` are those of every other ssh, and an unknown host is refused.
 */
export class SshAgent extends Agent {
  /** @param connections open at once; whoever raises it for streams that stay open begins them one after the other */
  constructor(
    private readonly to: Ssh,
    private readonly program = "ssh",
    connections = CONNECTIONS,
  ) {
    super({ keepAlive: true, maxSockets: connections });
  }

  public override createConnection(): Duplex {
    return new ProgramStream(spawn(this.program, [...sshArguments(this.to)]), this.program);
  }
}

export function sshArguments({ host, user = "root", port = 22, identityFile, knownHostsFile }: Ssh): readonly string[] {
  const options = ["BatchMode=yes", "StrictHostKeyChecking=yes", `ConnectTimeout=${CONNECT_SECONDS}`];
  // A host that is gone ends its connections after a quarter of a minute, and not when the kernel gives up.
  options.push("ServerAliveInterval=5", "ServerAliveCountMax=3");
  if (knownHostsFile !== undefined) options.push(`UserKnownHostsFile=${knownHostsFile}`);
  return [
    ...(identityFile === undefined ? [] : ["-i", identityFile]),
    ...options.flatMap((option) => ["-o", option]),
    ...["-l", user, "-p", `${port}`, "--", host, "docker", "system", "dial-stdio"],
  ];
}

/** A program's input and output as one connection; what it says on its other output is the reason when it ends. */
class ProgramStream extends Duplex {
  private words = "";

  constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    program: string,
  ) {
    super();
    child.stdout.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.words = `${this.words}${text}`.slice(-2_000);
    });
    // The exit status tells more than a broken pipe.
    child.stdin.on("error", () => undefined);
    child.on("error", (error) => this.destroy(error));
    child.on("close", (code, signal) => {
      const said = this.words.trim().split("\n").at(-1) ?? "";
      if (code === 0) this.push(null);
      else this.destroy(new Error(`${program} ended with ${code ?? signal}: ${said}`));
    });
  }

  public override _read(): void {
    this.child.stdout.resume();
  }

  public override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.child.stdin.write(chunk, done);
  }

  public override _final(done: () => void): void {
    this.child.stdin.end(done);
  }

  public override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.child.kill();
    done(error);
  }

  // What Node's agent asks of a socket.
  public setKeepAlive(): this {
    return this;
  }
  public setNoDelay(): this {
    return this;
  }
  public setTimeout(): this {
    return this;
  }
  public ref(): this {
    return this;
  }
  public unref(): this {
    return this;
  }
}
