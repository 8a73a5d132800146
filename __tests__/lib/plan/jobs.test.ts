import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  configureJob,
  JOB_DONE,
  type JobPlan,
  prepareJob,
  readyJob,
  shellQuote,
  waitJob,
} from "../../../lib/plan/jobs";
import type { DataVolume } from "../../../lib/plan/service-plan";
import { EXAMPLE_NAMES, exampleFleet, planOf } from "../../support/fleets";
import { temporaryFolder } from "../../support/folders";

interface Outcome {
  readonly status: number | null;
  readonly stderr: string;
  readonly done: boolean;
  /** Calls of the programs that are replaced. */
  readonly calls: readonly string[];
}

/**
 * Runs a job's script with a real shell. Its fixed places lie in `folder`; what would need root, a network or patience
 * is replaced by `replaced`, shell functions that note how they were called.
 */
function runJob(job: JobPlan, folder: string, replaced = ""): Outcome {
  const done = join(folder, "done");
  const calls = join(folder, "calls");
  const note = `note() { echo "$*" >> ${calls}; }\nchown() { note chown "$@"; }\n`;
  const script = job.script
    .replaceAll("/volumes/", `${folder}/`)
    .replaceAll(JOB_DONE, done)
    .replaceAll("/tmp/check", join(folder, "check"))
    .replace("exec sleep 90", "exit 0");
  const { status, stderr } = spawnSync("sh", ["-c", `${note}${replaced}\n${script}`], {
    encoding: "utf8",
    timeout: 10_000,
  });
  const noted = existsSync(calls) ? readFileSync(calls, "utf8").trim().split("\n") : [];
  return { status, stderr: stderr.replaceAll(folder, ""), done: existsSync(done), calls: noted };
}

const data = (volume: Partial<DataVolume> = {}): DataVolume => ({ source: "data", owner: "1000:1000", ...volume });

