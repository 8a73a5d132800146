import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { ROOT, temporaryFolder } from "./support/folders";

/** As npm runs it, from a folder of its own. */
function runMain(folder: string, environment: Record<string, string>) {
  const tsx = pathToFileURL(require.resolve("tsx")).href;
  const { PATH = "", HOME = "" } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", tsx, join(ROOT, "main.ts")], {
    cwd: folder,
    encoding: "utf8",
    env: { PATH, HOME, ...environment },
  });
  return { status, stdout, stderr };
}
const PASSWORD = { HAPROXY_STATS_PASS: "correct-horse-battery" };

test("writes one stack per node, where other programs look for it", () => {
  const folder = temporaryFolder();
  const fleet = { MIRADOR_FLEET: join(ROOT, "examples", "two-nodes.ts"), MIRADOR_STATE: "states" };
  const { status, stderr } = runMain(folder, { ...PASSWORD, ...fleet });
  expect(status, stderr).toBe(0);
  expect(stderr).toContain("made the authority of the mesh and certificates of node1, node2");
  expect(stderr).not.toContain("warning");
  expect(readdirSync(join(folder, "cdktf.out", "stacks"))).toEqual(["node1", "node2"]);
  const stack = JSON.parse(readFileSync(join(folder, "cdktf.out/stacks/node2/cdk.tf.json"), "utf8"));
  expect(stack.terraform.backend).toEqual({ local: { path: join(folder, "states", "node2.tfstate") } });
  expect(JSON.stringify(stack)).not.toContain(PASSWORD.HAPROXY_STATS_PASS);
  expect(JSON.stringify(stack)).not.toContain("PRIVATE KEY");
});

test("warns of an image with a known fault, and writes the stack", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "images.json"), '{ "haproxy": { "ref": "haproxy:3.2.25", "version": "3.2.25" } }');
  const fleet = { MIRADOR_FLEET: join(ROOT, "examples", "one-node.ts"), MIRADOR_IMAGES: "images.json" };
  const { status, stderr } = runMain(folder, { ...PASSWORD, ...fleet });
  expect(status, stderr).toBe(0);
  expect(stderr).toContain("warning older than the pins that this release names: haproxy 3.2.25 (");
  expect(stderr).toContain("warning image/below-floor\n  what   haproxy 3.2.25 has CVE-2026-110354");
});

test("makes certificates once: another synthesis changes nothing, and a deployed fleet never gets new ones", () => {
  const folder = temporaryFolder();
  const environment = { ...PASSWORD, MIRADOR_FLEET: join(ROOT, "examples", "two-nodes.ts"), MIRADOR_STATE: "states" };
  const stackOf = () => readFileSync(join(folder, "cdktf.out/stacks/node1/cdk.tf.json"), "utf8");
  expect(runMain(folder, environment)).toMatchObject({ status: 0 });
  const first = stackOf();
  const again = runMain(folder, environment);
  expect(again.status).toBe(0);
  expect(again.stderr).not.toContain("made");
  expect(again.stderr).toContain("survives: any one node");
  expect(stackOf()).toBe(first);

  // Somebody deployed from here, and the certificates are gone.
  rmSync(join(folder, ".mirador"), { recursive: true });
  writeFileSync(join(folder, "states/node1.tfstate"), "{}");
  const { status, stderr } = runMain(folder, environment);
  expect(status).toBe(65);
  expect(stderr).toContain("error mesh/certificate-missing");
  expect(existsSync(join(folder, ".mirador"))).toBe(false);
});

test("says where each stack is; to cdktf, which says it itself, only what it must not call an error", () => {
  const folder = temporaryFolder();
  const fleet = { MIRADOR_FLEET: join(ROOT, "examples", "two-nodes.ts"), MIRADOR_STATE: "states" };
  const paths = ["node1", "node2"].map((node) => join("cdktf.out", "stacks", node, "cdk.tf.json"));
  const { stdout } = runMain(folder, { ...PASSWORD, ...fleet });
  expect(stdout).toBe(`${paths.join("\n")}\n`);
  for (const path of paths) expect(existsSync(join(folder, path))).toBe(true);

  const warned = { ...PASSWORD, ...fleet, NODE_IP: "10.9.9.9" };
  expect(runMain(folder, warned).stderr).toContain("warning NODE_IP=10.9.9.9");
  const { stdout: told, stderr } = runMain(folder, { ...warned, CDKTF_CONTEXT_JSON: "{}" });
  expect(told).toMatch(/^warning NODE_IP=10\.9\.9\.9 .*\n$/);
  expect(stderr).toBe("");
});

test("writes the same bytes twice", () => {
  const [first, second] = [0, 1].map(() => {
    const folder = temporaryFolder();
    const fleet = { MIRADOR_FLEET: join(ROOT, "examples", "one-node.ts"), MIRADOR_STATE: join(folder, "states") };
    const { status, stderr } = runMain(folder, { ...PASSWORD, ...fleet });
    expect(status, stderr).toBe(0);
    return readFileSync(join(folder, "cdktf.out/stacks/node1/cdk.tf.json"), "utf8").replaceAll(folder, "");
  });
  expect(first).toBe(second);
});

test("fails with status 65 and every problem for a fleet that cannot be used, and writes nothing", () => {
  const folder = temporaryFolder({
    "fleet.mjs": 'export default { nodes: [], retension: {}, retention: { logs: "1m" } };',
  });
  const { status, stderr } = runMain(folder, { ...PASSWORD, MIRADOR_FLEET: "fleet.mjs" });
  expect(status).toBe(65);
  for (const code of ["fleet/no-nodes", "fleet/unknown-key", "fleet/retention-invalid"]) expect(stderr).toContain(code);
  expect(stderr).toContain("3 problems; nothing was changed");
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(existsSync(join(folder, "cdktf.out"))).toBe(false);
});
