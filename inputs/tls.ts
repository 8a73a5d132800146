import { createHash, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Fleet } from "../lib/fleet/fleet";
import type { TlsFiles } from "../lib/haproxy/plan-haproxy";
import { collect, type Problem, type ProblemCode, ProblemError, refuse } from "../lib/problem";

/**
 * Reads and checks the certificate of the access points. HAProxy itself accepts an expired certificate without a word.
 * @throws ProblemError `tls/…` when a file cannot be read, the certificate is not valid now, or the key is another one's
 */
export function readTlsFiles(folder: string, tls: NonNullable<Fleet["haproxy"]["tls"]>, now: Date): TlsFiles {
  const certificatePath = resolve(folder, tls.certificatePath);
  const keyPath = tls.keyPath === undefined ? undefined : resolve(folder, tls.keyPath);
  const problems: Problem[] = [];
  const certificate = collect(problems, () =>
    read(certificatePath, "tls/certificate-unreadable", "certificatePath", (text) => new X509Certificate(text)),
  );
  const key = collect(problems, () =>
    keyPath === undefined
      ? read(certificatePath, "tls/key-unreadable", "certificatePath", createPrivateKey)
      : read(keyPath, "tls/key-unreadable", "keyPath", createPrivateKey),
  );
  if (certificate !== undefined) problems.push(...validity(certificate.parsed, key?.parsed, certificatePath, now));
  refuse(problems);
  const fingerprint = createHash("sha256")
    .update(certificate?.text ?? "")
    .update(key?.text ?? "")
    .digest("hex");
  return { certificatePath, ...(keyPath === undefined ? {} : { keyPath }), fingerprint };
}

function read<T>(
  path: string,
  code: ProblemCode,
  key: string,
  parse: (text: string) => T,
): { text: string; parsed: T } {
  try {
    const text = readFileSync(path, "utf8");
    return { text, parsed: parse(text) };
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(path, "").split("\n")[0] : String(error);
    const what = code === "tls/key-unreadable" ? "private key" : "certificate";
    throw new ProblemError([
      {
        code,
        what: `no ${what} can be read from ${path}: ${reason}`,
        where: `fleet.haproxy.tls.${key}`,
        fix: `name a PEM file that holds the ${what}${what === "private key" ? ", without a passphrase" : " and its chain"}`,
      },
    ]);
  }
}

function validity(certificate: X509Certificate, key: KeyObject | undefined, path: string, now: Date): Problem[] {
  const where = "fleet.haproxy.tls.certificatePath";
  const problems: Problem[] = [];
  if (Date.parse(certificate.validTo) <= now.getTime())
    problems.push({
      code: "tls/certificate-expired",
      what: `${path} expired on ${certificate.validTo}`,
      where,
      fix: "renew it",
    });
  if (Date.parse(certificate.validFrom) > now.getTime())
    problems.push({
      code: "tls/certificate-not-yet-valid",
      what: `${path} is valid from ${certificate.validFrom}`,
      where,
      fix: "wait until then, or set this machine's clock",
    });
  if (key !== undefined && !certificate.checkPrivateKey(key))
    problems.push({
      code: "tls/key-mismatch",
      what: `the private key is not that of ${path}`,
      where,
      fix: "name the key that the certificate was issued for",
    });
  return problems;
}
