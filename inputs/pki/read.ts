import { createHash, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { ProblemError } from "../../lib/problem";

export interface CertificateFile {
  readonly path: string;
  /** SHA-256 of the file's bytes. */
  readonly fingerprint: string;
  /** As they stand in the file, one at least. */
  readonly certificates: readonly [X509Certificate, ...X509Certificate[]];
}

/** A node's certificate, those between it and the authority's, and its key. */
export interface NodeFile extends CertificateFile {
  readonly key: KeyObject;
}

/** What a problem with a file is told with. */
export interface FileWords {
  /** "the certificate of node1". */
  readonly what: string;
  readonly ifMissing: string;
  readonly ifUnreadable: string;
}

/** @throws ProblemError `mesh/certificate-missing`, `mesh/certificate-unreadable` */
export function readCertificateFile(path: string, words: FileWords): CertificateFile {
  return read(path, words, (bytes) => ({ ...describe(path, bytes), certificates: certificatesIn(bytes) }));
}

/** @throws ProblemError `mesh/certificate-missing`, `mesh/certificate-unreadable` */
export function readNodeFile(path: string, words: FileWords): NodeFile {
  return read(path, words, (bytes) => ({
    ...describe(path, bytes),
    certificates: certificatesIn(bytes),
    key: createPrivateKey(bytes),
  }));
}

function describe(path: string, bytes: Buffer): Pick<CertificateFile, "path" | "fingerprint"> {
  return { path, fingerprint: createHash("sha256").update(bytes).digest("hex") };
}

function read<T>(path: string, { what, ifMissing, ifUnreadable }: FileWords, parse: (bytes: Buffer) => T): T {
  try {
    return parse(readFileSync(path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") {
      throw new ProblemError([
        { code: "mesh/certificate-missing", what: `${what} is missing`, where: path, fix: ifMissing },
      ]);
    }
    const reason = message.replace(path, "").split("\n")[0];
    throw new ProblemError([
      {
        code: "mesh/certificate-unreadable",
        what: `${what} cannot be read: ${reason}`,
        where: path,
        fix: ifUnreadable,
      },
    ]);
  }
}

function certificatesIn(bytes: Buffer): CertificateFile["certificates"] {
  const blocks = bytes.toString("latin1").match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  const [first, ...others] = (blocks ?? []).map((block) => new X509Certificate(block));
  if (first === undefined) throw new Error("there is no whole PEM certificate in the file");
  return [first, ...others];
}

export function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

/**
 * The authorities above a certificate, the one that issued it first; none when it comes from elsewhere.
 * @param chain the certificate, then those between it and an authority, as they stand in its file
 */
export function issuersOf(
  chain: CertificateFile["certificates"],
  authorities: readonly X509Certificate[],
): readonly X509Certificate[] {
  let last = chain[0];
  for (const next of chain.slice(1)) if (isIssuedBy(last, next)) last = next;
  const issuers: X509Certificate[] = [];
  for (;;) {
    const issuer = authorities.find((authority) => !issuers.includes(authority) && isIssuedBy(last, authority));
    if (issuer === undefined) return issuers;
    issuers.push(issuer);
    last = issuer;
  }
}

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;
/** From here on a certificate is due for renewal. */
export const RENEWAL_DAYS = 30;

/** Whole days; negative once it has ended. */
export function daysLeft({ validTo }: X509Certificate, now: Date): number {
  return Math.floor((Date.parse(validTo) - now.getTime()) / DAY_MILLISECONDS);
}

export function hasEnded({ validTo }: X509Certificate, now: Date): boolean {
  return Date.parse(validTo) <= now.getTime();
}

/** `2031-06-01` */
export function lastDay({ validTo }: X509Certificate): string {
  return new Date(validTo).toISOString().slice(0, 10);
}
