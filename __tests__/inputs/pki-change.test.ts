import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ensurePki, readMeshFiles } from "../../inputs/pki";
import { newKey } from "../../inputs/pki/issue";
import { renewCertificates } from "../../inputs/pki/renew";
import { beginCaChange, finishCaChange, issueByNextCa, nextStep } from "../../inputs/pki/rotate";
import { temporaryFolder } from "../support/folders";
import { contentsOf, type FolderContents, fillFolder, madePki, THREE, TWO } from "../support/pki";
import { problemsOfPromise } from "../support/problems";

// The clock of this machine: real handshakes judge by it.
const NOW = new Date();
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
const certificatesIn = (name: string) =>
  (text(name).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (block) => new X509Certificate(block),
  );
/** Subject of the authority that issued a node's certificate, told by its signature. */
const issuerOf = (name: string) =>
  certificatesIn("ca.crt").find(({ publicKey }) => new X509Certificate(text(name)).verify(publicKey))?.subject;
const subjects = () => certificatesIn("ca.crt").map(({ subject }) => subject);

/** What of the folder is on a node after its deploy. */
interface Deployed {
  readonly ca: string;
  readonly pem: string;
}
const deployed = (node: string): Deployed => ({ ca: text("ca.crt"), pem: text(`${node}.pem`) });

/** A node calls a service of another one, as the balancers do: both show certificates, and the server's carries the name. */
async function call(client: Deployed, server: Deployed, serverNode: string): Promise<string> {
  const listener = createServer({ ca: server.ca, cert: server.pem, key: server.pem, requestCert: true }, (socket) => {
    socket.on("error", () => undefined);
    socket.end(`hello ${socket.getPeerCertificate().subject.CN}`);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const servername = `vmstorage.${serverNode}.mesh`;
  const socket = connect({ port, host: "127.0.0.1", servername, ca: client.ca, cert: client.pem, key: client.pem });
  try {
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk;
    });
    await once(socket, "end");
    // A refusal of the client's certificate arrives after its handshake, or as an end without a word.
    if (received === "") throw new Error("hung up");
    return received;
  } finally {
    socket.destroy();
    listener.close();
  }
}

/** Whatever of two deploys a node has, it calls every other one and is heard. */
async function expectNoneCutOff(before: readonly Deployed[], after: readonly Deployed[]): Promise<void> {
  for (const [one, two] of [
    [before[0], after[1]] as const,
    [after[0], before[1]] as const,
    [after[0], after[1]] as const,
  ]) {
    if (one === undefined || two === undefined) throw new Error("two nodes are needed");
    expect(await call(one, two, "node2")).toBe("hello node1");
    expect(await call(two, one, "node1")).toBe("hello node2");
  }
}

