/** Certificates of the mesh on the operator's machine, checked by whoever read them. */
export interface MeshFiles {
  /** PEM with the fleet's CA; during a CA change it holds the old and the new one. */
  readonly caPath: string;
  /** By node name: PEM with certificate, then private key. Fingerprints are SHA-256 of the file's bytes. */
  readonly certificates: Readonly<Record<string, { readonly path: string; readonly fingerprint: string }>>;
  readonly caFingerprint: string;
}

/** Name that a node's certificate carries beside the wildcard below it and its address. */
export function meshName(node: string): string {
  return `${node}.mesh`;
}
