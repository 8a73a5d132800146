import type { X509Certificate } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { meshName } from "../../lib/mesh/files";
import { MESH_SERVICE_NAMES, serverName } from "../../lib/mesh/services";
import { collect, type Problem } from "../../lib/problem";
import type { MeshFleet, MeshNode, PkiPaths } from "./paths";
import { type CertificateFile, hasEnded, issuersOf, type NodeFile, readCertificateFile, readNodeFile } from "./read";

export interface InspectedNode {
  readonly name: string;
  /** Not there when it is missing or cannot be read; the problems say which. */
  readonly file?: NodeFile;
  /** Authorities above it, the one that issued it first. */
  readonly issuers: readonly X509Certificate[];
  readonly problems: readonly Problem[];
}

export interface Inspection {
  readonly ca?: CertificateFile;
  readonly nodes: readonly InspectedNode[];
  /** Everything that is wrong, that of the nodes included. */
  readonly problems: readonly Problem[];
}

/** Looks at all certificates of the fleet and skips what cannot be judged without another one that is missing. */
export function inspectPki(paths: PkiPaths, fleet: MeshFleet, now: Date): Inspection {
  if (!existsSync(paths.ca) && !fleet.nodes.some(({ name }) => existsSync(paths.node(name)))) {
    const nodes = fleet.nodes.map(({ name }) => ({ name, issuers: [], problems: [] }));
    return { nodes, problems: [noneAtAll(paths, fleet)] };
  }
  const caProblems: Problem[] = [];
  const ca = collect(caProblems, () => readAuthorities(paths));
  const nodes = fleet.nodes.map((node) => inspectNode(paths, node, ca, now));
  if (ca !== undefined) caProblems.push(...authorityProblems(paths, ca, nodes, now));
  caProblems.push(...[paths.caKey, paths.nextCaKey].flatMap(readableByOthers));
  return { ...(ca ? { ca } : {}), nodes, problems: [...caProblems, ...nodes.flatMap(({ problems }) => problems)] };
}

/** @throws ProblemError `mesh/certificate-missing`, `mesh/certificate-unreadable` */
export function readAuthorities(paths: PkiPaths): CertificateFile {
  const backup = "put it back from a backup";
  return readCertificateFile(paths.ca, {
    what: "the certificate of the mesh's authority",
    ifMissing: paths.brought
      ? "put the certificate of your authority there, PEM"
      : existsSync(paths.caKey)
        ? `make it again from its key: ${paths.command("npm run mirador -- pki")}`
        : `${backup}, with ca.key`,
    ifUnreadable: paths.brought
      ? "put the certificate of your authority there, PEM"
      : `${backup}; or remove it, and ${paths.command("npm run mirador -- pki")} makes it again from ca.key`,
  });
}

function noneAtAll({ folder, brought, command }: PkiPaths, { name, nodes }: MeshFleet): Problem {
  return {
    code: "mesh/certificate-missing",
    what: `the nodes of fleet ${name} have no certificates for each other: none is in ${folder}`,
    where: brought ? "fleet.mesh.certificates" : folder,
    fix: brought
      ? `put ca.crt and ${nodes.map((node) => `${node.name}.pem`).join(", ")} (certificate, then key) there`
      : command("npm run mirador -- pki"),
  };
}

function inspectNode(paths: PkiPaths, node: MeshNode, ca: CertificateFile | undefined, now: Date): InspectedNode {
  const path = paths.node(node.name);
  const problems: Problem[] = [];
  const file = collect(problems, () =>
    readNodeFile(path, {
      what: `the certificate of ${node.name} with its key`,
      ifMissing: paths.brought
        ? another(paths, node)
        : canIssue(paths)
          ? paths.command("npm run mirador -- pki")
          : withoutKey(paths),
      ifUnreadable: another(paths, node),
    }),
  );
  const issuers = file === undefined || ca === undefined ? [] : issuersOf(file.certificates, ca.certificates);
  problems.push(...readableByOthers(path));
  if (file !== undefined) {
    problems.push(
      ...validity(file.certificates[0], `the certificate of ${node.name}`, path, now, another(paths, node)),
    );
    problems.push(...fitness(paths, node, file));
    if (ca !== undefined && issuers.length === 0) problems.push(otherCa(paths, node, file));
  }
  return { name: node.name, ...(file ? { file } : {}), issuers, problems };
}

function canIssue({ caKey, nextCaKey }: PkiPaths): boolean {
  return existsSync(caKey) || existsSync(nextCaKey);
}

function withoutKey({ caKey, command }: PkiPaths): string {
  const pki = command("npm run mirador -- pki");
  return `run on the machine that has the authority's key: ${pki}; or put ${caKey} back, then ${pki}`;
}

/** How a certificate is had that is as it must be. */
function another({ brought, command }: PkiPaths, { name, address }: MeshNode): string {
  return brought
    ? `have your authority issue one with CN ${name}, DNS ${meshName(name)} and *.${meshName(name)}, IP ${address}, for servers and clients; and put its key below it, without a passphrase`
    : command(`npm run mirador -- pki renew ${name}`);
}

