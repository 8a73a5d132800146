import type Docker from "dockerode";
import type { MountSettings } from "dockerode";
import type { DataVolume } from "../../lib/plan/service-plan";
import { demultiplex } from "../engine-logs";
import { withinSeconds } from "./engines";

const LOOK_SECONDS = 60;
const LABEL = "mirador.look";

/** What is looked at on a host, through its engine. */
export interface HostQuestion {
  readonly client: Docker;
  /** Present on the engine; holds a shell. */
  readonly image: string;
  readonly data: readonly DataVolume[];
  /** Folders of the host are looked into only on a node that was deployed: Docker would make those that are missing. */
  readonly deployed: boolean;
  /** The script sees the host's own network; else none. */
  readonly hostNetwork: boolean;
  /** How long the script may take. @default 60 */
  readonly seconds?: number;
}

/** What a script printed on a host. */
export interface HostAnswer {
  readonly text: string;
  /** Of the data volumes that are there; the script has each in {@link folderOf} its place here. */
  readonly sources: readonly string[];
}

/** Where a script finds the data volume with that number. */
export const folderOf = (index: number): string => `/volumes/${index}`;

/**
 * Runs a script on a host in a container that can only read: the host may be far away, and nothing but its engine answers
 * here.
 * @param script what the shell runs, given the data volumes that are there
 */
export async function readOnHost(
  { client, image, data, deployed, hostNetwork, seconds = LOOK_SECONDS }: HostQuestion,
  script: (present: readonly DataVolume[]) => string,
): Promise<HostAnswer> {
  await removeEarlier(client);
  const { Volumes } = await client.listVolumes();
  const names = new Set((Volumes ?? []).map(({ Name }) => Name));
  const present = data.filter(({ source }) => (source.startsWith("/") ? deployed : names.has(source)));
  const container = await client.createContainer({
    Image: image,
    Entrypoint: ["/bin/sh", "-c"],
    Cmd: [script(present)],
    User: "0:0",
    Labels: { [LABEL]: `${Date.now()}` },
    HostConfig: {
      NetworkMode: hostNetwork ? "host" : "none",
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      // Data folders are closed to others.
      CapAdd: ["CAP_DAC_OVERRIDE"],
      SecurityOpt: ["no-new-privileges:true"],
      Memory: 64 * 1024 ** 2,
      LogConfig: { Type: "json-file", Config: {} },
      Mounts: present.map(mountOf),
    },
  });
  try {
    await container.start();
    await withinSeconds(container.wait(), seconds);
    const text = demultiplex(await container.logs({ stdout: true, stderr: true }));
    return { text, sources: present.map(({ source }) => source) };
  } finally {
    await container.remove({ force: true });
  }
}

/** One that a killed run left; another run's, which is under way, is younger. */
async function removeEarlier(client: Docker): Promise<void> {
  const all = await client.listContainers({ all: true, filters: { label: [LABEL] } });
  const left = all.filter(({ Labels }) => Number(Labels[LABEL]) < Date.now() - 2 * LOOK_SECONDS * 1000);
  for (const { Id } of left) {
    const removal = client.getContainer(Id).remove({ force: true });
    await removal.catch(() => undefined);
  }
}

function mountOf({ source }: DataVolume, index: number): MountSettings {
  const type = source.startsWith("/") ? "bind" : "volume";
  return { Type: type, Source: source, Target: folderOf(index), ReadOnly: true };
}
