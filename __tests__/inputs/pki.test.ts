import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ensurePki, expiryWarnings, meshFor, readMeshFiles } from "../../inputs/pki";
import { inspectPki } from "../../inputs/pki/inspect";
import { authorityCertificate, newKey, nodeCertificate } from "../../inputs/pki/issue";
import { pkiPaths } from "../../inputs/pki/paths";
import { makeCertificate } from "../support/certificates";
import { temporaryFolder } from "../support/folders";
import { type FolderContents, fillFolder, madePki, THREE, TWO } from "../support/pki";
import { codesOf, problemsOf, problemsOfPromise } from "../support/problems";

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
const NODE1 = { name: "node1", address: "10.0.0.11" };
const codes = (fleet = TWO, now = NOW) => codesOf(problemsOf(() => readMeshFiles(checkout, fleet, now)));

describe("reading", () => {
  beforeEach(given);

  test("gives the places of all files, and their fingerprints", () => {
    const fingerprint = (name: string) => createHash("sha256").update(text(name)).digest("hex");
    expect(readMeshFiles(checkout, TWO, NOW)).toEqual({
      caPath: file("ca.crt"),
      caFingerprint: fingerprint("ca.crt"),
      certificates: {
        node1: { path: file("node1.pem"), fingerprint: fingerprint("node1.pem") },
        node2: { path: file("node2.pem"), fingerprint: fingerprint("node2.pem") },
      },
    });
  });

  test("needs no key of the authority", () => {
    rmSync(file("ca.key"));
    expect(() => readMeshFiles(checkout, TWO, NOW)).not.toThrow();
  });

  test("takes several authorities, and one that has ended when no node depends on it", async () => {
    const old = await authorityCertificate(newKey(), "alpha", days(-3660));
    write("ca.crt", old + text("ca.crt"));
    expect(() => readMeshFiles(checkout, TWO, NOW)).not.toThrow();
  });

  describe("fails", () => {
    test("when there is nothing at all, which is one problem and not one for each node", () => {
      rmSync(folder, { recursive: true });
      expect(codes()).toEqual([["mesh/certificate-missing", folder]]);
      const [problem] = problemsOf(() => readMeshFiles(checkout, TWO, NOW));
      expect(problem?.fix).toBe("npm run mirador -- pki");
      const [named] = problemsOf(() => readMeshFiles(checkout, { ...TWO, module: "examples/two-nodes.ts" }, NOW));
      expect(named?.fix).toBe("MIRADOR_FLEET=examples/two-nodes.ts npm run mirador -- pki");
      const [spaced] = problemsOf(() => readMeshFiles(checkout, { ...TWO, module: "my fleet.ts" }, NOW));
      expect(spaced?.fix).toBe("MIRADOR_FLEET='my fleet.ts' npm run mirador -- pki");
    });

    test.each(["ca.crt", "node2.pem"])("when %s is missing", (name) => {
      rmSync(file(name));
      const problems = problemsOf(() => readMeshFiles(checkout, TWO, NOW));
      expect(codesOf(problems)).toEqual([["mesh/certificate-missing", file(name)]]);
      expect(problems[0]?.fix).toContain("npm run mirador -- pki");
      rmSync(file("ca.key"));
      const [withoutKey] = problemsOf(() => readMeshFiles(checkout, TWO, NOW));
      expect(withoutKey?.fix).toContain("back");
    });

    test.each(["", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])(
      "when files hold %j",
      (content) => {
        write("ca.crt", content);
        write("node1.pem", content);
        expect(codes()).toEqual([
          ["mesh/certificate-unreadable", file("ca.crt")],
          ["mesh/certificate-unreadable", file("node1.pem")],
        ]);
      },
    );

    test("when a file was cut off in its key", () => {
      write("node1.pem", text("node1.pem").slice(0, -60));
      expect(codes()).toEqual([["mesh/certificate-unreadable", file("node1.pem")]]);
    });

    test("when a folder stands in the place of a file", () => {
      rmSync(file("node1.pem"));
      mkdirSync(file("node1.pem"), { mode: 0o700 });
      expect(codes()).toEqual([["mesh/certificate-unreadable", file("node1.pem")]]);
    });

    test("when certificates have expired, to the second", () => {
      expect(() => readMeshFiles(checkout, TWO, new Date("2031-05-31T23:59:59Z"))).not.toThrow();
      expect(codes(TWO, new Date("2031-06-01T00:00:00Z"))).toEqual([
        ["mesh/certificate-expired", file("node1.pem")],
        ["mesh/certificate-expired", file("node2.pem")],
      ]);
    });

    test("when the authority has expired", () => {
      expect(codes(TWO, days(3653))).toEqual([
        ["mesh/certificate-expired", file("ca.crt")],
        ["mesh/certificate-expired", file("node1.pem")],
        ["mesh/certificate-expired", file("node2.pem")],
      ]);
    });

    test("when this machine's clock is before them", () => {
      expect(codes(TWO, days(-1)).map(([code]) => code)).toEqual(Array(3).fill("mesh/certificate-not-yet-valid"));
    });

    test("when a key belongs to another certificate", () => {
      const [own, other] = [text("node1.pem"), text("node2.pem")];
      write(
        "node1.pem",
        own.slice(0, own.indexOf("-----BEGIN PRIVATE")) + other.slice(other.indexOf("-----BEGIN PRIV")),
      );
      expect(codes()).toEqual([["mesh/key-mismatch", file("node1.pem")]]);
    });

    test("when another authority of the same fleet issued it", async () => {
      const key = newKey();
      const authority = { key, certificate: await authorityCertificate(key, "alpha", NOW) };
      write("node1.pem", await nodeCertificate(authority, NODE1, NOW));
      expect(codes()).toEqual([["mesh/certificate-other-ca", file("node1.pem")]]);
    });

    test("when the node has another address by now", () => {
      const moved = { ...TWO, nodes: [NODE1, { name: "node2", address: "10.9.9.9" }] };
      const [problem, ...others] = problemsOf(() => readMeshFiles(checkout, moved, NOW));
      expect(others).toEqual([]);
      expect(problem).toMatchObject({
        code: "mesh/certificate-other-name",
        what: expect.stringContaining("it lacks 10.9.9.9"),
        fix: "npm run mirador -- pki renew node2",
      });
    });

    test("when it is the certificate of another node", () => {
      write("node1.pem", text("node2.pem"));
      const [problem, ...others] = problemsOf(() => readMeshFiles(checkout, TWO, NOW));
      expect(others).toEqual([]);
      expect(problem?.what).toContain(
        "its CN is node2, it lacks node1.mesh, it lacks *.node1.mesh, it lacks 10.0.0.11",
      );
    });

    test("when a node's certificate stands in ca.crt", () => {
      write("ca.crt", text("ca.crt") + text("node1.pem"));
      expect(codes()).toEqual([["mesh/certificate-unfit", file("ca.crt")]]);
    });

    test.each(["ca.key", "node1.pem"])("when others may read %s", (name) => {
      chmodSync(file(name), 0o640);
      const problems = problemsOf(() => readMeshFiles(checkout, TWO, NOW));
      expect(problems).toEqual([
        expect.objectContaining({ code: "secret/readable-by-others", fix: `chmod 600 ${file(name)}` }),
      ]);
    });

    test("with everything that is wrong at once", async () => {
      chmodSync(file("ca.key"), 0o644);
      write("node1.pem", text("node2.pem"));
      rmSync(file("node2.pem"));
      expect(codes(THREE, days(400))).toEqual([
        ["secret/readable-by-others", file("ca.key")],
        ["mesh/certificate-expired", file("node1.pem")],
        ["mesh/certificate-other-name", file("node1.pem")],
        ["mesh/certificate-missing", file("node2.pem")],
        ["mesh/certificate-missing", file("node3.pem")],
      ]);
    });
  });
});

