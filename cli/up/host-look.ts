import type Docker from "dockerode";
import type { MountSettings } from "dockerode";
import type { DataVolume } from "../../lib/plan/service-plan";
import { demultiplex } from "../engine-logs";
import type { TryListen } from "../machine";
import { withinSeconds } from "./engines";

const LOOK_SECONDS = 60;
const LABEL = "mirador.look";

/** What is written on a data volume about the data in it. */
export interface DataMarks {
  readonly format?: string;
  readonly group?: string;
  readonly members?: readonly string[];
}

/** A host as a container in its network namespace sees it. */
export interface HostLook {
  /** IPv4 addresses of the host. Empty when the kernel does not tell. */
  readonly addresses: readonly string[];
  /** Where somebody listens, TCP. */
  readonly listening: readonly { readonly address: string; readonly port: number }[];
  /** By the source of a data volume; one that does not exist yet is not among them. */
  readonly marks: Readonly<Record<string, DataMarks>>;
}

export interface HostQuestion {
  readonly client: Docker;
  /** Present on the engine; holds a shell. */
  readonly image: string;
  readonly data: readonly DataVolume[];
  /** Folders of the host are looked into only on a node that was deployed: Docker would make those that are missing. */
  readonly deployed: boolean;
}

/**
 * Looks at a host through a container that only reads: the host may be far away, and nothing but its engine answers
 * here.
 */
export async function lookAtHost({ client, image, data, deployed }: HostQuestion): Promise<HostLook> {
  await removeEarlier(client);
  const { Volumes } = await client.listVolumes();
  const names = new Set((Volumes ?? []).map(({ Name }) => Name));
  const present = data.filter(({ source }) => (source.startsWith("/") ? deployed : names.has(source)));
  const container = await client.createContainer({
    Image: image,
    Entrypoint: ["/bin/sh", "-c"],
    Cmd: [script(present.length)],
    User: "0:0",
    Labels: { [LABEL]: `${Date.now()}` },
    HostConfig: {
      NetworkMode: "host",
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
    await withinSeconds(container.wait(), LOOK_SECONDS);
    const text = demultiplex(await container.logs({ stdout: true, stderr: true }));
    return parseLook(
      text,
      present.map(({ source }) => source),
    );
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

const folderOf = (index: number): string => `/volumes/${index}`;

function mountOf({ source }: DataVolume, index: number): MountSettings {
  const type = source.startsWith("/") ? "bind" : "volume";
  return { Type: type, Source: source, Target: folderOf(index), ReadOnly: true };
}

function script(volumes: number): string {
  const marks = Array.from({ length: volumes }, (_, index) =>
    ["format", "group", "members"].map((mark) => {
      const file = `${folderOf(index)}/.mirador-${mark}`;
      return `[ ! -f ${file} ] || echo "@mark ${index} ${mark} $(cat ${file})"`;
    }),
  );
  return [
    "cat /proc/net/fib_trie",
    "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | sed 's/^/@tcp /'",
    ...marks.flat(),
  ].join("\n");
}

/** Pure: what the container printed. */
export function parseLook(text: string, sources: readonly string[]): HostLook {
  const addresses = new Set<string>();
  const listening: { readonly address: string; readonly port: number }[] = [];
  const marks: Record<string, Record<string, unknown>> = {};
  let leaf = "";
  for (const line of text.split("\n")) {
    // The kernel's table of routes: a leaf, and below it what the leaf is.
    leaf = /\|-- (\d+\.\d+\.\d+\.\d+)/.exec(line)?.[1] ?? leaf;
    if (/\/32 host LOCAL/.test(line)) addresses.add(leaf);
    const [, host, port] = /^@tcp +\d+: ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F:]+ 0A /.exec(line) ?? [];
    if (host !== undefined && port !== undefined)
      listening.push({ address: addressOf(host), port: Number.parseInt(port, 16) });
    const [, index, mark, value = ""] = /^@mark (\d+) (\w+) (.*)$/.exec(line) ?? [];
    const source = sources[Number(index)];
    if (mark === undefined || source === undefined) continue;
    marks[source] = { ...marks[source], [mark]: mark === "members" ? value.trim().split(/ +/) : value.trim() };
  }
  return { addresses: [...addresses], listening, marks };
}

/** The kernel writes each 32 bits of an address in the order of the machine; all that Docker runs on begin with the last byte. */
function addressOf(hex: string): string {
  if (/^0+$/.test(hex)) return "0.0.0.0";
  // An IPv4 address within IPv6, as a program that listens on both shows it.
  const last = hex.slice(-8);
  const bytes = last.match(/../g) ?? [];
  return bytes
    .toReversed()
    .map((byte) => Number.parseInt(byte, 16))
    .join(".");
}

/**
 * Whether a port of a host is free, by what was seen there.
 * @returns the code that listening would fail with, as `tryListen` does
 */
export function listenAsSeen({ addresses, listening }: HostLook): TryListen {
  return async (address, port) => {
    const all = address === "0.0.0.0";
    if (!all && addresses.length > 0 && !addresses.includes(address)) return "EADDRNOTAVAIL";
    const taken = listening.some(
      (socket) => socket.port === port && (all || socket.address === "0.0.0.0" || socket.address === address),
    );
    return taken ? "EADDRINUSE" : undefined;
  };
}