describe("preparing volumes", () => {
  const metrics = prepareJob([data({ source: "metrics-data", format: "metrics-cluster" })]);

  test("marks an empty volume with its format, gives it to its owner and is done", () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "0"));
    expect(runJob(metrics, folder)).toEqual({
      status: 0,
      stderr: "",
      done: true,
      calls: [`chown 1000:1000 ${folder}/0`],
    });
    expect(readFileSync(join(folder, "0/.mirador-format"), "utf8")).toBe("metrics-cluster\n");
  });

  describe("of a storage group", () => {
    const logs = prepareJob([data({ source: "logs-data", group: "b" })]);

    test("are marked with it, once, whether they are empty or were filled before there were groups", () => {
      for (const files of [{ "0/partitions/x": "y" }, { "0/lost+found/x": "" }]) {
        const folder = temporaryFolder(files);
        expect(runJob(logs, folder)).toMatchObject({ status: 0, done: true });
        expect(readFileSync(join(folder, "0/.mirador-group"), "utf8")).toBe("b\n");
        expect(runJob(logs, folder)).toMatchObject({ status: 0, done: true });
      }
    });

    test("are refused in the other one, with the reason: a list of nodes that changed its order", () => {
      const folder = temporaryFolder({ "0/.mirador-group": "a\n", "0/partitions/x": "y" });
      const { status, stderr, done, calls } = runJob(logs, folder);
      expect({ status, done, calls }).toEqual({ status: 1, done: false, calls: [] });
      expect(stderr).toContain("mirador: logs-data holds data of storage group a");
      expect(stderr).toContain("put the list back as it was");
    });

    test("tell HAProxy when they began: now, or before there were groups", () => {
      const born = (files: Record<string, string>, age = 0, group: "a" | "b" = "a"): number => {
        const job = prepareJob([
          data({ source: "logs-data", group }),
          data({ source: "choice-data", births: { "logs.born": "logs-data" } }),
        ]);
        const folder = temporaryFolder({ ...files, "1/lost+found/x": "" });
        const marker = join(folder, "0/.mirador-group");
        if (age > 0) utimesSync(marker, new Date(), new Date(Date.now() - age * 1000));
        expect(runJob(job, folder)).toMatchObject({ status: 0, done: true });
        const first = readFileSync(join(folder, "1/logs.born"), "utf8");
        expect(runJob(job, folder)).toMatchObject({ status: 0, done: true });
        expect(readFileSync(join(folder, "1/logs.born"), "utf8")).toBe(first);
        return Number(first);
      };
      expect(born({ "0/lost+found/x": "" })).toBeGreaterThan(1_700_000_000);
      expect(born({ "0/partitions/x": "y" })).toBe(0);
      // The only node of a fleet that grows: the other group never got what it holds.
      expect(born({ "0/.mirador-group": "a\n" }, 300)).toBe(0);
      // Nobody in group b was ever alone: its disk outlived the rest of its host.
      expect(born({ "0/.mirador-group": "b\n" }, 300, "b")).toBeGreaterThan(1_700_000_000);
      // One among several that is deployed again: it is as old as its marker.
      expect(born({ "0/.mirador-group": "a\n", "1/logs.born": "9\n" }, 300)).toBeGreaterThan(1_700_000_000);
    });

    test("are refused without a node that holds a part of them; nodes may be added", () => {
      const spread = (...members: string[]) => prepareJob([data({ source: "logs-data", group: "a", members })]);
      const folder = temporaryFolder({ "0/lost+found/x": "" });
      expect(runJob(spread("node1"), folder)).toMatchObject({ status: 0, done: true });
      const marker = join(folder, "0/.mirador-members");
      expect(runJob(spread("node1", "node3"), folder)).toMatchObject({ status: 0, done: true });
      expect(readFileSync(marker, "utf8")).toBe("node1 node3\n");
      rmSync(join(folder, "done"));
      const { status, stderr, done } = runJob(spread("node1"), folder);
      expect({ status, done }).toEqual({ status: 1, done: false });
      expect(stderr).toContain("mirador: node node3 holds a part of the data in logs-data");
      expect(stderr).toContain("echo node1 > logs-data/.mirador-members");
      // As it says.
      writeFileSync(marker, "node1\n");
      expect(runJob(spread("node1"), folder)).toMatchObject({ status: 0, done: true });
    });

    test("may also have a format: an empty volume stays an empty one when the group is written first", () => {
      const both = prepareJob([data({ format: "metrics-single", group: "a" })]);
      const folder = temporaryFolder({ "0/.mirador-group": "a\n" });
      expect(runJob(both, folder)).toMatchObject({ status: 0, done: true });
      expect(readFileSync(join(folder, "0/.mirador-format"), "utf8")).toBe("metrics-single\n");
    });
  });

  test("is content a second time, with data in between", () => {
    const folder = temporaryFolder({ "0/.mirador-format": "metrics-cluster\n", "0/data/part": "x" });
    expect(runJob(metrics, folder)).toMatchObject({ status: 0, done: true });
  });

  test("fails for data of the other layout, names both and touches nothing", () => {
    const folder = temporaryFolder({ "0/.mirador-format": "metrics-single\n", "0/data/part": "x" });
    const { status, stderr, done, calls } = runJob(metrics, folder);
    expect({ status, done, calls }).toEqual({ status: 1, done: false, calls: [] });
    expect(stderr).toContain("mirador: metrics-data holds data of format metrics-single");
    expect(stderr).toContain("this deploy wants metrics-cluster");
  });

  test("fails for data that was there without a marker, and says how to vouch for it", () => {
    const folder = temporaryFolder({ "0/data/part": "x" });
    const { status, done, stderr } = runJob(metrics, folder);
    expect({ status, done }).toEqual({ status: 1, done: false });
    expect(stderr).toMatch(/holds data of an unknown format; if it is metrics-\w+, say so: echo metrics-\w+ > /);
    expect(readdirSync(join(folder, "0"))).toEqual(["data"]);
  });

  test("takes a fresh filesystem for empty", () => {
    const folder = temporaryFolder({ "0/lost+found/x": "" });
    expect(runJob(metrics, folder)).toMatchObject({ status: 0, done: true });
    expect(readdirSync(join(folder, "0"))).toContain(".mirador-format");
  });

  test("changes the owner of mount points only, never of what is in them", () => {
    const job = prepareJob([data(), data({ owner: "10001:10001" })]);
    const folder = temporaryFolder({ "0/deep/file": "", "1/deep/file": "" });
    expect(runJob(job, folder).calls).toEqual([`chown 1000:1000 ${folder}/0`, `chown 10001:10001 ${folder}/1`]);
  });

  test("stops where a step fails", () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "0"));
    expect(runJob(metrics, folder, "chown() { return 1; }")).toMatchObject({ status: 1, done: false });
  });

  describe("the space for the queues", () => {
    const queue = (requiredFreeMiB: number) => prepareJob([data({ source: "queue-data", requiredFreeMiB })]);
    /** `df -Pk` and `du -sk` of a disk with this much in KiB. */
    const disk = (free: number, used: number) =>
      `df() { printf 'Filesystem 1024-blocks Used Available Capacity Mounted\\n/dev/sda 99999999 1 ${free} 1%% /\\n'; }\n` +
      `du() { printf '${used}\\t%s\\n' "$2"; }`;

    test.each([
      ["enough is free", 100 * 1024, 0, true],
      ["what is free and what the queues hold are enough together", 60 * 1024, 40 * 1024, true],
      ["one MiB is missing", 60 * 1024, 39 * 1024, false],
      ["the disk is full", 0, 0, false],
    ])("when %s", (_, free, used, enough) => {
      const folder = temporaryFolder();
      mkdirSync(join(folder, "0"));
      expect(runJob(queue(100), folder, disk(free, used))).toMatchObject({ status: enough ? 0 : 1, done: enough });
    });

    test.each([
      ["is asked for once for all of them: they lie on one disk", 100, 0, true],
      ["counts what any of them holds", 40, 30, true],
      ["is not the same space twice", 99, 0, false],
    ])("%s", (_, freeMiB, heldByEachMiB, enough) => {
      const folder = temporaryFolder({ "0/x": "", "1/x": "" });
      const job = prepareJob([
        data({ source: "one-queue", requiredFreeMiB: 60 }),
        data({ source: "other-queue", requiredFreeMiB: 40 }),
      ]);
      const { done, stderr } = runJob(job, folder, disk(freeMiB * 1024, heldByEachMiB * 1024));
      expect(done).toBe(enough);
      if (!enough)
        expect(stderr).toContain("the disk of one-queue, other-queue has 99 MiB for the queues; they need 100 MiB");
    });

    test("is measured by the real df and du", () => {
      const folder = temporaryFolder();
      mkdirSync(join(folder, "0"));
      expect(runJob(queue(1), folder)).toMatchObject({ status: 0, done: true });
      const { status, stderr } = runJob(queue(1_000_000_000), folder);
      expect(status).toBe(1);
      expect(stderr).toMatch(/the disk of queue-data has \d+ MiB for the queues; they need 1000000000 MiB/);
    });
  });

  test.each(["it's $(touch pwned) `touch pwned`", '"; touch pwned; "', "/srv/${HOME}/%{x}", "/srv/größe \\"])(
    "shows the source %j as it is and runs nothing of it",
    (source) => {
      const folder = temporaryFolder({ "0/.mirador-format": "other" });
      const { stderr } = runJob(prepareJob([data({ source, format: "metrics-cluster" })]), folder);
      expect(stderr).toContain(`mirador: ${source} holds data of format other`);
      expect(readdirSync(folder).toSorted()).toEqual(["0"]);
    },
  );
});

