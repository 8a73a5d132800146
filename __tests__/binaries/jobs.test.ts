import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { JOB_DONE, prepareJob } from "../../lib/plan/jobs";
import { program, testWith } from "../support/binaries";
import { temporaryFolder } from "../support/folders";

const OWNER = 1000;

/** Runs the job as root with the capabilities that its container has, and no other. */
function prepare(mode: number, owner: number, marker?: string) {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  const volume = join(folder, "0");
  mkdirSync(volume);
  if (marker !== undefined) writeFileSync(join(volume, ".mirador-format"), `${marker}\n`);
  chmodSync(volume, mode);
  chownSync(volume, owner, owner);
  const { script, capabilities } = prepareJob([
    { source: "data", owner: `${OWNER}:${OWNER}`, format: "metrics-cluster", requiredFreeMiB: 1 },
  ]);
  const text = script
    .replaceAll("/volumes/", `${folder}/`)
    .replaceAll(JOB_DONE, join(folder, "done"))
    .replace("exec sleep 90", "exit 0");
  const names = capabilities.map((name) => `+${name.replace("CAP_", "").toLowerCase()}`).join(",");
  const drop = [`--bounding-set=-all,${names}`, `--inh-caps=-all,${names}`, "--no-new-privs"];
  const { status, stderr } = spawnSync(program("setpriv as root").file, [...drop, "sh", "-c", text], {
    encoding: "utf8",
  });
  return { status, stderr: stderr.replaceAll(folder, ""), volume };
}

testWith("setpriv as root").each([
  ["a new volume of Docker's", 0o755, 0],
  ["a folder that is already the service's", 0o755, OWNER],
  ["a folder that is closed to others", 0o700, OWNER],
  ["a folder that nobody may write", 0o555, OWNER],
])("prepares %s with its few capabilities", (_, mode, owner) => {
  const { status, stderr, volume } = prepare(mode, owner);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(readFileSync(join(volume, ".mirador-format"), "utf8")).toBe("metrics-cluster\n");
  expect(statSync(volume).uid).toBe(OWNER);
});

testWith("setpriv as root").each([0o755, 0o700])(
  "fails for another format in a folder of mode %o of the service's own",
  (mode) => {
    const { status, stderr, volume } = prepare(mode, OWNER, "metrics-single");
    expect(status).toBe(1);
    expect(stderr).toContain("holds data of format metrics-single");
    expect(readFileSync(join(volume, ".mirador-format"), "utf8")).toBe("metrics-single\n");
  },
);
