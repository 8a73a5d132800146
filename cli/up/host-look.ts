import type { DataVolume } from "../../lib/plan/service-plan";
import type { TryListen } from "../machine";
import { folderOf, type HostQuestion, readOnHost } from "./host-reader";

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
  /** The disk of the queues: MiB that are free, those that the queues hold already among them. */
  readonly queueDiskMiB?: number;
  /** Open files of the whole host, and how many there may be. */
  readonly openFiles?: { readonly used: number; readonly most: number };
}

/**
 * Looks at a host through a container that only reads: the host may be far away, and nothing but its engine answers
 * here.
 */
export async function lookAtHost(question: Omit<HostQuestion, "hostNetwork">): Promise<HostLook> {
  const { text, sources } = await readOnHost({ ...question, hostNetwork: true }, script);
  return parseLook(text, sources);
}

function script(present: readonly DataVolume[]): string {
  const marks = present.flatMap((_, index) =>
    ["format", "group", "members"].map((mark) => {
      const file = `${folderOf(index)}/.mirador-${mark}`;
      return `[ ! -f ${file} ] || echo "@mark ${index} ${mark} $(cat ${file})"`;
    }),
  );
  const queues = present.flatMap(({ requiredFreeMiB }, index) =>
    requiredFreeMiB === undefined ? [] : folderOf(index),
  );
  return [
    "cat /proc/net/fib_trie",
    "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | sed 's/^/@tcp /'",
    // Without a queue yet: the container's own root lies where the engine keeps its volumes.
    `echo "@free $(df -Pk ${queues[0] ?? "/"} | tail -n 1 | awk '{ print $4 }')"`,
    ...queues.map((folder) => `echo "@held $(du -sk ${folder} | cut -f 1)"`),
    'echo "@files $(cat /proc/sys/fs/file-nr)"',
    ...marks,
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
  const kibibytes = [...text.matchAll(/^@(?:free|held) (\d+)$/gm)].map(([, size]) => Number(size));
  const [, used, most] = /^@files (\d+)\s+\d+\s+(\d+)$/m.exec(text) ?? [];
  return {
    ...{ addresses: [...addresses], listening, marks },
    ...(kibibytes.length === 0
      ? {}
      : { queueDiskMiB: Math.floor(kibibytes.reduce((all, one) => all + one, 0) / 1024) }),
    ...(used === undefined ? {} : { openFiles: { used: Number(used), most: Number(most) } }),
  };
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