describe("warnings", () => {
  beforeEach(given);
  const warnings = (now: Date, fleet = TWO) => {
    const paths = pkiPaths(checkout, fleet);
    return expiryWarnings(paths, inspectPki(paths, fleet, now), now);
  };

  test("begin at 30 days and name the command", () => {
    expect(warnings(days(365 - 31))).toEqual([]);
    expect(warnings(days(365 - 30))).toEqual([
      "the certificate of node1 for the mesh ends in 30 days, on 2031-06-01: npm run mirador -- pki renew node1, then npx cdktf deploy node1",
      "the certificate of node2 for the mesh ends in 30 days, on 2031-06-01: npm run mirador -- pki renew node2, then npx cdktf deploy node2",
    ]);
    expect(warnings(days(364))[0]).toContain("ends in 1 day, on");
  });

  test("end where the problem begins", () => {
    expect(warnings(days(365))).toEqual([]);
  });

  test("name the authority, and not what ends with it and gains nothing by renewal", async () => {
    rmSync(file("node1.pem"));
    rmSync(file("node2.pem"));
    await ensurePki(checkout, TWO, new Date("2040-01-01T00:00:00Z"));
    expect(warnings(new Date("2040-05-22T00:00:00Z"))).toEqual([
      "the authority of the mesh ends in 10 days, on 2040-06-01: npm run mirador -- pki rotate-ca",
    ]);
  });

  test("name the fleet as the person did, so that the command works as it is", () => {
    const [first] = warnings(days(350), { ...TWO, module: "examples/two-nodes.ts" });
    expect(first).toMatch(
      /: MIRADOR_FLEET=examples\/two-nodes\.ts npm run mirador -- pki renew node1, then MIRADOR_FLEET=examples\/two-nodes\.ts npx cdktf deploy node1$/,
    );
  });

  test("send the owner of another authority there", () => {
    const [first] = warnings(days(350), { ...TWO, mesh: { certificatesFolder: folder } });
    expect(first).toMatch(/: have your authority renew it$/);
  });

  test("are none where nothing can be read", () => {
    rmSync(folder, { recursive: true });
    expect(warnings(NOW)).toEqual([]);
  });
});

