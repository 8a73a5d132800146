import { createPrivateKey, X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ensurePki, readMeshFiles } from "../../inputs/pki";
import { newKey } from "../../inputs/pki/issue";
import { temporaryFolder } from "../support/folders";
import { contentsOf, type FolderContents, fillFolder, madePki, THREE, TWO } from "../support/pki";
import { codesOf, problemsOfPromise } from "../support/problems";

const NOW = new Date("2030-06-01T00:00:00Z");
const DAY = 24 * 60 * 60 * 1000;
const days = (count: number) => new Date(NOW.getTime() + count * DAY);

let made: FolderContents;
let checkout: string;
let folder: string;
beforeAll(async () => {
  made = await madePki(TWO, NOW);
});
beforeEach(() => {
  checkout = temporaryFolder();
  folder = join(checkout, ".mirador/pki/alpha");
});
/** As after `ensurePki` at `NOW`. */
const given = () => fillFolder(folder, made);
const file = (name: string) => join(folder, name);
const text = (name: string) => readFileSync(file(name), "utf8");
const write = (name: string, content: string) => writeFileSync(file(name), content, { mode: 0o600 });
const contents = () => contentsOf(folder);
const certificate = (name: string) => new X509Certificate(text(name));
const modeOf = (path: string) => statSync(path).mode & 0o777;

