import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readEnvironment } from "../../inputs/environment";
import { loadPlan, loadPlanToLook } from "../../inputs/load-plan";
import { EXPIRED, makeCertificate } from "../support/certificates";
import { temporaryFolder } from "../support/folders";
import { codesOf, problemsOfPromise } from "../support/problems";

const NODE = '{ name: "node1", address: "10.0.0.11" }';
const plain = (settings = "") => ({ "fleet.mjs": `export default { nodes: [${NODE}], ${settings} };` });
const ENVIRONMENT = { MIRADOR_FLEET: "fleet.mjs", HAPROXY_STATS_PASS: "correct-horse-battery" };

describe("certificates of the mesh", () => {
  const PAIR = 'nodes: [{ name: "node1", address: "10.0.0.11" }, { name: "node2", address: "10.0.0.12" }]';
  const pair = (settings = "") => temporaryFolder({ "fleet.mjs": `export default { ${PAIR}, ${settings} };` });
  const silent = () => undefined;

  test("are made for a fleet that nobody has deployed yet", async () => {
    const folder = pair();
    await loadPlan(folder, ENVIRONMENT, { say: silent });
    expect(existsSync(join(folder, ".mirador/pki/mirador/node2.pem"))).toBe(true);
  });

  test("are not made beside another problem: then nothing was changed, as it says", async () => {
    const folder = pair();
    const { HAPROXY_STATS_PASS, ...others } = ENVIRONMENT;
    const codes = codesOf(await problemsOfPromise(loadPlan(folder, others, { say: silent }))).map(([code]) => code);
    expect(codes[0]).toBe("secret/missing");
    expect(existsSync(join(folder, ".mirador/pki"))).toBe(false);
  });

  test("are not made where the state lies elsewhere: somebody else may have deployed with others", async () => {
    const folder = pair('backend: { type: "pg", config: { schema_name: "{node}" } }');
    const codes = codesOf(await problemsOfPromise(loadPlan(folder, ENVIRONMENT, { say: silent }))).map(
      ([code]) => code,
    );
    expect(new Set(codes)).toEqual(new Set(["mesh/certificate-missing"]));
    expect(existsSync(join(folder, ".mirador/pki"))).toBe(false);
  });
});

describe("everything from outside together", () => {
  test("gives the plan and the folder of state files", async () => {
    const folder = temporaryFolder(plain());
    const { plan, stateFolder } = await loadPlan(folder, ENVIRONMENT);
    expect(plan.nodes.map(({ name }) => name)).toEqual(["node1"]);
    expect(stateFolder).toBe(join(folder, ".mirador/state"));
  });

  test("takes MIRADOR_STATE relative to the folder or absolute, and keeps what is made there private", async () => {
    const [folder, elsewhere] = [temporaryFolder(plain()), temporaryFolder()];
    for (const [value, expected] of [
      ["states", join(folder, "states")],
      [join(elsewhere, "deep/states"), join(elsewhere, "deep/states")],
    ] as const) {
      const { stateFolder } = await loadPlan(folder, { ...ENVIRONMENT, MIRADOR_STATE: value });
      expect(stateFolder).toBe(expected);
      expect(statSync(stateFolder).mode & 0o777).toBe(0o700);
    }
  });

  test("reads .env of the folder, and the process's own variables win", async () => {
    const dotenv = 'VM_RETENTION=90d\nVL_RETENTION="4w" # weeks\nHAPROXY_STATS_PASS=from-the-dotenv-file\n';
    const folder = temporaryFolder({ ...plain(), ".env": dotenv });
    const { fleet } = await loadPlan(folder, { ...ENVIRONMENT, VM_RETENTION: "5d" });
    expect(fleet.retentionDays).toEqual({ metrics: 5, logs: 28, traces: 7 });
    expect(readEnvironment(folder, {}).HAPROXY_STATS_PASS).toBe("from-the-dotenv-file");
  });

  test("hands the certificate on by its absolute place", async () => {
    const folder = temporaryFolder(plain('haproxy: { tls: { certificatePath: "good.pem", keyPath: "good.key" } },'));
    makeCertificate(folder, "good");
    const { plan } = await loadPlan(folder, ENVIRONMENT);
    expect(plan.nodes[0]?.haproxy.files.filter((file) => "sourcePath" in file)).toMatchObject([
      { sourcePath: join(folder, "good.pem") },
      { sourcePath: join(folder, "good.key") },
    ]);
  });

  test("fails with what is wrong about all of them at once", async () => {
    const folder = temporaryFolder(plain('haproxy: { tls: { certificatePath: "old.pem", keyPath: "old.key" } },'));
    makeCertificate(folder, "old", EXPIRED);
    const attempt = loadPlan(folder, { MIRADOR_FLEET: "fleet.mjs", DOCKER_CONTEXT: "staging" });
    expect(codesOf(await problemsOfPromise(attempt))).toEqual([
      ["engine/context-overrides", "environment DOCKER_CONTEXT"],
      ["secret/missing", "environment HAPROXY_STATS_PASS"],
      ["tls/certificate-expired", "fleet.haproxy.tls.certificatePath"],
    ]);
  });

  test("fails for a secret that is there and cannot be used, by what the user set", async () => {
    const attempt = loadPlan(temporaryFolder(plain()), { ...ENVIRONMENT, HAPROXY_STATS_PASS: "short" });
    expect(codesOf(await problemsOfPromise(attempt))).toEqual([["secret/unusable", "environment HAPROXY_STATS_PASS"]]);

    const folder = temporaryFolder({ ...plain('haproxy: { stats: { passwordFile: "own" } }'), own: "short\n" });
    expect(codesOf(await problemsOfPromise(loadPlan(folder, ENVIRONMENT)))).toEqual([
      ["secret/unusable", join(folder, "own")],
    ]);
  });

  test("fails with an unusable password beside what else is wrong", async () => {
    const attempt = loadPlan(temporaryFolder(plain()), {
      MIRADOR_FLEET: "fleet.mjs",
      HAPROXY_STATS_PASS: "p".repeat(73),
      DOCKER_CONTEXT: "staging",
    });
    expect(codesOf(await problemsOfPromise(attempt))).toEqual([
      ["engine/context-overrides", "environment DOCKER_CONTEXT"],
      ["secret/unusable", "environment HAPROXY_STATS_PASS"],
    ]);
  });
});

