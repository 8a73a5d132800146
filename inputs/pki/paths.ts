import { join, resolve } from "node:path";
import { ProblemError } from "../../lib/problem";

/** What of a fleet its certificates are about. */
export interface MeshFleet {
  readonly name: string;
  readonly nodes: readonly MeshNode[];
  readonly mesh: { readonly certificatesFolder?: string };
  /** The MIRADOR_FLEET that names it, for commands that are told to people. @default - none is needed */
  readonly module?: string | undefined;
}

/** A command about this fleet as it works where it is typed. */
export function fleetCommand({ module }: Pick<MeshFleet, "module">, command: string): string {
  if (!module) return command;
  const plain = /^[\w./@:+-]+$/.test(module);
  return `MIRADOR_FLEET=${plain ? module : `'${module.replaceAll("'", `'\\''`)}'`} ${command}`;
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
  /** A command about this fleet as it works where it is typed: `npm run mirador -- pki`. */
  command(text: string): string;
}

/** @param checkout what the fleet's own folder is relative to, and where `.mirador` is */
export function pkiPaths(checkout: string, fleet: MeshFleet): PkiPaths {
  const { name, mesh } = fleet;
  const folder = resolve(checkout, mesh.certificatesFolder ?? join(".mirador", "pki", name));
  return {
    folder,
    brought: mesh.certificatesFolder !== undefined,
    ca: join(folder, "ca.crt"),
    caKey: join(folder, "ca.key"),
    nextCaKey: join(folder, "ca-next.key"),
    node: (node) => join(folder, `${node}.pem`),
    command: (text) => fleetCommand(fleet, text),
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
      fix: `have that authority issue them; or remove the setting, and ${paths.command("npm run mirador -- pki")} makes an authority for this fleet`,
    },
  ]);
}
