import fromEnvFiles from "../../examples/from-env-files";
import limitsAndRetention from "../../examples/limits-and-retention";
import metricsSingle from "../../examples/metrics-single";
import oneNode from "../../examples/one-node";
import remoteHosts from "../../examples/remote-hosts";
import smallNode from "../../examples/small-node";
import tenNodes from "../../examples/ten-nodes";
import threeNodes from "../../examples/three-nodes";
import tls from "../../examples/tls";
import twoNodes from "../../examples/two-nodes";
import type { Fleet, FleetDefinition, FleetPlan, NodePlan, Secrets, TlsFiles } from "../../lib";
import { defineFleet, planFleet } from "../../lib";
import type { MeshFiles } from "../../lib/mesh/files";

/** Every example fleet by the name of its file; a test demands that none is left out. */
export const EXAMPLE_FLEETS: Readonly<Record<string, Fleet>> = {
  "from-env-files": fromEnvFiles,
  "limits-and-retention": limitsAndRetention,
  "metrics-single": metricsSingle,
  "one-node": oneNode,
  "remote-hosts": remoteHosts,
  "small-node": smallNode,
  "ten-nodes": tenNodes,
  "three-nodes": threeNodes,
  tls,
  "two-nodes": twoNodes,
};
export const EXAMPLE_NAMES = Object.keys(EXAMPLE_FLEETS);

/** Known, so that a test can look for it where it must not be. */
export const PASSWORD = "correct-horse-battery-staple";
const TLS_FILES: TlsFiles = {
  certificatePath: "/etc/mirador/tls/fullchain.pem",
  keyPath: "/etc/mirador/tls/key.pem",
  fingerprint: "0".repeat(64),
};

/** As `inputs/` would read them, with places that are the same on every machine. */
export function secretsFor(fleet: Fleet, tls: TlsFiles = TLS_FILES): Secrets {
  return {
    statsPassword: PASSWORD,
    ...(fleet.haproxy.tls === undefined ? {} : { tls }),
    ...(fleet.nodes.length > 1 ? { mesh: meshFiles(fleet.nodes.map(({ name }) => name)) } : {}),
  };
}

/** Certificates of the mesh that nobody reads. */
export function meshFiles(names: readonly string[]): MeshFiles {
  return {
    caPath: "/etc/mirador/pki/ca.crt",
    caFingerprint: "c".repeat(64),
    certificates: Object.fromEntries(
      names.map((name) => [name, { path: `/etc/mirador/pki/${name}.pem`, fingerprint: "d".repeat(64) }]),
    ),
  };
}

export const ONE_NODE: FleetDefinition = { nodes: [{ name: "node1", address: "10.0.0.11" }] };

export function nodes(count: number): NonNullable<FleetDefinition["nodes"]> {
  return Array.from({ length: count }, (_, i) => ({ name: `node${i + 1}`, address: `10.0.0.${11 + i}` }));
}

export function exampleFleet(name: string): Fleet {
  const fleet = EXAMPLE_FLEETS[name];
  if (fleet === undefined) throw new Error(`no example fleet ${name}`);
  return fleet;
}

export function planOf(fleet: Fleet): FleetPlan {
  return planFleet(fleet, secretsFor(fleet));
}

/** The plan of the first node of a definition; one node with all defaults when nothing else is said. */
export function nodePlan(definition: FleetDefinition = {}): NodePlan {
  const [plan] = planOf(defineFleet({ ...ONE_NODE, ...definition })).nodes;
  if (plan === undefined) throw new Error("a fleet of no nodes");
  return plan;
}
