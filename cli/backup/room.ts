import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { runInside } from "../engine-exec";

const LABEL = "mirador.backup";
/** It ends by itself, should this process be killed; until then it has to outlive the longest copy. */
const MOST_SECONDS = 7 * 24 * 3600;

/** What a {@link Room} is made from. */
export interface RoomRequest {
  readonly client: Docker;
  /** Present on the engine; holds a shell. */
  readonly image: string;
  /** Unique on the engine. */
  readonly name: string;
  /** Where volumes, or folders of the host, are within. */
  readonly mounts: readonly { readonly source: string; readonly path: string }[];
  /** `uid:gid` @default "0:0", with what is needed to give files to others */
  readonly user?: string;
}

/**
 * A container on a host with a store's data in it, and a shell: what is done to the data is done there. It has no network
 * but its own, and it is gone when it is stopped.
 */
export class Room {
  private constructor(
    private readonly container: Docker.Container,
    private readonly client: Docker,
  ) {}

  /** Removes one of the same name first, that a killed run left. */
  public static async open({ client, image, name, mounts, user = "0:0" }: RoomRequest): Promise<Room> {
    await removeContainer(client, name);
    const container = await client.createContainer({
      name,
      Image: image,
      Entrypoint: ["/bin/sh", "-c"],
      Cmd: [`trap exit TERM; sleep ${MOST_SECONDS} & wait`],
      User: user,
      Labels: { [LABEL]: "" },
      HostConfig: {
        AutoRemove: true,
        NetworkMode: "none",
        CapDrop: ["ALL"],
        CapAdd: user === "0:0" ? ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"] : [],
        SecurityOpt: ["no-new-privileges:true"],
        Memory: 128 * 1024 ** 2,
        LogConfig: { Type: "none", Config: {} },
        Mounts: mounts.map(({ source, path }) => ({
          Type: source.startsWith("/") ? ("bind" as const) : ("volume" as const),
          Source: source,
          Target: path,
        })),
      },
    });
    await container.start();
    return new Room(container, client);
  }

  /** For a container that shares its network. */
  public get id(): string {
    return this.container.id;
  }

  /** @param interrupt ends the wait; the script ends with the room @returns what the script printed @throws Error with the last of it, when it fails */
  public run(script: string, interrupt?: AbortSignal): Promise<string> {
    return runInside(this.client, this.container.id, `set -eu\n${script}`, MOST_SECONDS, interrupt);
  }

  /** Unpacks a tar archive below a folder that is there. */
  public async put(archive: Readable | Buffer, folder: string): Promise<void> {
    await this.container.putArchive(archive as NodeJS.ReadableStream, { path: folder });
  }

  /** @returns a tar archive of a folder, with the folder's own name in front of every path */
  public async take(folder: string): Promise<NodeJS.ReadableStream> {
    return this.container.getArchive({ path: folder });
  }

  public close(): Promise<void> {
    return removeContainer(this.client, this.container.id);
  }
}

/** @param name or id; one that is not there is as good as removed */
export async function removeContainer(client: Docker, name: string): Promise<void> {
  await client
    .getContainer(name)
    .remove({ force: true, v: true })
    .catch((error: { readonly statusCode?: number }) => {
      // 409: its own removal is under way.
      if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
    });
}
