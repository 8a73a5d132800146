import { readFileSync } from "node:fs";
import type { ProblemCode } from "../../lib/problem";
import { issuingAuthority } from "./change";
import { type InspectedNode, type Inspection, inspectPki } from "./inspect";
import type { Authority } from "./issue";
import { type MeshFleet, type MeshNode, ownPkiPaths, type PkiPaths } from "./paths";
import { daysLeft, RENEWAL_DAYS } from "./read";
import { replaceFile, SECRET_MODE } from "./write";

/** Nodes by name, all of them, or those whose certificates are due. */
export type RenewalChoice = readonly string[] | "all" | "due";

/**
 * Gives nodes new keys and certificates. The files before stay beside them as `<node>.pem.previous`.
 * @returns names of the nodes that got one
 * @throws ProblemError as `ensurePki` does
 */
export async function renewCertificates(
  checkout: string,
  fleet: MeshFleet,
  now: Date,
  choice: RenewalChoice,
): Promise<readonly string[]> {
  const paths = ownPkiPaths(checkout, fleet);
  const inspection = inspectPki(paths, fleet, now);
  const names = choice === "due" ? inspection.nodes.filter((node) => isDue(node, now)).map(({ name }) => name) : choice;
  const chosen = fleet.nodes.filter(({ name }) => names === "all" || names.includes(name));
  if (chosen.length === 0) return [];
  await reissue(paths, inspection, chosen, issuingAuthority(paths, inspection, now), now);
  return chosen.map(({ name }) => name);
}

/**
 * What a new certificate mends for sure. One of another authority may mean that `ca.crt` is the wrong file, and one
 * that is not valid yet that this machine's clock is wrong.
 */
const MENDED: readonly ProblemCode[] = [
  "mesh/certificate-expired",
  "mesh/certificate-missing",
  "mesh/certificate-other-name",
  "mesh/certificate-unfit",
  "mesh/certificate-unreadable",
  "mesh/key-mismatch",
];

function isDue({ file, problems }: InspectedNode, now: Date): boolean {
  if (problems.some(({ code }) => MENDED.includes(code))) return true;
  return file !== undefined && daysLeft(file.certificates[0], now) <= RENEWAL_DAYS;
}

export async function reissue(
  paths: PkiPaths,
  { nodes }: Pick<Inspection, "nodes">,
  chosen: readonly MeshNode[],
  authority: Authority,
  now: Date,
): Promise<void> {
  const { nodeCertificate } = await import("./issue");
  for (const node of chosen) {
    const path = paths.node(node.name);
    const text = await nodeCertificate(authority, node, now);
    // What nobody could go back to must not take the place of what somebody can.
    if (nodes.find(({ name }) => name === node.name)?.file !== undefined)
      replaceFile(`${path}.previous`, readFileSync(path, "utf8"), SECRET_MODE);
    replaceFile(path, text, SECRET_MODE);
  }
}
