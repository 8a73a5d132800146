// The certificate library fails at its import without this, and does not depend on it itself.
import "reflect-metadata";
import { createHash, createPublicKey, generateKeyPairSync, randomBytes, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { meshName } from "../../lib/mesh/files";
import type { MeshNode } from "./paths";

x509.cryptoProvider.set(webcrypto);

const CA_YEARS = 10;
const NODE_YEARS = 1;
/** The clocks of two hosts differ. */
const BACKDATED_MILLISECONDS = 60 * 60 * 1000;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Certificate and private key, PEM. */
export interface Authority {
  readonly certificate: string;
  readonly key: string;
}

/** A new private key, PEM (PKCS #8). */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }) as string;
}

/**
 * A self-signed certificate for the key, PEM. Its name follows from the key: made again from the same key, it fits
 * what the first one issued; and two authorities of one fleet are never taken for each other.
 */
export async function authorityCertificate(key: string, fleet: string, now: Date): Promise<string> {
  const keys = await cryptoKeys(key);
  const id = createHash("sha256").update(publicKeyOf(key)).digest("hex").slice(0, 8);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [`${fleet} mesh CA ${id}`] }],
    notBefore: backdated(now),
    notAfter: yearsAfter(now, CA_YEARS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      // It issues for nodes only, never for another authority.
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pem(certificate);
}

/** A new key and its certificate in one text, as HAProxy reads them: certificate first. */
export async function nodeCertificate(authority: Authority, node: MeshNode, now: Date): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const key = newKey();
  const { publicKey } = await cryptoKeys(key);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    // HAProxy's rule lets in what has the name of a node.
    subject: [{ CN: [node.name] }],
    issuer: issuer.subjectName,
    notBefore: backdated(now),
    // What outlives its authority would look valid here and be refused by the other nodes.
    notAfter: new Date(Math.min(yearsAfter(now, NODE_YEARS).getTime(), issuer.notAfter.getTime())),
    signingAlgorithm: ALGORITHM,
    publicKey,
    signingKey: (await cryptoKeys(authority.key)).privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      // Each node is a server to the others and their client.
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: "dns", value: meshName(node.name) },
        { type: "dns", value: `*.${meshName(node.name)}` },
        { type: "ip", value: node.address },
      ]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return pem(certificate) + key;
}

async function cryptoKeys(key: string): Promise<{ privateKey: webcrypto.CryptoKey; publicKey: webcrypto.CryptoKey }> {
  const { subtle } = webcrypto;
  const pkcs8 = x509.PemConverter.decodeFirst(key);
  return {
    privateKey: await subtle.importKey("pkcs8", pkcs8, ALGORITHM, false, ["sign"]),
    publicKey: await subtle.importKey("spki", publicKeyOf(key), ALGORITHM, true, ["verify"]),
  };
}

function publicKeyOf(key: string): Buffer {
  return createPublicKey(key).export({ type: "spki", format: "der" });
}

/** 127 random bits, positive and never shorter, so that no reader trips over a sign or a leading zero. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

/** HAProxy's runtime socket ends at an empty line, so there is none. */
function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString("pem").trim()}\n`;
}

function backdated(now: Date): Date {
  return new Date(now.getTime() - BACKDATED_MILLISECONDS);
}

function yearsAfter(now: Date, years: number): Date {
  const date = new Date(now);
  date.setUTCFullYear(date.getUTCFullYear() + years);
  return date;
}