function validity(certificate: X509Certificate, what: string, where: string, now: Date, fix: string): Problem[] {
  if (hasEnded(certificate, now))
    return [{ code: "mesh/certificate-expired", what: `${what} expired on ${certificate.validTo}`, where, fix }];
  if (Date.parse(certificate.validFrom) <= now.getTime()) return [];
  return [
    {
      code: "mesh/certificate-not-yet-valid",
      what: `${what} is valid from ${certificate.validFrom}`,
      where,
      fix: "set this machine's clock, or wait until then",
    },
  ];
}

const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

function fitness(paths: PkiPaths, node: MeshNode, { path, certificates: [certificate], key }: NodeFile): Problem[] {
  const fix = another(paths, node);
  const problems: Problem[] = [];
  if (!certificate.checkPrivateKey(key))
    problems.push({
      code: "mesh/key-mismatch",
      what: `the private key is not that of the certificate of ${node.name}`,
      where: path,
      fix,
    });
  const differences = nameDifferences(certificate, node);
  if (differences.length > 0)
    problems.push({
      code: "mesh/certificate-other-name",
      what: `the certificate is not that of ${node.name} at ${node.address}: ${differences.join(", ")}`,
      where: path,
      fix,
    });
  // Without the extension a certificate is for everything; with it, only for what is listed.
  const uses: readonly string[] | undefined = certificate.keyUsage;
  if (uses !== undefined && !(uses.includes(SERVER_AUTH) && uses.includes(CLIENT_AUTH)))
    problems.push({
      code: "mesh/certificate-unfit",
      what: `the certificate of ${node.name} is not for servers and clients both, and a node is both`,
      where: path,
      fix,
    });
  return problems;
}

function nameDifferences(certificate: X509Certificate, { name, address }: MeshNode): string[] {
  const commonName = certificate.subject
    ?.split("\n")
    .find((part) => part.startsWith("CN="))
    ?.slice("CN=".length);
  const differences: string[] = [];
  // HAProxy lets in only what has the name of a node.
  if (commonName !== name) differences.push(`its CN is ${commonName ?? "missing"}`);
  const carries = (host: string): boolean => certificate.checkHost(host, { subject: "never" }) !== undefined;
  if (!carries(meshName(name))) differences.push(`it lacks ${meshName(name)}`);
  if (!MESH_SERVICE_NAMES.every((service) => carries(serverName(service, name))))
    differences.push(`it lacks *.${meshName(name)}`);
  if (certificate.checkIP(address) === undefined) differences.push(`it lacks ${address}`);
  return differences;
}

function otherCa(paths: PkiPaths, node: MeshNode, { path }: NodeFile): Problem {
  return {
    code: "mesh/certificate-other-ca",
    what: `the certificate of ${node.name} was not issued by an authority in ${paths.ca}`,
    where: path,
    fix: paths.brought ? another(paths, node) : `put the right ca.crt back, or: ${another(paths, node)}`,
  };
}

/** Its nodes refuse each other already, so nothing is to be waited for between the steps. */
export function replaceEndedCa({ command }: PkiPaths): string {
  const rotate = command("npm run mirador -- pki rotate-ca");
  return `${rotate}, then ${rotate} --issue, then deploy every node`;
}

function authorityProblems(
  paths: PkiPaths,
  { path, certificates }: CertificateFile,
  nodes: readonly InspectedNode[],
  now: Date,
): Problem[] {
  const fix = paths.brought ? "put a certificate of your authority there that is valid" : replaceEndedCa(paths);
  const unfit = certificates.filter(({ ca }) => !ca);
  return [
    ...unfit.map(({ subject }): Problem => {
      const what = `${oneLine(subject)} is no certificate of an authority`;
      return { code: "mesh/certificate-unfit", what, where: path, fix: "keep only certificates of authorities there" };
    }),
    ...authoritiesInUse(certificates, nodes).flatMap((certificate) =>
      validity(certificate, `the authority ${oneLine(certificate.subject)}`, path, now, fix),
    ),
  ];
}

/** An old authority that no node's certificate comes from any more may end: nothing depends on it. */
export function authoritiesInUse(
  certificates: CertificateFile["certificates"],
  nodes: readonly InspectedNode[],
): readonly X509Certificate[] {
  if (certificates.length === 1) return certificates;
  return certificates.filter((certificate) => nodes.some(({ issuers }) => issuers.includes(certificate)));
}

function oneLine(subject: string | undefined): string {
  return subject?.replaceAll("\n", ", ") ?? "without a name";
}

function readableByOthers(path: string): Problem[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || (stat.mode & 0o077) === 0) return [];
  return [
    {
      code: "secret/readable-by-others",
      what: `${path} has mode 0${(stat.mode & 0o777).toString(8)} and holds a private key`,
      where: path,
      fix: `chmod 600 ${path}`,
    },
  ];
}