describe("bringing HAProxy a new configuration", () => {
  const files = ["haproxy.cfg", "tls.pem", "tls.pem.key"];
  const NEW = "bind :1 ssl crt FOLDER/tls.pem\n";

  function configure(haproxy: string) {
    const folder = temporaryFolder({ "inbox/tls.pem": "new", "inbox/tls.pem.key": "new", "live/haproxy.cfg": "old" });
    const [inbox, live] = [join(folder, "inbox"), join(folder, "live")];
    const config = NEW.replace("FOLDER", live);
    writeFileSync(join(inbox, "haproxy.cfg"), config);
    const outcome = runJob(configureJob({ inbox, folder: live, files, owner: "99:99" }), folder, haproxy);
    return { ...outcome, folder, live, inbox, config };
  }

  test("checks it with the certificate where it is, then puts every file in place", () => {
    const { status, done, folder, live, inbox, config, calls } = configure('haproxy() { note haproxy "$@"; }');
    expect({ status, done }).toEqual({ status: 0, done: true });
    expect(calls[0]).toBe(`haproxy -c -f ${folder}/check.cfg`);
    expect(readFileSync(join(folder, "check.cfg"), "utf8")).toBe(NEW.replace("FOLDER", inbox));
    expect(readFileSync(join(live, "haproxy.cfg"), "utf8")).toBe(config);
    expect(readdirSync(live).toSorted()).toEqual(files);
  });

  test("fails when HAProxy refuses it, says why, and leaves the running one", () => {
    const { status, done, live, stderr } = configure("haproxy() { echo 'line 1: unknown keyword'; return 1; }");
    expect({ status, done }).toEqual({ status: 1, done: false });
    expect(readdirSync(live)).toEqual(["haproxy.cfg"]);
    expect(readFileSync(join(live, "haproxy.cfg"), "utf8")).toBe("old");
    expect(stderr).toContain("line 1: unknown keyword");
    expect(stderr).toContain("mirador: HAProxy refuses the new configuration; the running one stays");
  });
});

