import { join, resolve } from "node:path";
import { ProblemError } from "../../lib/problem";

/** What of a fleet its certificates are about. */
export interface MeshFleet {
  readonly name: string;
  readonly nodes: readonly MeshNode[];
  readonly mesh: { readonly certificatesFolder?: string };
}

export interface MeshNode {
  readonly name: string;
  readonly address: string;
}

export interface PkiPaths {
  /** Absolute. */
  readonly folder: string;
  /** The fleet names the folder: another authority issues what is in it, and nothing is ever written there. */
  readonly brought: boolean;
  readonly ca: string;
  readonly caKey: string;
  /** Key of the authority that is on its way in; exists only during a change of the authority. */
  readonly nextCaKey: string;
  node(name: string): string;
}

/** @param checkout what the fleet's own folder is relative to, and where `.mirador` is */
export function pkiPaths(checkout: string, { name, mesh }: MeshFleet): PkiPaths {
  const folder = resolve(checkout, mesh.certificatesFolder ?? join(".mirador", "pki", name));
  return {
    folder,
    brought: mesh.certificatesFolder !== undefined,
    ca: join(folder, "ca.crt"),
    caKey: join(folder, "ca.key"),
    nextCaKey: join(folder, "ca-next.key"),
    node: (node) => join(folder, `${node}.pem`),
  };
}

/** @throws ProblemError `mesh/certificates-brought`: a folder that somebody else fills is not written to */
export function ownPkiPaths(checkout: string, fleet: MeshFleet): PkiPaths {
  const paths = pkiPaths(checkout, fleet);
  if (!paths.brought) return paths;
  throw new ProblemError([
    {
      code: "mesh/certificates-brought",
      what: `the certificates in ${paths.folder} come from an authority of yours`,
      where: "fleet.mesh.certificates",
      fix: "have that authority issue them; or remove the setting, and `npm run pki` makes an authority for this fleet",
    },
  ]);
}
