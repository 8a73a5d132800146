import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheFolder, withLock } from "../../images/cache";
import { run } from "../../images/shell";
import { type Started, start } from "../e2e/support/process";

const PROGRAM = "github.com/versity/versitygw/cmd/versitygw";
const KEY = "mirador-test";

/** A real S3 server on this machine, with its objects as files below {@link bucketFolder}. */
export class S3Gateway {
  private constructor(
    private readonly started: Started,
    private readonly folder: string,
    private readonly port: number,
    public readonly bucket: string,
  ) {}

  /** Compiles it first where this was never done. */
  public static async start(bucket = "backups"): Promise<S3Gateway> {
    const program = await build();
    const folder = await mkdtemp(join(tmpdir(), "mirador-s3-"));
    const port = await freePort();
    await mkdir(join(folder, "objects", bucket), { recursive: true });
    await mkdir(join(folder, "about"));
    // What it knows of objects lies beside them: not every filesystem has extended attributes.
    const args = ["--port", `127.0.0.1:${port}`, "posix", "--sidecar", join(folder, "about"), join(folder, "objects")];
    const env = { ROOT_ACCESS_KEY: KEY, ROOT_SECRET_KEY: KEY };
    const gateway = new S3Gateway(start(program, args, { cwd: folder, env }), folder, port, bucket);
    await gateway.untilUp();
    return gateway;
  }

  public get environment(): Record<string, string> {
    return {
      AWS_ACCESS_KEY_ID: KEY,
      AWS_SECRET_ACCESS_KEY: KEY,
      AWS_REGION: "us-east-1",
      AWS_ENDPOINT_URL: `http://127.0.0.1:${this.port}`,
    };
  }

  public get bucketFolder(): string {
    return join(this.folder, "objects", this.bucket);
  }

  public async stop(): Promise<void> {
    this.started.process.kill("SIGKILL");
    await this.started.ended;
    await rm(this.folder, { recursive: true, force: true });
  }

  private async untilUp(): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const answer = await fetch(`http://127.0.0.1:${this.port}/`).catch(() => undefined);
      if (answer !== undefined) return;
      if (this.started.process.exitCode !== null) throw new Error((await this.started.ended).output);
      await sleep(100);
    }
    throw new Error("the S3 server does not answer");
  }
}

async function build(): Promise<string> {
  const program = join(cacheFolder(), "versitygw");
  const cwd = join(__dirname, "s3-gateway");
  const env = { CGO_ENABLED: "0", GOWORK: "off", GOFLAGS: "-mod=readonly -buildvcs=false" };
  // Two test files at once would write one file.
  await withLock(
    cacheFolder(),
    "versitygw",
    () => undefined,
    () => run("go", ["build", "-trimpath", "-ldflags", "-s -w", "-o", program, PROGRAM], { cwd, env }),
  );
  return program;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