describe("waiting until a node is ready", () => {
  const job = readyJob("http://haproxy:8405", { configHash: "abc123", settleSeconds: 3, user: "99:99" });
  /** `wget` that gives one answer after the other per page, then the last one for ever. */
  const answers = (config: readonly string[], waiting: readonly string[], folder: string): string => {
    writeFileSync(join(folder, "config"), config.map((line) => `${line}\n`).join(""));
    writeFileSync(join(folder, "waiting-for"), waiting.map((line) => `${line}\n`).join(""));
    return [
      "sleep() { :; }",
      'kill() { note kill "$@"; }',
      'wget() { page=; for page in "$@"; do :; done; page=${page##*/}',
      `  head -n 1 ${folder}/$page; [ "$(wc -l < ${folder}/$page)" -gt 1 ] && sed -i 1d ${folder}/$page; return 0; }`,
    ].join("\n");
  };
  const run = (config: readonly string[], waiting: readonly string[]) => {
    const folder = temporaryFolder();
    return runJob(job, folder, answers(config, waiting, folder));
  };

  test("is done at once when the right configuration answers and nothing is missing", () => {
    expect(run(["abc123"], ["nothing"])).toMatchObject({ status: 0, done: true, calls: [] });
  });

  test("makes HAProxy reload while another configuration answers, once and not at every try", () => {
    const { status, calls } = run(["old", "old", "old", "abc123"], ["nothing"]);
    expect({ status, calls }).toEqual({ status: 0, calls: ["kill -USR2 1"] });
  });

  test("sends no signal while HAProxy does not answer at all", () => {
    const { status, calls } = run(["", "", "abc123"], ["nothing"]);
    expect({ status, calls }).toEqual({ status: 0, calls: [] });
  });

  test("wants two good answers in a row", () => {
    const folder = temporaryFolder();
    const waiting = ["vmselect", "nothing", "vlselect", "nothing", "nothing", "gone-too-far"];
    expect(runJob(job, folder, answers(["abc123"], waiting, folder))).toMatchObject({ status: 0, done: true });
    expect(readFileSync(join(folder, "waiting-for"), "utf8")).toBe("gone-too-far\n");
  });
});

test("waiting for URLs asks each until it answers", () => {
  const folder = temporaryFolder();
  const wget = `sleep() { :; }\nwget() { note "$@"; [ "$(wc -l < ${folder}/calls)" -ge 3 ]; }`;
  const { status, done, calls } = runJob(waitJob(["http://a:1/health", "http://b:2/it's"]), folder, wget);
  expect({ status, done }).toEqual({ status: 0, done: true });
  expect(calls.map((call) => call.split(" ").at(-1))).toEqual([
    "http://a:1/health",
    "http://a:1/health",
    "http://a:1/health",
    "http://b:2/it's",
  ]);
});

test.each(EXAMPLE_NAMES)("every script of %s is one that a POSIX shell reads", (name) => {
  for (const plan of planOf(exampleFleet(name)).nodes) {
    const ready = readyJob("http://haproxy:8405", { ...plan.haproxy, user: "99:99" });
    for (const { script } of [plan.prepare, ready]) {
      expect(spawnSync("sh", ["-n", "-c", script], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
    }
  }
});

test("a job has the capabilities that it needs as root, and none as anybody else", () => {
  expect(prepareJob([data()])).toMatchObject({ user: "0:0", capabilities: ["CAP_CHOWN", "CAP_DAC_OVERRIDE"] });
  const configure = configureJob({ inbox: "/i", folder: "/f", files: ["a"], owner: "99:99" });
  expect(configure).toMatchObject({ user: "0:0", capabilities: ["CAP_CHOWN"] });
  expect(readyJob("http://h", { configHash: "x", settleSeconds: 3, user: "99:99" })).toMatchObject({
    user: "99:99",
    capabilities: [],
  });
  expect(waitJob(["http://h"])).toMatchObject({ user: "65534:65534", capabilities: [] });
});

test.each(["", "plain", "it's", "a'b'c", '$x `y` \\ "', "line\nbreak", "größe"])(
  "a shell reads %j back as one word",
  (text) => {
    const { stdout } = spawnSync("sh", ["-c", `printf %s ${shellQuote(text)}`], { encoding: "utf8" });
    expect(stdout).toBe(text);
  },
);
