import { readFile } from "node:fs/promises";
import { run } from "../../../images/shell";
import { start, succeed } from "../../e2e/support/process";
import { inNamespace, plugIn, unplug } from "./network";
import type { HostSpec, RigSpec } from "./rig-spec";

/** TCP ports of one address, both ends included. */
export interface PortRange {
  readonly address: string;
  readonly from: number;
  readonly to: number;
}

export function everyPort(address: string): PortRange {
  return { address, from: 1, to: 65_535 };
}

/** A packet filter may drop what it does not want: a port that says nothing for so long is closed. */
const SILENCE_MS = 2_000;

/** A program of its own, because it may have to run in another network namespace. */
const SCANNER = `
const { connect } = require("node:net");
const [ranges, silence] = JSON.parse(process.argv[1]);
const targets = ranges.flatMap(({ address, from, to }) =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ host: address, port: from + index })));
const open = [];
const attempt = (target) => new Promise((resolve) => {
  const socket = connect(target);
  const end = () => resolve(socket.destroy());
  socket.setTimeout(silence, end);
  socket.once("error", end);
  socket.once("connect", () => end(open.push(target.host + ":" + target.port)));
});
let next = 0;
const work = async () => { while (next < targets.length) await attempt(targets[next++]); };
Promise.all(Array.from({ length: 512 }, work)).then(() => console.log(JSON.stringify(open)));
`;

/**
 * Where somebody takes a connection, as `address:port`.
 * @param namespace where the one is who asks; `undefined` is the operator
 */
export async function openPorts(ranges: readonly PortRange[], namespace?: string): Promise<readonly string[]> {
  const program = [process.execPath, "-e", SCANNER, JSON.stringify([ranges, SILENCE_MS])] as const;
  const [command = "", ...args] =
    namespace === undefined ? program : ["nsenter", ...inNamespace(namespace, ...program)];
  return JSON.parse(await succeed(start(command, args, { cwd: "/", env: {} }))) as string[];
}

const LISTEN = "0A";

/** TCP ports that the processes beside this one in its network namespace listen on, but for those on loopback. */
export async function listeningPorts(pid: number): Promise<readonly number[]> {
  const tables = await Promise.all(["tcp", "tcp6"].map((name) => readFile(`/proc/${pid}/net/${name}`, "utf8")));
  const ports = tables.flatMap((table) =>
    table
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local = "", , state]) => state === LISTEN && !isLoopback(local))
      .map(([, local = ""]) => Number.parseInt(local.split(":")[1] ?? "", 16)),
  );
  return [...new Set(ports)].sort((a, b) => a - b);
}

/** The kernel writes addresses as little-endian words. */
function isLoopback(local: string): boolean {
  return /^[0-9A-F]{6}7F:/.test(local) || /^0{24}01000000:/.test(local);
}

/**
 * Runs work in a machine that is beside the hosts and sends what is for their containers to one of them, as anybody on
 * the same network can.
 * @param work gets the machine's network namespace
 */
export async function asNeighbour<T>(
  rig: RigSpec,
  { through, network }: { readonly through: HostSpec; readonly network: string },
  work: (namespace: string) => Promise<T>,
): Promise<T> {
  const machine: HostSpec = {
    ...through,
    name: "neighbour",
    address: through.address.replace(/\d+$/, "200"),
    mac: through.mac.replace(/..$/, "c8"),
    namespace: `${rig.switchNamespace}-neighbour`,
    port: "neighbour",
  };
  // A run that was killed may have left it.
  await unplug(rig, machine);
  await plugIn(rig, machine);
  try {
    await run("ip", ["-n", machine.namespace, "route", "add", network, "via", through.address]);
    return await work(machine.namespace);
  } finally {
    await unplug(rig, machine);
  }
}
