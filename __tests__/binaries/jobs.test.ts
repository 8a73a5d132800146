import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { configureJob, JOB_DONE, type JobPlan, prepareJob } from "../../lib/plan/jobs";
import { program, testWith } from "../support/binaries";
import { temporaryFolder } from "../support/folders";

const OWNER = 1000;

function prepare(mode: number, owner: number, marker?: string) {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  const volume = join(folder, "0");
  mkdirSync(volume);
  if (marker !== undefined) writeFileSync(join(volume, ".mirador-format"), `${marker}\n`);
  chmodSync(volume, mode);
  chownSync(volume, owner, owner);
  const job = prepareJob([
    { source: "data", owner: `${OWNER}:${OWNER}`, format: "metrics-cluster", requiredFreeMiB: 1 },
  ]);
  const { status, stderr } = asInContainer(job, (script) => script.replaceAll("/volumes/", `${folder}/`), folder);
  return { status, stderr: stderr.replaceAll(folder, ""), volume };
}

/** Runs a job as root with the capabilities that its container has, and no other. */
function asInContainer(
  { script, capabilities }: JobPlan,
  changed: (script: string) => string,
  folder: string,
): SpawnSyncReturns<string> {
  const text = changed(script).replaceAll(JOB_DONE, join(folder, "done")).replace("exec sleep 90", "exec true");
  const names = capabilities.map((name) => `+${name.replace("CAP_", "").toLowerCase()}`).join(",");
  const drop = [`--bounding-set=-all,${names}`, `--inh-caps=-all,${names}`, "--no-new-privs"];
  return spawnSync(program("setpriv as root").file, [...drop, "sh", "-c", text], { encoding: "utf8" });
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

testWith("setpriv as root").each([
  ["put in place", "true", 0, { "haproxy.cfg": "new", "tls.pem": "new" }],
  ["refused", "false", 1, { "haproxy.cfg": "old" }],
])(
  "leaves no key in its container when HAProxy's files were %s; started again it does no harm",
  (_, answer, first, live) => {
    const folder = temporaryFolder({ "inbox/haproxy.cfg": "new", "inbox/tls.pem": "new", "live/haproxy.cfg": "old" });
    // As uploads and a volume of Docker's are.
    for (const file of ["haproxy.cfg", "tls.pem"]) chmodSync(join(folder, "inbox", file), 0o400);
    chmodSync(join(folder, "inbox"), 0o755);
    chmodSync(join(folder, "live"), 0o755);
    chownSync(join(folder, "live/haproxy.cfg"), OWNER, OWNER);
    const job = configureJob({
      ...{ inbox: join(folder, "inbox"), folder: join(folder, "live") },
      ...{ files: ["haproxy.cfg", "tls.pem"], owner: `${OWNER}:${OWNER}` },
    });
    const run = () =>
      asInContainer(
        job,
        (script) => `haproxy() { ${answer}; }\n${script.replaceAll("/tmp/check", `${folder}/check`)}`,
        folder,
      );
    expect(run()).toMatchObject({ status: first });
    expect(readdirSync(folder)).not.toContain("inbox");
    const held = () =>
      Object.fromEntries(
        readdirSync(join(folder, "live")).map((file) => [file, readFileSync(join(folder, "live", file), "utf8")]),
      );
    expect(held()).toEqual(live);
    for (const file of Object.keys(live))
      expect(statSync(join(folder, "live", file))).toMatchObject({ uid: OWNER, gid: OWNER });
    if (first === 0) expect(statSync(join(folder, "live/tls.pem")).mode & 0o777).toBe(0o400);
    expect(run()).toMatchObject({ status: 0, stdout: expect.stringContaining("nothing new to put in place") });
    expect(held()).toEqual(live);
  },
);
