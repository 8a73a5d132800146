import type { MeshFiles } from "../lib/mesh/files";
import { refuse } from "../lib/problem";
import { ensurePki, type MadePki } from "./pki/ensure";
import { authoritiesInUse, type InspectedNode, type Inspection, inspectPki } from "./pki/inspect";
import { type MeshFleet, type PkiPaths, pkiPaths } from "./pki/paths";
import { daysLeft, hasEnded, lastDay, RENEWAL_DAYS } from "./pki/read";

export { ensurePki, type MadePki } from "./pki/ensure";
export type { MeshFleet, MeshNode } from "./pki/paths";

export interface MeshFilesOptions {
  /** Nothing was deployed from here yet, so certificates that are missing may be made. */
  readonly mayCreate: boolean;
  /** Told what was made. */
  readonly say: (line: string) => void;
}

/** The checked certificates of a fleet. */
export interface Mesh {
  readonly files: MeshFiles;
  /** One line for each certificate that ends soon. */
  readonly warnings: readonly string[];
}

/**
 * The certificates of the mesh between the nodes; in a checkout that has deployed nothing, the fleet's own are made.
 * @throws ProblemError as {@link readMesh} and {@link ensurePki} do
 */
export async function meshFor(
  checkout: string,
  fleet: MeshFleet,
  now: Date,
  { mayCreate, say }: MeshFilesOptions,
): Promise<Mesh> {
  if (mayCreate && !pkiPaths(checkout, fleet).brought) {
    const made = await ensurePki(checkout, fleet, now);
    if (made.ca || made.nodes.length > 0)
      say(`made ${whatWasMade(made)} in ${made.folder}; keep a copy of that folder`);
  }
  return readMesh(checkout, fleet, now);
}

/** "the authority of the mesh and certificates of node1, node2" */
export function whatWasMade({ ca, nodes }: MadePki): string {
  const parts = [...(ca ? ["the authority of the mesh"] : []), ...(nodes.length > 0 ? [certificatesOf(nodes)] : [])];
  return parts.join(" and ");
}

function certificatesOf(nodes: readonly string[]): string {
  return `${nodes.length === 1 ? "the certificate" : "certificates"} of ${nodes.join(", ")}`;
}

/**
 * Reads and checks the certificates that the nodes of a fleet show each other. HAProxy itself starts with an expired
 * one without a word, and every other node refuses it then.
 * @throws ProblemError `mesh/…`, `secret/readable-by-others`: everything that is wrong with any of them at once
 */
export function readMesh(checkout: string, fleet: MeshFleet, now: Date): Mesh {
  const paths = pkiPaths(checkout, fleet);
  const inspection = inspectPki(paths, fleet, now);
  refuse(inspection.problems);
  const certificates = inspection.nodes.flatMap(({ name, file }) =>
    file === undefined ? [] : [[name, { path: file.path, fingerprint: file.fingerprint }]],
  );
  return {
    files: {
      caPath: paths.ca,
      caFingerprint: inspection.ca?.fingerprint ?? "",
      certificates: Object.fromEntries(certificates),
    },
    warnings: expiryWarnings(paths, inspection, now),
  };
}

/** As {@link readMesh}, for who does not warn. */
export function readMeshFiles(checkout: string, fleet: MeshFleet, now: Date): MeshFiles {
  return readMesh(checkout, fleet, now).files;
}

/** One line for each certificate that ends within 30 days, with the command that renews it. */
export function expiryWarnings(paths: PkiPaths, { ca, nodes }: Inspection, now: Date): readonly string[] {
  const ends = (certificate: InspectedNode["issuers"][number]): string | undefined => {
    const days = daysLeft(certificate, now);
    if (hasEnded(certificate, now) || days > RENEWAL_DAYS) return undefined;
    return `ends in ${days === 1 ? "1 day" : `${days} days`}, on ${lastDay(certificate)}`;
  };
  const renew = (command: string): string => (paths.brought ? "have your authority renew it" : command);
  const authorities = ca === undefined ? [] : authoritiesInUse(ca.certificates, nodes);
  return [
    ...authorities.flatMap((authority) => {
      const end = ends(authority);
      return end === undefined
        ? []
        : [`the authority of the mesh ${end}: ${renew(paths.command("npm run mirador -- pki rotate-ca"))}`];
    }),
    ...nodes.flatMap(({ name, file, issuers: [issuer] }) => {
      const end = file && ends(file.certificates[0]);
      // A certificate that ends with its authority gains nothing by renewal.
      const withIssuer = issuer !== undefined && file?.certificates[0].validTo === issuer.validTo;
      if (end === undefined || withIssuer) return [];
      const command = `${paths.command(`npm run mirador -- pki renew ${name}`)}, then ${paths.command(`npx cdktf deploy ${name}`)}`;
      return [`the certificate of ${name} for the mesh ${end}: ${renew(command)}`];
    }),
  ];
}
