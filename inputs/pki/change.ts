import { createPrivateKey, type X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { ProblemError } from "../../lib/problem";
import { type Inspection, readAuthorities, replaceEndedCa } from "./inspect";
import type { Authority } from "./issue";
import type { PkiPaths } from "./paths";
import { hasEnded } from "./read";

/**
 * How far a change of the authority is. The files themselves say it, so that an interrupted step leaves nothing
 * that disagrees: `ca-next.key` belongs to a certificate in `ca.crt`, which is the new one.
 */
export type CaChange =
  | { readonly stage: "none" }
  | {
      /**
       * `begun`: `ca.crt` holds both. `issued`: every node's certificate comes from the new one. `finishing`: `ca.crt`
       * holds only the new one, and its key waits to become `ca.key`.
       */
      readonly stage: "begun" | "issued" | "finishing";
      readonly next: X509Certificate;
      /** Nodes without a certificate from the new authority. */
      readonly pending: readonly string[];
    };

export function caChange(paths: PkiPaths, { ca, nodes }: Pick<Inspection, "ca" | "nodes">): CaChange {
  const key = paths.brought ? undefined : tryReadKey(paths.nextCaKey);
  const next =
    key === undefined ? undefined : ca?.certificates.find((one) => one.checkPrivateKey(createPrivateKey(key)));
  // A key that is in no certificate yet is what a first step left that was interrupted; it has issued nothing.
  if (next === undefined) return { stage: "none" };
  const pending = nodes.filter(({ issuers }) => !issuers.includes(next)).map(({ name }) => name);
  if (ca?.certificates.length === 1) return { stage: "finishing", next, pending };
  return { stage: pending.length === 0 ? "issued" : "begun", next, pending };
}

/**
 * The authority that issues now. During a change that is the old one until the first certificate came from the new
 * one: before, nodes may run that do not trust the new one.
 * @throws ProblemError `mesh/ca-key-missing`, `mesh/key-mismatch`, `mesh/certificate-…` when it cannot issue
 */
export function issuingAuthority(paths: PkiPaths, inspection: Inspection, now: Date): Authority {
  const change = caChange(paths, inspection);
  const byNext =
    change.stage !== "none" && (change.stage !== "begun" || change.pending.length < inspection.nodes.length);
  return authorityOf(paths, byNext ? paths.nextCaKey : paths.caKey, now);
}

/** @throws ProblemError as {@link issuingAuthority} does */
export function authorityOf(paths: PkiPaths, keyPath: string, now: Date): Authority {
  const { certificates } = readAuthorities(paths);
  const key = readKey(keyPath);
  const certificate = certificates.find((candidate) => candidate.checkPrivateKey(createPrivateKey(key)));
  if (certificate === undefined) {
    throw new ProblemError([
      {
        code: "mesh/key-mismatch",
        what: `the private key is not that of an authority in ${paths.ca}`,
        where: keyPath,
        fix: "put the ca.crt and the ca.key back that belong together",
      },
    ]);
  }
  if (hasEnded(certificate, now)) {
    const what = `the mesh's authority expired on ${certificate.validTo}`;
    throw new ProblemError([{ code: "mesh/certificate-expired", what, where: paths.ca, fix: replaceEndedCa(paths) }]);
  }
  return { certificate: certificate.toString(), key };
}

/** @throws ProblemError `mesh/ca-key-missing`, `mesh/certificate-unreadable` */
function readKey(path: string): string {
  const key = tryReadKey(path);
  if (key !== undefined) return key;
  throw new ProblemError([
    {
      code: "mesh/ca-key-missing",
      what: "no certificate can be issued: the private key of the mesh's authority is missing",
      where: path,
      fix: "run the command on the machine that has it, or put it back from a backup; if it is lost, make another authority: npm run mirador -- pki rotate-ca",
    },
  ]);
}

/** @throws ProblemError `mesh/certificate-unreadable` when there is something else in its place */
export function tryReadKey(path: string): string | undefined {
  try {
    const key = readFileSync(path, "utf8");
    createPrivateKey(key);
    return key;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    const reason = message.replace(path, "").split("\n")[0];
    throw new ProblemError([
      {
        code: "mesh/certificate-unreadable",
        what: `the private key of the mesh's authority cannot be read: ${reason}`,
        where: path,
        fix: "put it back from a backup, with mode 600",
      },
    ]);
  }
}
