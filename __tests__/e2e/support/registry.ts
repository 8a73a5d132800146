import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { program } from "../../support/binaries";
import { freePort } from "../../support/processes";
import { docker } from "./engine";
import { type Started, start } from "./process";

const LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

/** A real registry on this machine's loopback, where engines take plain HTTP for granted. */
export class Registry {
  private constructor(
    /** First part of its images' names. */
    public readonly address: string,
    private readonly started: Started,
  ) {}

  public static async start(folder: string): Promise<Registry> {
    await mkdir(folder, { recursive: true });
    const address = `127.0.0.1:${await freePort()}`;
    const config = join(folder, "registry.yml");
    const storage = { filesystem: { rootdirectory: join(folder, "registry") } };
    // JSON is YAML.
    await writeFile(config, JSON.stringify({ version: 0.1, storage, http: { addr: address } }));
    const started = start(program("docker-registry").file, ["serve", config], { cwd: folder, env: {} });
    const registry = new Registry(address, started);
    for (let tries = 0; tries < 100; tries++) {
      if (
        await fetch(`http://${address}/v2/`)
          .then(({ ok }) => ok)
          .catch(() => false)
      )
        return registry;
      await sleep(100);
    }
    throw new Error(`no registry at ${address}:\n${started.heard()}`);
  }

  /** Engines have no way to it any more; what it stores stays. */
  public async stop(): Promise<void> {
    this.started.process.kill();
    await this.started.ended;
  }

  /** Brings an image of the engine there, and leaves the engine without any name that the registry gave it. */
  public async push(image: string, name: string, tag: string): Promise<void> {
    const repo = `${this.address}/${name}`;
    await docker.getImage(image).tag({ repo, tag });
    const pushed = docker.getImage(`${repo}:${tag}`);
    const stream = (await pushed.push({ authconfig: {} })) as Readable;
    await new Promise<void>((done, failed) => {
      docker.modem.followProgress(stream, (error) => (error ? failed(error) : done()));
    });
    await pushed.remove();
  }

  /** A list for several processors, as official images have, with one that is for this machine's. */
  public async list(name: string, { of, tag }: { readonly of: string; readonly tag: string }): Promise<void> {
    const manifest = await this.manifest(name, of);
    const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
    const { Architecture: architecture, Os: os } = await docker
      .version()
      .then(({ Arch, Os }) => ({ Architecture: Arch, Os }));
    const size = Buffer.byteLength(manifest);
    const body = JSON.stringify({
      schemaVersion: 2,
      mediaType: LIST,
      manifests: [{ mediaType: MANIFEST, size, digest, platform: { architecture, os } }],
    });
    const url = `http://${this.address}/v2/${name}/manifests/${tag}`;
    const { status } = await fetch(url, { method: "PUT", headers: { "content-type": LIST }, body });
    if (status !== 201) throw new Error(`the registry answers ${status}`);
  }

  /** What the registry itself says that a tag is. */
  public async digest(name: string, tag: string): Promise<string> {
    const headers = { accept: `${LIST}, ${MANIFEST}` };
    const answer = await fetch(`http://${this.address}/v2/${name}/manifests/${tag}`, { method: "HEAD", headers });
    return answer.headers.get("docker-content-digest") ?? `status ${answer.status}`;
  }

  private async manifest(name: string, tag: string): Promise<string> {
    const answer = await fetch(`http://${this.address}/v2/${name}/manifests/${tag}`, { headers: { accept: MANIFEST } });
    return answer.text();
  }
}
