import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { readTlsFiles } from "../../inputs/tls";
import { EXPIRED, makeCertificate, NOT_YET_VALID, openssl } from "../support/certificates";
import { temporaryFolder } from "../support/folders";
import { codesOf, problemsOf } from "../support/problems";

const NOW = new Date("2030-06-01T00:00:00Z");
const CERTIFICATE = "fleet.haproxy.tls.certificatePath";
const KEY = "fleet.haproxy.tls.keyPath";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
  makeCertificate(folder, "good");
});
const read = (certificatePath: string, keyPath?: string, now = NOW) =>
  readTlsFiles(folder, { certificatePath, ...(keyPath === undefined ? {} : { keyPath }) }, now);
const codes = (...parameters: Parameters<typeof read>) => codesOf(problemsOf(() => read(...parameters)));
const text = (file: string) => readFileSync(join(folder, file), "utf8");

describe("a certificate with its key", () => {
  test("is taken from two files, whose absolute places are told", () => {
    expect(read("good.pem", "good.key")).toEqual({
      certificatePath: join(folder, "good.pem"),
      keyPath: join(folder, "good.key"),
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  test.each([
    ["certificate first", ["good.pem", "good.key"]],
    ["key first", ["good.key", "good.pem"]],
  ])("is taken from one file, %s", (_, parts) => {
    writeFileSync(join(folder, "both.pem"), parts.map(text).join(""));
    expect(read("both.pem")).toMatchObject({ certificatePath: join(folder, "both.pem") });
    expect(read("both.pem")).not.toHaveProperty("keyPath");
  });

  test("has a fingerprint that changes with either file and with nothing else", () => {
    makeCertificate(folder, "other");
    const { fingerprint } = read("good.pem", "good.key");
    expect(read("good.pem", "good.key").fingerprint).toBe(fingerprint);
    expect(read("other.pem", "other.key").fingerprint).not.toBe(fingerprint);
    writeFileSync(join(folder, "good.key"), `${text("good.key")}\n`);
    expect(read("good.pem", "good.key").fingerprint).not.toBe(fingerprint);
  });

  test("may stand before the certificates of its chain", () => {
    makeCertificate(folder, "issuer");
    writeFileSync(join(folder, "chain.pem"), `${text("good.pem")}${text("issuer.pem")}`);
    expect(() => read("chain.pem", "good.key")).not.toThrow();
  });
});

describe("fails when the certificate", () => {
  test("is missing", () => {
    expect(codes("nowhere.pem", "good.key")).toEqual([["tls/certificate-unreadable", CERTIFICATE]]);
  });

  test.each(["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])(
    "holds %j",
    (content) => {
      writeFileSync(join(folder, "bad.pem"), content);
      expect(codes("bad.pem", "good.key")).toEqual([["tls/certificate-unreadable", CERTIFICATE]]);
    },
  );

  test("is a folder", () => {
    expect(codes(".", "good.key")).toEqual([["tls/certificate-unreadable", CERTIFICATE]]);
  });

  test("has expired", () => {
    makeCertificate(folder, "old", EXPIRED);
    expect(codes("old.pem", "old.key")).toEqual([["tls/certificate-expired", CERTIFICATE]]);
  });

  test("is not valid yet", () => {
    makeCertificate(folder, "early", NOT_YET_VALID);
    expect(codes("early.pem", "early.key")).toEqual([["tls/certificate-not-yet-valid", CERTIFICATE]]);
  });

  test("ends in this very second", () => {
    makeCertificate(folder, "old", EXPIRED);
    expect(codes("old.pem", "old.key", new Date("2020-02-01T00:00:00Z"))).toEqual([
      ["tls/certificate-expired", CERTIFICATE],
    ]);
    expect(() => read("old.pem", "old.key", new Date("2020-01-31T23:59:59Z"))).not.toThrow();
  });

  test("belongs to another key, and tells at once that it has expired", () => {
    makeCertificate(folder, "old", EXPIRED);
    expect(codes("old.pem", "good.key")).toEqual([
      ["tls/certificate-expired", CERTIFICATE],
      ["tls/key-mismatch", CERTIFICATE],
    ]);
  });
});

describe("fails when the key", () => {
  test("is missing", () => {
    expect(codes("good.pem", "nowhere.key")).toEqual([["tls/key-unreadable", KEY]]);
  });

  test("does not stand beside the certificate in the only file", () => {
    expect(codes("good.pem")).toEqual([["tls/key-unreadable", CERTIFICATE]]);
  });

  test("has a passphrase, which nobody could type at a reload", () => {
    openssl(
      "pkcs8",
      "-topk8",
      "-in",
      join(folder, "good.key"),
      "-passout",
      "pass:secret",
      "-out",
      join(folder, "locked.key"),
    );
    const [problem] = problemsOf(() => read("good.pem", "locked.key"));
    expect(problem).toMatchObject({ code: "tls/key-unreadable", where: KEY });
    expect(problem?.fix).toContain("without a passphrase");
  });

  test("is unreadable, together with the certificate: both are told at once", () => {
    expect(codes("nowhere.pem", "nowhere.key")).toEqual([
      ["tls/certificate-unreadable", CERTIFICATE],
      ["tls/key-unreadable", KEY],
    ]);
  });
});
