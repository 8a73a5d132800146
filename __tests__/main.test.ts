import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { ROOT, temporaryFolder } from "./support/folders";

/** As cdktf runs it, from a folder of its own. */
function runMain(folder: string, environment: Record<string, string>) {
  const tsx = pathToFileURL(require.resolve("tsx")).href;
  const { PATH = "", HOME = "" } = process.env;
  const { status, stderr } = spawnSync(process.execPath, ["--import", tsx, join(ROOT, "main.ts")], {
    cwd: folder,
    encoding: "utf8",
    env: { PATH, HOME, ...environment },
  });
  return { status, stderr };
}
const PASSWORD = { HAPROXY_STATS_PASS: "correct-horse-battery" };

test("writes one stack per node, where other programs look for it", () => {
  const folder = temporaryFolder();
  const fleet = { MIRADOR_FLEET: join(ROOT, "examples", "two-nodes.ts"), MIRADOR_STATE: "states" };
  const { status, stderr } = runMain(folder, { ...PASSWORD, ...fleet });
  expect(status, stderr).toBe(0);
  expect(stderr).toContain("warning 2 nodes");
  expect(readdirSync(join(folder, "cdktf.out", "stacks"))).toEqual(["node1", "node2"]);
  const stack = JSON.parse(readFileSync(join(folder, "cdktf.out/stacks/node2/cdk.tf.json"), "utf8"));
  expect(stack.terraform.backend).toEqual({ local: { path: join(folder, "states", "node2.tfstate") } });
  expect(JSON.stringify(stack)).not.toContain(PASSWORD.HAPROXY_STATS_PASS);
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
