import { existsSync } from "node:fs";
import { join } from "node:path";
import { CommandError, run } from "../../../images/shell";
import { CARD, type HostSpec, type RigSpec, SWITCH } from "./rig-spec";

/** `ip netns` keeps its names here. */
const NAMESPACES = "/run/netns";

const ip = (...args: readonly string[]): Promise<string> => run("ip", args);
const ipIn = (namespace: string, ...args: readonly string[]): Promise<string> => ip("-n", namespace, ...args);

/**
 * Arguments of `nsenter` for a program that shall run in a namespace. Not `ip netns exec`: that mounts another /sys,
 * where a daemon finds no cgroups.
 */
export function inNamespace(namespace: string, ...program: readonly string[]): readonly string[] {
  return [`--net=${join(NAMESPACES, namespace)}`, "--", ...program];
}

export function hasNamespace(namespace: string): boolean {
  return existsSync(join(NAMESPACES, namespace));
}

/** The switch and the operator's cable. */
export async function makeSwitch({ switchNamespace: ns, operator }: RigSpec): Promise<void> {
  await ip("netns", "add", ns);
  await ipIn(ns, "link", "set", "lo", "up");
  await ipIn(ns, "link", "add", SWITCH, "type", "bridge");
  await ipIn(ns, "link", "set", SWITCH, "up");
  const card = ["peer", "name", operator.link, "netns", `${process.pid}`];
  await ipIn(ns, "link", "add", "operator", "type", "veth", ...card);
  await ipIn(ns, "link", "set", "operator", "master", SWITCH, "up");
  await ip("addr", "add", `${operator.address}/${operator.prefixLength}`, "dev", operator.link);
  await ip("link", "set", operator.link, "up");
}

/** A namespace and a cable to the switch. No default route: nothing leaves the rig. */
export async function plugIn({ switchNamespace, operator }: RigSpec, host: HostSpec): Promise<void> {
  const { namespace: ns, port } = host;
  await ip("netns", "add", ns);
  await ipIn(ns, "link", "set", "lo", "up");
  const card = ["peer", "name", CARD, "address", host.mac, "netns", ns];
  await ipIn(switchNamespace, "link", "add", port, "type", "veth", ...card);
  await ipIn(switchNamespace, "link", "set", port, "master", SWITCH, "up");
  await ipIn(ns, "addr", "add", `${host.address}/${operator.prefixLength}`, "dev", CARD);
  await ipIn(ns, "link", "set", CARD, "up");
  // As a machine has it at boot; a namespace begins with this machine's setting. Where forwarding is on before Docker
  // starts, engines before version 28 leave the chain FORWARD open: neighbours with a route reach every container.
  await run("nsenter", inNamespace(ns, "sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_forward"));
}

/** Takes a host's cable, addresses, rules and connections away, as power does. */
export async function unplug({ switchNamespace }: RigSpec, { namespace, port }: HostSpec): Promise<void> {
  // By hand, and first: with its namespace it would go some time after the command, and a new one has the same name.
  if (await hasPort(switchNamespace, port)) await ipIn(switchNamespace, "link", "del", port);
  if (hasNamespace(namespace)) await ip("netns", "del", namespace);
}

export async function removeSwitch({ switchNamespace, operator }: RigSpec): Promise<void> {
  if (await hasLink(operator.link)) await ip("link", "del", operator.link);
  if (hasNamespace(switchNamespace)) await ip("netns", "del", switchNamespace);
}

/** Pulls the cable at the switch, or puts it back. The host itself notices as much as it does of a real cable. */
export async function setCable({ switchNamespace }: RigSpec, { port }: HostSpec, state: "up" | "down"): Promise<void> {
  await ipIn(switchNamespace, "link", "set", port, state);
}

export async function hasPort(switchNamespace: string, port: string): Promise<boolean> {
  return hasNamespace(switchNamespace) && exists(ipIn(switchNamespace, "link", "show", port));
}

export async function hasLink(name: string): Promise<boolean> {
  return exists(ip("link", "show", name));
}

async function exists(command: Promise<string>): Promise<boolean> {
  return command.then(
    () => true,
    (error: unknown) => {
      if (error instanceof CommandError && error.tail.join(" ").includes("does not exist")) return false;
      throw error;
    },
  );
}
