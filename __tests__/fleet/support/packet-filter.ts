import { run } from "../../../images/shell";
import { inNamespace } from "./network";
import { CARD, type HostSpec } from "./rig-spec";

/**
 * Chains of ours in `mangle`, where Docker has none: what comes in is judged before its destination is rewritten to a
 * container's address, and what a container sends is judged like what the host itself does.
 */
const INGRESS = "RIG-IN";
const EGRESS = "RIG-OUT";

function iptables({ namespace }: HostSpec, ...args: readonly string[]): Promise<string> {
  return run("nsenter", inNamespace(namespace, "iptables", "--wait", "10", "--table", "mangle", ...args));
}

export async function makeChains(host: HostSpec): Promise<void> {
  await iptables(host, "-N", INGRESS);
  await iptables(host, "-N", EGRESS);
  await iptables(host, "-A", "PREROUTING", "-i", CARD, "-j", INGRESS);
  await iptables(host, "-A", "POSTROUTING", "-o", CARD, "-j", EGRESS);
}

/** Nothing of `from` gets in any more; the other direction stays as it is. */
export async function dropFrom(to: HostSpec, from: Pick<HostSpec, "address">): Promise<void> {
  await iptables(to, "-A", INGRESS, "--source", from.address, "-j", "DROP");
}

/**
 * Loses packets in both directions, each with this chance. A veth passes on up to 64 KiB of a TCP stream as one packet,
 * so that a stream suffers more from a percent here than on a wire.
 */
export async function dropAtRandom(host: HostSpec, percent: number): Promise<void> {
  const chance = ["-m", "statistic", "--mode", "random", "--probability", (percent / 100).toFixed(4)];
  for (const chain of [INGRESS, EGRESS]) await iptables(host, "-A", chain, ...chance, "-j", "DROP");
}

export async function dropNothing(host: HostSpec): Promise<void> {
  for (const chain of [INGRESS, EGRESS]) await iptables(host, "-F", chain);
}

/** How many packets the faults have taken, both directions together. */
export async function droppedPackets(host: HostSpec): Promise<number> {
  const texts = await Promise.all([INGRESS, EGRESS].map((chain) => iptables(host, "-nvxL", chain)));
  const counts = texts.flatMap((text) => [...text.matchAll(/^\s*(\d+)\s+\d+\s+DROP\b/gm)].map(([, count]) => count));
  return counts.reduce((sum, count) => sum + Number(count), 0);
}
