import { existsSync } from "node:fs";
import { ProblemError } from "../../lib/problem";
import { issuingAuthority, tryReadKey } from "./change";
import { inspectPki } from "./inspect";
import { type MeshFleet, ownPkiPaths, type PkiPaths } from "./paths";
import { createFile, PUBLIC_MODE, SECRET_MODE } from "./write";

/** What was not there before. */
export interface MadePki {
  /** Absolute. */
  readonly folder: string;
  readonly ca: boolean;
  /** Names of nodes that got a certificate. */
  readonly nodes: readonly string[];
}

/**
 * Makes what is missing of the fleet's authority and its nodes' certificates, and changes no file that is there. What
 * an interrupted run left is completed; two runs at once end with the same files.
 * @throws ProblemError `mesh/ca-key-missing` when a certificate is missing and cannot be issued;
 *   `mesh/certificates-brought`, `mesh/key-mismatch`, `mesh/certificate-…`
 */
export async function ensurePki(checkout: string, fleet: MeshFleet, now: Date): Promise<MadePki> {
  const paths = ownPkiPaths(checkout, fleet);
  const ca = !existsSync(paths.ca) && (await makeAuthority(paths, fleet, now));
  const missing = fleet.nodes.filter(({ name }) => !existsSync(paths.node(name)));
  if (missing.length === 0) return { folder: paths.folder, ca, nodes: [] };
  const authority = issuingAuthority(paths, inspectPki(paths, fleet, now), now);
  const { nodeCertificate } = await import("./issue");
  const made: string[] = [];
  for (const node of missing) {
    if (createFile(paths.node(node.name), await nodeCertificate(authority, node, now), SECRET_MODE))
      made.push(node.name);
  }
  return { folder: paths.folder, ca, nodes: made };
}

async function makeAuthority(paths: PkiPaths, fleet: MeshFleet, now: Date): Promise<boolean> {
  if (!existsSync(paths.caKey)) {
    if (fleet.nodes.some(({ name }) => existsSync(paths.node(name)))) throw authorityLost(paths);
    const { newKey } = await import("./issue");
    // The key first: without its certificate it is one step from complete, the other way round it would be lost.
    createFile(paths.caKey, newKey(), SECRET_MODE);
  }
  const { authorityCertificate } = await import("./issue");
  const keys = [paths.caKey, paths.nextCaKey].flatMap((path) => tryReadKey(path) ?? []);
  const certificates = await Promise.all(keys.map((key) => authorityCertificate(key, fleet.name, now)));
  return createFile(paths.ca, certificates.join(""), PUBLIC_MODE);
}

function authorityLost({ folder, ca, caKey, command }: PkiPaths): ProblemError {
  return new ProblemError([
    {
      code: "mesh/ca-key-missing",
      what: `there are certificates in ${folder}, and neither the authority that issued them nor its key`,
      where: caKey,
      fix: `put ${ca} and ${caKey} back from a backup; if they are lost, move the folder away and run ${command("npm run mirador -- pki")}: the nodes refuse each other then until all of them are deployed`,
    },
  ]);
}
