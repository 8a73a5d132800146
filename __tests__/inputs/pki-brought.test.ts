import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { ensurePki, type MeshFleet, readMeshFiles } from "../../inputs/pki";
import { MESH_SERVICE_NAMES, serverName } from "../../lib/mesh/services";
import { openssl } from "../support/certificates";
import { temporaryFolder } from "../support/folders";
import { codesOf, problemsOf, problemsOfPromise } from "../support/problems";

/** `openssl` issues by this machine's clock. */
const NOW = new Date(Date.now() + 24 * 60 * 60 * 1000);
const FLEET: MeshFleet = {
  name: "alpha",
  nodes: [{ name: "node1", address: "10.0.0.11" }],
  mesh: { certificatesFolder: "own" },
};
const NAMES = "DNS:node1.mesh,DNS:*.node1.mesh,IP:10.0.0.11";
const AUTHORITY = "basicConstraints=critical,CA:true\nkeyUsage=keyCertSign";

let checkout: string;
const file = (name: string) => join(checkout, "own", name);
const text = (...names: string[]) => names.map((name) => readFileSync(file(name), "utf8")).join("");
const place = (name: string, content: string) => writeFileSync(file(name), content, { mode: 0o600 });
const read = () => readMeshFiles(checkout, FLEET, NOW);
const codes = () => codesOf(problemsOf(read));

/** Writes `NAME.crt` and `NAME.key`, as somebody else's authority does. */
function issue(
  name: string,
  cn: string,
  extensions: string,
  issuer?: string,
  key = ["ec", "ec_paramgen_curve:P-256"],
): void {
  const [algorithm = "", option = ""] = key;
  const extensionFile = file(`${name}.ext`);
  place(`${name}.ext`, extensions);
  openssl("genpkey", "-algorithm", algorithm, "-pkeyopt", option, "-out", file(`${name}.key`));
  openssl("req", "-new", "-subj", `/CN=${cn}`, "-key", file(`${name}.key`), "-out", file(`${name}.csr`));
  const signer =
    issuer === undefined
      ? ["-signkey", file(`${name}.key`)]
      : ["-CA", file(`${issuer}.crt`), "-CAkey", file(`${issuer}.key`), "-CAcreateserial"];
  const days = ["-days", "100", "-extfile", extensionFile];
  openssl("x509", "-req", "-in", file(`${name}.csr`), ...signer, ...days, "-out", file(`${name}.crt`));
}

beforeEach(() => {
  checkout = temporaryFolder();
  mkdirSync(join(checkout, "own"));
  issue("ca", "Company Root", AUTHORITY);
});
const issueNode = (extensions: string, issuer = "ca", cn = "node1", key?: string[]) => {
  issue("leaf", cn, extensions, issuer, key);
  place("node1.pem", text("leaf.crt", "leaf.key"));
};

test("a certificate without a list of uses is taken, and its folder is relative to the checkout", () => {
  issueNode(`subjectAltName=${NAMES}`);
  expect(read()).toMatchObject({ caPath: file("ca.crt"), certificates: { node1: { path: file("node1.pem") } } });
});

test("an RSA key is taken", () => {
  issueNode(`subjectAltName=${NAMES}`, "ca", "node1", ["RSA", "rsa_keygen_bits:2048"]);
  expect(read).not.toThrow();
});

test("every name written out is as good as the wildcard, and one that is left out is noticed", () => {
  const services = MESH_SERVICE_NAMES.map((service) => `DNS:${serverName(service, "node1")}`);
  issueNode(`subjectAltName=DNS:node1.mesh,IP:10.0.0.11,${services.join(",")}`);
  expect(read).not.toThrow();
  issueNode(`subjectAltName=DNS:node1.mesh,IP:10.0.0.11,${services.slice(1).join(",")}`);
  expect(codes()).toEqual([["mesh/certificate-other-name", file("node1.pem")]]);
});

test.each([
  ["the node's file", false],
  ["ca.crt", true],
])("an authority in between may stand in %s", (_, inCa) => {
  issue("between", "Company Mesh", AUTHORITY, "ca");
  issueNode(`subjectAltName=${NAMES}`, "between");
  if (inCa) place("ca.crt", text("ca.crt", "between.crt"));
  else place("node1.pem", text("leaf.crt", "between.crt", "leaf.key"));
  expect(read).not.toThrow();
});

test("fails when the authority in between is nowhere", () => {
  issue("between", "Company Mesh", AUTHORITY, "ca");
  issueNode(`subjectAltName=${NAMES}`, "between");
  expect(codes()).toEqual([["mesh/certificate-other-ca", file("node1.pem")]]);
});

test.each(["serverAuth", "clientAuth"])("fails for a certificate that is only for %s", (use) => {
  issueNode(`subjectAltName=${NAMES}\nextendedKeyUsage=${use}`);
  expect(codes()).toEqual([["mesh/certificate-unfit", file("node1.pem")]]);
});

test("fails for another CN, which the other nodes' balancers would refuse", () => {
  issueNode(`subjectAltName=${NAMES}`, "ca", "node1.example.com");
  const [problem] = problemsOf(read);
  expect(problem).toMatchObject({
    code: "mesh/certificate-other-name",
    what: "the certificate is not that of node1 at 10.0.0.11: its CN is node1.example.com",
  });
  expect(problem?.fix).toMatch(
    /^have your authority issue one with CN node1, DNS node1\.mesh and \*\.node1\.mesh, IP 10/,
  );
});

test("fails for names that stand only in the CN, where nobody looks for them any more", () => {
  issueNode("basicConstraints=CA:false", "ca", "node1.mesh");
  expect(problemsOf(read)[0]?.what).toMatch(
    /: its CN is node1\.mesh, it lacks node1\.mesh, it lacks \*\.node1\.mesh, it lacks 10\.0\.0\.11$/,
  );
});

test("fails for the certificate of another authority that only has the same name", () => {
  const withoutIds = "subjectKeyIdentifier=none\nauthorityKeyIdentifier=none";
  issue("ca", "Company Root", `${AUTHORITY}\n${withoutIds}`);
  issueNode(`subjectAltName=${NAMES}\n${withoutIds}`);
  expect(read).not.toThrow();
  issue("ca", "Company Root", `${AUTHORITY}\n${withoutIds}`);
  expect(codes()).toEqual([["mesh/certificate-other-ca", file("node1.pem")]]);
});

test("fails for a key with a passphrase, which nobody could type at a reload", () => {
  issueNode(`subjectAltName=${NAMES}`);
  openssl("pkcs8", "-topk8", "-in", file("leaf.key"), "-passout", "pass:secret", "-out", file("locked.key"));
  place("node1.pem", text("leaf.crt", "locked.key"));
  const problems = problemsOf(read);
  expect(codesOf(problems)).toEqual([["mesh/certificate-unreadable", file("node1.pem")]]);
  expect(problems[0]?.fix).toContain("without a passphrase");
});

test("fails without a key", () => {
  issueNode(`subjectAltName=${NAMES}`);
  place("node1.pem", text("leaf.crt"));
  expect(codes()).toEqual([["mesh/certificate-unreadable", file("node1.pem")]]);
});

test("fails to make anything there", async () => {
  const before = readdirSync(join(checkout, "own"));
  const problems = await problemsOfPromise(ensurePki(checkout, FLEET, NOW));
  expect(codesOf(problems)).toEqual([["mesh/certificates-brought", "fleet.mesh.certificates"]]);
  expect(readdirSync(join(checkout, "own"))).toEqual(before);
});