describe("making", () => {
  test("gives the fleet an authority of ten years", async () => {
    expect(await ensurePki(checkout, TWO, NOW)).toEqual({ folder, ca: true, nodes: ["node1", "node2"] });
    const ca = certificate("ca.crt");
    expect(ca.subject).toMatch(/^CN=alpha mesh CA [0-9a-f]{8}$/);
    expect(ca.ca && ca.verify(ca.publicKey)).toBe(true);
    expect([ca.validFrom, ca.validTo].map((date) => new Date(date).toISOString())).toEqual([
      "2030-05-31T23:00:00.000Z",
      "2040-06-01T00:00:00.000Z",
    ]);
  });

  test("gives each node a certificate of a year that carries its names and its address", async () => {
    await ensurePki(checkout, TWO, NOW);
    const [ca, node] = [certificate("ca.crt"), certificate("node2.pem")];
    expect(node.checkIssued(ca) && node.verify(ca.publicKey)).toBe(true);
    expect(node.checkPrivateKey(createPrivateKey(text("node2.pem")))).toBe(true);
    expect(node.subject).toBe("CN=node2");
    expect(node.subjectAltName).toBe("DNS:node2.mesh, DNS:*.node2.mesh, IP Address:10.0.0.12");
    expect(node.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    expect(node.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
    expect(node.ca).toBe(false);
    expect([node.validFrom, node.validTo].map((date) => new Date(date).toISOString())).toEqual([
      "2030-05-31T23:00:00.000Z",
      "2031-06-01T00:00:00.000Z",
    ]);
  });

  test("gives no serial number and no key twice, and all numbers are positive and of one length", async () => {
    await ensurePki(checkout, TWO, NOW);
    const made = ["ca.crt", "node1.pem", "node2.pem"].map(certificate);
    for (const { serialNumber } of made) expect(serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
    expect(new Set(made.map(({ serialNumber }) => serialNumber)).size).toBe(3);
    expect(new Set(made.map(({ publicKey }) => publicKey.export({ type: "spki", format: "pem" }))).size).toBe(3);
  });

  test("writes the certificate first, then the key, and no empty line: HAProxy's socket would end there", async () => {
    await ensurePki(checkout, TWO, NOW);
    expect(text("node1.pem")).toMatch(/^-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n-----BEGIN PRIV/);
    expect(text("node1.pem")).toMatch(/-----END PRIVATE KEY-----\n$/);
    for (const { text: content } of Object.values(contents())) expect(content).not.toContain("\n\n");
  });

  describe.each([0o000, 0o022, 0o077])("under umask %o", (umask) => {
    let before: number;
    beforeEach(() => {
      before = process.umask(umask);
    });
    afterEach(() => {
      process.umask(before);
    });

    test("keys can be read by nobody else, and the authority's certificate by all", async () => {
      await ensurePki(checkout, TWO, NOW);
      const modes = Object.fromEntries(readdirSync(folder).map((name) => [name, modeOf(file(name))]));
      expect(modes).toEqual({ "ca.crt": 0o644, "ca.key": 0o600, "node1.pem": 0o600, "node2.pem": 0o600 });
      expect([folder, join(checkout, ".mirador")].map(modeOf)).toEqual([0o700, 0o700]);
    });
  });

  test("a second time changes nothing", async () => {
    await ensurePki(checkout, TWO, NOW);
    const before = contents();
    expect(await ensurePki(checkout, TWO, days(400))).toEqual({ folder, ca: false, nodes: [] });
    expect(contents()).toEqual(before);
  });

  test("adds a new node and leaves the others as they are", async () => {
    given();
    const before = contents();
    expect(await ensurePki(checkout, THREE, days(10))).toEqual({ folder, ca: false, nodes: ["node3"] });
    const { "node3.pem": _, ...others } = contents();
    expect(others).toEqual(before);
    expect(() => readMeshFiles(checkout, THREE, days(10))).not.toThrow();
  });

  test.each([
    ["the key", ["ca.key"]],
    ["the authority", ["ca.key", "ca.crt"]],
    ["the authority and one node", ["ca.key", "ca.crt", "node1.pem"]],
    ["everything but the authority's certificate", ["ca.key", "node1.pem", "node2.pem"]],
  ])("completes what an interrupted run left: %s", async (_, kept) => {
    given();
    const before = contents();
    for (const name of readdirSync(folder)) if (!kept.includes(name)) rmSync(file(name));
    write(".node1.pem.0123456789ab", "half a fi");
    await ensurePki(checkout, TWO, NOW);
    for (const name of kept) expect(text(name)).toBe(before[name]?.text);
    expect(() => readMeshFiles(checkout, TWO, NOW)).not.toThrow();
  });

  test("two runs at once end with one authority", async () => {
    const made = await Promise.all([1, 2, 3].map(() => ensurePki(checkout, TWO, NOW)));
    expect(made.filter(({ ca }) => ca)).toHaveLength(1);
    expect(made.flatMap(({ nodes }) => nodes).sort()).toEqual(["node1", "node2"]);
    expect(() => readMeshFiles(checkout, TWO, NOW)).not.toThrow();
    expect(readdirSync(folder)).toHaveLength(4);
  });

  test("no certificate outlives its authority", async () => {
    given();
    await ensurePki(checkout, THREE, new Date("2039-12-01T00:00:00Z"));
    expect(certificate("node3.pem").validTo).toBe(certificate("ca.crt").validTo);
  });

  test("dates beyond 2049, which are written in another form, arrive too", async () => {
    await ensurePki(checkout, TWO, new Date("2049-06-01T00:00:00Z"));
    expect(certificate("ca.crt").validTo).toBe("Jun  1 00:00:00 2059 GMT");
    expect(certificate("node1.pem").validTo).toBe("Jun  1 00:00:00 2050 GMT");
  });

  describe("fails, and changes nothing,", () => {
    const failure = async (fleet = THREE, now = NOW) => {
      const before = contents();
      const problems = await problemsOfPromise(ensurePki(checkout, fleet, now));
      expect(contents()).toEqual(before);
      return codesOf(problems);
    };
    beforeEach(given);

    test("without the authority's key when a node's certificate is missing", async () => {
      rmSync(file("ca.key"));
      expect(await failure()).toEqual([["mesh/ca-key-missing", file("ca.key")]]);
    });

    test("without the authority and its key when nodes have certificates of it", async () => {
      rmSync(file("ca.key"));
      rmSync(file("ca.crt"));
      expect(await failure()).toEqual([["mesh/ca-key-missing", file("ca.key")]]);
    });

    test("with the key of another authority", async () => {
      write("ca.key", newKey());
      expect(await failure()).toEqual([["mesh/key-mismatch", file("ca.key")]]);
    });

    test.each(["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])(
      "with the key %j",
      async (content) => {
        write("ca.key", content);
        expect(await failure()).toEqual([["mesh/certificate-unreadable", file("ca.key")]]);
      },
    );

    test("with an authority that has ended", async () => {
      expect(await failure(THREE, days(3653))).toEqual([["mesh/certificate-expired", file("ca.crt")]]);
    });

    test("in a folder that somebody else fills", async () => {
      const brought = { ...THREE, mesh: { certificatesFolder: folder } };
      expect(await failure(brought)).toEqual([["mesh/certificates-brought", "fleet.mesh.certificates"]]);
    });
  });

  test("says that a missing key may be replaced together with its authority", async () => {
    given();
    rmSync(file("ca.key"));
    const [problem] = await problemsOfPromise(ensurePki(checkout, THREE, NOW));
    expect(problem?.fix).toContain("npm run mirador -- pki rotate-ca");
  });
});