describe("DOCKER_CONTEXT, which Docker's own library prefers to what a stack says", () => {
  const load = (docker: string, DOCKER_CONTEXT: string) =>
    loadPlan(temporaryFolder({ "fleet.mjs": `export default { nodes: [{ ...${NODE}, docker: ${docker} }] };` }), {
      ...ENVIRONMENT,
      DOCKER_CONTEXT,
    });

  test.each(['{ kind: "unix" }', '{ kind: "ssh", host: "h" }', '{ kind: "context", name: "other" }'])(
    "fails for a node with %s",
    async (docker) => {
      expect(codesOf(await problemsOfPromise(load(docker, "staging")))).toEqual([
        ["engine/context-overrides", "environment DOCKER_CONTEXT"],
      ]);
    },
  );

  test.each([
    ['{ kind: "context", name: "staging" }', "staging"],
    ['{ kind: "unix" }', ""],
  ])("may be what all nodes say, or empty: %s", async (docker, context) => {
    await expect(load(docker, context)).resolves.toBeDefined();
  });
});

describe("a plan to look at", () => {
  const nodes = 'nodes: [{ name: "node1", address: "10.0.0.11" }, { name: "node2", address: "10.0.0.12" }]';

  test("has all that is to be seen, whatever is wrong with secrets and certificates, and makes none", async () => {
    const folder = temporaryFolder({
      "fleet.mjs": `export default { ${nodes}, haproxy: { tls: { certificatePath: "tls.pem", keyPath: "tls.key" } } };`,
    });
    makeCertificate(folder, "tls", EXPIRED);
    const { plan, problems } = await loadPlanToLook(folder, { MIRADOR_FLEET: "fleet.mjs" });
    expect(plan.nodes.map(({ accessPoints }) => accessPoints.find(({ name }) => name === "otlpHttp")?.url)).toEqual([
      "https://10.0.0.11:4318",
      "https://10.0.0.12:4318",
    ]);
    expect(problems.map(({ code }) => code)).toEqual(
      expect.arrayContaining(["secret/missing", "tls/certificate-expired", "mesh/certificate-missing"]),
    );
    expect(existsSync(join(folder, ".mirador"))).toBe(false);
  });

  test("is the plan itself where nothing is wrong", async () => {
    const folder = temporaryFolder(plain());
    const { plan, problems } = await loadPlanToLook(folder, ENVIRONMENT);
    expect(problems).toEqual([]);
    expect(plan).toEqual((await loadPlan(folder, ENVIRONMENT)).plan);
  });

  test("is none of a fleet that cannot be used", async () => {
    const folder = temporaryFolder({ "fleet.mjs": "export default { nodes: [] };" });
    const problems = await problemsOfPromise(loadPlanToLook(folder, { MIRADOR_FLEET: "fleet.mjs" }));
    expect(problems.map(({ code }) => code)).not.toContain("secret/missing");
    expect(problems.length).toBeGreaterThan(0);
  });
});