describe("a change of the authority", () => {
  const bothDeployed = () => [deployed("node1"), deployed("node2")] as const;
  const failure = async (attempt: Promise<unknown>) => {
    const before = contentsOf(folder);
    const problems = await problemsOfPromise(attempt);
    expect(contentsOf(folder)).toEqual(before);
    return problems;
  };

  test("cuts nobody off: after each step every node understands those before and after it", async () => {
    const start = bothDeployed();
    await beginCaChange(checkout, TWO, NOW);
    const begun = bothDeployed();
    await expectNoneCutOff(start, begun);
    await issueByNextCa(checkout, TWO, NOW);
    const issued = bothDeployed();
    await expectNoneCutOff(begun, issued);
    await finishCaChange(checkout, TWO, NOW);
    const finished = bothDeployed();
    await expectNoneCutOff(issued, finished);
    // And the old authority is really gone: what it issued is no longer heard.
    await expect(call(start[0], finished[1], "node2")).rejects.toThrow();
    await expect(call({ ...start[0], ca: finished[0].ca }, finished[1], "node2")).rejects.toThrow();
  });

  test("shows its steps in the files", async () => {
    const [old] = subjects();
    const oldKey = text("ca.key");
    await beginCaChange(checkout, TWO, NOW);
    const [first, next, ...others] = subjects();
    expect([first, others]).toEqual([old, []]);
    expect(next).not.toBe(old);
    expect([text("ca.key"), issuerOf("node1.pem"), issuerOf("node2.pem")]).toEqual([oldKey, old, old]);
    expect(contentsOf(folder)["ca-next.key"]?.mode).toBe(0o600);
    expect(contentsOf(folder)["ca.crt"]?.mode).toBe(0o644);

    expect(await issueByNextCa(checkout, TWO, NOW)).toEqual(["node1", "node2"]);
    expect(subjects()).toEqual([old, next]);
    expect([issuerOf("node1.pem"), issuerOf("node2.pem")]).toEqual([next, next]);
    expect([issuerOf("node1.pem.previous"), issuerOf("node2.pem.previous")]).toEqual([old, old]);

    await finishCaChange(checkout, TWO, NOW);
    expect(subjects()).toEqual([next]);
    expect(certificatesIn("ca.crt.previous").map(({ subject }) => subject)).toEqual([old, next]);
    expect(certificatesIn("ca.crt")[0]?.checkPrivateKey(createPrivateKey(text("ca.key")))).toBe(true);
    expect(contentsOf(folder)["ca.key"]?.mode).toBe(0o600);
    expect(existsSync(file("ca-next.key"))).toBe(false);
    expect(Object.values(contentsOf(folder)).map((kept) => kept.text)).not.toContain(oldKey);
  });

  test("leaves certificates that can be deployed after every step", async () => {
    for (const step of [beginCaChange, issueByNextCa, finishCaChange]) {
      await step(checkout, TWO, NOW);
      expect(() => readMeshFiles(checkout, TWO, NOW)).not.toThrow();
    }
  });

  test("changes nothing when a step is done a second time", async () => {
    await beginCaChange(checkout, TWO, NOW);
    const begun = contentsOf(folder);
    await beginCaChange(checkout, TWO, NOW);
    expect(contentsOf(folder)).toEqual(begun);
    await issueByNextCa(checkout, TWO, NOW);
    const issued = contentsOf(folder);
    expect(await issueByNextCa(checkout, TWO, NOW)).toEqual([]);
    expect(contentsOf(folder)).toEqual(issued);
  });

  test("fails to go on where nothing was begun, and says how to begin", async () => {
    for (const step of [issueByNextCa, finishCaChange]) {
      const [problem] = await failure(step(checkout, TWO, NOW));
      expect(problem).toMatchObject({
        code: "mesh/rotation-order",
        fix: "begin with npm run mirador -- pki rotate-ca",
      });
    }
  });

  test("fails to finish while nodes have certificates of the old authority, and names them", async () => {
    const old = text("node2.pem");
    await beginCaChange(checkout, TWO, NOW);
    const [none] = await failure(finishCaChange(checkout, TWO, NOW));
    expect(none).toMatchObject({ code: "mesh/rotation-order", what: expect.stringMatching(/^node1, node2 would be/) });
    expect(none?.fix).toMatch(/^deploy every node, .*npx cdktf deploy node1 node2; then .* rotate-ca --issue$/);
    await issueByNextCa(checkout, TWO, NOW);
    writeFileSync(file("node2.pem"), old);
    const [one] = await failure(finishCaChange(checkout, TWO, NOW));
    expect(one).toMatchObject({ what: expect.stringMatching(/^node2 would be/) });
    expect(one?.fix).toBe("complete the second step: npm run mirador -- pki rotate-ca --issue");
  });

  test("fails to begin again before it is finished", async () => {
    await beginCaChange(checkout, TWO, NOW);
    await issueByNextCa(checkout, TWO, NOW);
    const [problem] = await failure(beginCaChange(checkout, TWO, NOW));
    expect(problem?.code).toBe("mesh/rotation-order");
    expect(problem?.fix).toMatch(/^deploy every node, .*; then npm run mirador -- pki rotate-ca --finish$/);
  });

  test("fails in a folder that somebody else fills", async () => {
    const fleet = { ...TWO, mesh: { certificatesFolder: folder } };
    for (const step of [beginCaChange, issueByNextCa, finishCaChange])
      expect((await failure(step(checkout, fleet, NOW))).map(({ code }) => code)).toEqual([
        "mesh/certificates-brought",
      ]);
  });

  describe("that was interrupted", () => {
    test("between the new key and its certificate begins anew", async () => {
      writeFileSync(file("ca-next.key"), newKey(), { mode: 0o600 });
      await expect(failure(issueByNextCa(checkout, TWO, NOW))).resolves.toHaveLength(1);
      expect((await beginCaChange(checkout, TWO, NOW)).stage).toBe("begun");
      expect(subjects()).toHaveLength(2);
    });

    test("while certificates were issued goes on with the others", async () => {
      const old = text("node2.pem");
      await beginCaChange(checkout, TWO, NOW);
      await issueByNextCa(checkout, TWO, NOW);
      writeFileSync(file("node2.pem"), old);
      const first = text("node1.pem");
      expect(await issueByNextCa(checkout, TWO, NOW)).toEqual(["node2"]);
      expect(text("node1.pem")).toBe(first);
      expect(issuerOf("node2.pem")).toBe(subjects()[1]);
    });

    test("before the new key took the place of the old one is finished, and can issue before that", async () => {
      const oldKey = text("ca.key");
      await beginCaChange(checkout, TWO, NOW);
      await issueByNextCa(checkout, TWO, NOW);
      await finishCaChange(checkout, TWO, NOW);
      renameSync(file("ca.key"), file("ca-next.key"));
      writeFileSync(file("ca.key"), oldKey, { mode: 0o600 });
      const [problem] = await failure(beginCaChange(checkout, TWO, NOW));
      expect(problem?.fix).toBe("complete the last step: npm run mirador -- pki rotate-ca --finish");
      expect((await ensurePki(checkout, THREE, NOW)).nodes).toEqual(["node3"]);
      await finishCaChange(checkout, THREE, NOW);
      expect(existsSync(file("ca-next.key"))).toBe(false);
      expect((await renewCertificates(checkout, THREE, NOW, "all")).length).toBe(3);
      expect(() => readMeshFiles(checkout, THREE, NOW)).not.toThrow();
    });
  });

  describe("meanwhile", () => {
    test("a new node gets its certificate from the old authority before the second step: not all trust the new one", async () => {
      await beginCaChange(checkout, TWO, NOW);
      await ensurePki(checkout, THREE, NOW);
      expect(issuerOf("node3.pem")).toBe(subjects()[0]);
      await renewCertificates(checkout, THREE, NOW, ["node1"]);
      expect(issuerOf("node1.pem")).toBe(subjects()[0]);
    });

    test("and from the new one after it, so that the change can be finished", async () => {
      await beginCaChange(checkout, TWO, NOW);
      await issueByNextCa(checkout, TWO, NOW);
      await ensurePki(checkout, THREE, NOW);
      expect(issuerOf("node3.pem")).toBe(subjects()[1]);
      await renewCertificates(checkout, THREE, NOW, ["node1"]);
      expect(issuerOf("node1.pem")).toBe(subjects()[1]);
      await finishCaChange(checkout, THREE, NOW);
      expect(() => readMeshFiles(checkout, THREE, NOW)).not.toThrow();
    });

    test("a lost ca.crt is made again from both keys", async () => {
      await beginCaChange(checkout, TWO, NOW);
      await issueByNextCa(checkout, TWO, NOW);
      const before = subjects();
      rmSync(file("ca.crt"));
      await ensurePki(checkout, TWO, NOW);
      expect(subjects()).toEqual(before);
      expect(() => readMeshFiles(checkout, TWO, NOW)).not.toThrow();
    });
  });

  test("replaces an authority whose key is lost", async () => {
    rmSync(file("ca.key"));
    for (const step of [beginCaChange, issueByNextCa, finishCaChange]) await step(checkout, TWO, NOW);
    expect(() => readMeshFiles(checkout, TWO, NOW)).not.toThrow();
    expect((await ensurePki(checkout, THREE, NOW)).nodes).toEqual(["node3"]);
  });

  test("replaces an authority that has ended, and says so beforehand", async () => {
    const then = later(3660);
    const [problem] = await problemsOfPromise(renewCertificates(checkout, TWO, then, "all"));
    expect(problem?.fix).toBe(
      "npm run mirador -- pki rotate-ca, then npm run mirador -- pki rotate-ca --issue, then deploy every node",
    );
    await beginCaChange(checkout, TWO, then);
    await issueByNextCa(checkout, TWO, then);
    expect(() => readMeshFiles(checkout, TWO, then)).not.toThrow();
  });

  test("has a next step in words at every stage", async () => {
    expect(nextStep({ stage: "none" }, TWO)).toContain("rotate-ca");
    expect(nextStep(await beginCaChange(checkout, TWO, NOW), TWO)).toContain("rotate-ca --issue");
  });
});
