import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readMeshFiles } from "../../inputs/pki";
import { renewCertificates } from "../../inputs/pki/renew";
import { temporaryFolder } from "../support/folders";
import { contentsOf, type FolderContents, fillFolder, madePki, THREE, TWO } from "../support/pki";
import { codesOf, problemsOfPromise } from "../support/problems";

const NOW = new Date("2030-06-01T00:00:00Z");
const later = (days: number) => new Date(NOW.getTime() + days * 24 * 60 * 60 * 1000);

let made: FolderContents;
let checkout: string;
let folder: string;
beforeAll(async () => {
  made = await madePki(TWO, NOW);
});
beforeEach(() => {
  checkout = temporaryFolder();
  folder = join(checkout, ".mirador/pki/alpha");
  fillFolder(folder, made);
});
const file = (name: string) => join(folder, name);
const text = (name: string) => readFileSync(file(name), "utf8");

describe("renewing", () => {
  const renew = (choice: Parameters<typeof renewCertificates>[3], now = NOW, fleet = TWO) =>
    renewCertificates(checkout, fleet, now, choice);

  test("leaves everything alone that has more than 30 days left", async () => {
    const before = contentsOf(folder);
    expect(await renew("due", later(365 - 31.5))).toEqual([]);
    expect(contentsOf(folder)).toEqual(before);
  });

  test("makes a new key and certificate where 30 days are left, and keeps the old file", async () => {
    const before = text("node1.pem");
    const then = later(365 - 30.5);
    expect(await renew("due", then)).toEqual(["node1", "node2"]);
    expect(contentsOf(folder)["node1.pem.previous"]).toEqual({ text: before, mode: 0o600 });
    expect(contentsOf(folder)["node1.pem"]?.mode).toBe(0o600);
    expect(new X509Certificate(text("node1.pem")).checkPrivateKey(createPrivateKey(before))).toBe(false);
    expect(() => readMeshFiles(checkout, TWO, later(365 + 300))).not.toThrow();
  });

  test("makes those that are named, due or not, and no other", async () => {
    const before = contentsOf(folder);
    expect(await renew(["node2"])).toEqual(["node2"]);
    const { "node2.pem": changed, "node2.pem.previous": previous, ...others } = contentsOf(folder);
    const { "node2.pem": old, ...expected } = before;
    expect(others).toEqual(expected);
    expect(previous).toEqual(old);
    expect(changed).not.toEqual(old);
  });

  test("makes all of them when asked", async () => {
    expect(await renew("all")).toEqual(["node1", "node2"]);
  });

  test("mends what cannot be used: a node that moved, a garbled file, a missing one", async () => {
    const nodes = THREE.nodes.map((node) => (node.name === "node2" ? { ...node, address: "10.9.9.9" } : node));
    writeFileSync(file("node1.pem"), "garbage");
    writeFileSync(file("node1.pem.previous"), "what somebody can go back to");
    const fleet = { ...TWO, nodes };
    expect(await renew("due", NOW, fleet)).toEqual(["node1", "node2", "node3"]);
    expect(() => readMeshFiles(checkout, fleet, NOW)).not.toThrow();
    // Garbage must not take the place of something useful.
    expect(text("node1.pem.previous")).toBe("what somebody can go back to");
  });

  test("does not take a wrong ca.crt for wrong nodes, unless they are named", async () => {
    const other = await madePki(TWO, NOW);
    writeFileSync(file("ca.crt"), other["ca.crt"]?.text ?? "");
    writeFileSync(file("ca.key"), other["ca.key"]?.text ?? "");
    expect(await renew("due")).toEqual([]);
    expect(await renew(["node1"])).toEqual(["node1"]);
  });

  test("fails, and changes nothing, without the authority's key", async () => {
    rmSync(file("ca.key"));
    const before = contentsOf(folder);
    expect(codesOf(await problemsOfPromise(renew("all")))).toEqual([["mesh/ca-key-missing", file("ca.key")]]);
    expect(contentsOf(folder)).toEqual(before);
  });

  test("fails in a folder that somebody else fills", async () => {
    const fleet = { ...TWO, mesh: { certificatesFolder: folder } };
    const problems = await problemsOfPromise(renew("all", NOW, fleet));
    expect(codesOf(problems)).toEqual([["mesh/certificates-brought", "fleet.mesh.certificates"]]);
  });
});