describe("for a plan", () => {
  const said: string[] = [];
  const say = (line: string) => said.push(line);
  beforeEach(() => {
    said.length = 0;
  });

  test("they are made where nothing was deployed yet, once, and that is told", async () => {
    const first = await meshFor(checkout, TWO, NOW, { mayCreate: true, say });
    expect(said).toEqual([
      `made the authority of the mesh and certificates of node1, node2 in ${folder}; keep a copy of that folder`,
    ]);
    expect(await meshFor(checkout, TWO, NOW, { mayCreate: true, say })).toEqual(first);
    expect(await meshFor(checkout, TWO, NOW, { mayCreate: false, say })).toEqual(first);
    expect(said).toHaveLength(1);
  });

  test("an interrupted first run is completed", async () => {
    given();
    rmSync(file("node2.pem"));
    await meshFor(checkout, TWO, NOW, { mayCreate: true, say });
    expect(said).toEqual([`made the certificate of node2 in ${folder}; keep a copy of that folder`]);
  });

  test("fails, and makes nothing, where something may be deployed already", async () => {
    const attempt = meshFor(checkout, TWO, NOW, { mayCreate: false, say });
    expect(codesOf(await problemsOfPromise(attempt))).toEqual([["mesh/certificate-missing", folder]]);
    expect(existsSync(folder)).toBe(false);
    expect(said).toEqual([]);
  });

  test("fails, and makes nothing, in a folder that somebody else fills", async () => {
    const fleet = { ...TWO, mesh: { certificatesFolder: "certificates" } };
    const attempt = meshFor(checkout, fleet, NOW, { mayCreate: true, say });
    const problems = await problemsOfPromise(attempt);
    expect(codesOf(problems)).toEqual([["mesh/certificate-missing", "fleet.mesh.certificates"]]);
    expect(problems[0]?.fix).toBe("put ca.crt and node1.pem, node2.pem (certificate, then key) there");
    expect(readdirSync(checkout)).toEqual([]);
  });
});

test("a certificate for itself is nobody's authority", () => {
  mkdirSync(folder, { recursive: true });
  makeCertificate(folder, "own");
  write("node1.pem", text("own.pem") + text("own.key"));
  write("ca.crt", text("own.pem"));
  expect(codes({ ...TWO, nodes: [NODE1] }).map(([code]) => code)).toContain("mesh/certificate-unfit");
});
