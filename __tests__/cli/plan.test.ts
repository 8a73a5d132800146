import { describe, expect, test } from "vitest";
import { type ContainerChange, changesOf, differs, takesAway } from "../../cli/plan/changes";
import { driftOf, driftText } from "../../cli/plan/run";
import { changeLines, changesSaid } from "../../cli/plan/words";
import type { TerraformChange } from "../../cli/terraform-plan";
import { defineFleet } from "../../lib";
import { nodes, planOf } from "../support/fleets";

type Values = Readonly<Record<string, unknown>>;

function container(
  name: string,
  actions: readonly string[],
  before: Values | null,
  after: Values | null,
  more: Partial<TerraformChange["change"]> = {},
): TerraformChange {
  const change = { actions, before, after, ...more };
  return { address: `docker_container.${name}`, type: "docker_container", name, change };
}

const CHANGED = ["update"];
const REPLACED = ["delete", "create"];

describe("what Terraform would do, in words", () => {
  const [plan] = planOf(defineFleet({ nodes: nodes(1) })).nodes;
  if (plan === undefined) throw new Error("no plan");

  function one(change: TerraformChange, drift?: TerraformChange): ContainerChange {
    const { containers } = changesOf({ resource_changes: [change], resource_drift: drift ? [drift] : [] });
    if (containers[0] === undefined) throw new Error("no change");
    return containers[0];
  }

  test("nothing is nothing", () => {
    const changes = changesOf({ resource_changes: [container("gateway", ["no-op"], {}, {})] });
    expect(differs(changes)).toBe(false);
    expect(changeLines(plan, changes)).toEqual(["nothing to change"]);
    expect(changesSaid(changes)).toBe("nothing to change");
  });

  test("a container is replaced for its image, its flags, its configuration and its files", () => {
    const before = {
      image: "haproxy:3.0.11",
      command: ["-a=1", "-retentionPeriod=30d", "-gone"],
      env: ["OTELCOL_CONFIG=a: 1", "GOGC=100"],
      upload: [{ file: "/inbox/haproxy.cfg", content: "x" }],
    };
    const after = {
      image: "haproxy:3.0.12",
      command: ["-a=1", "-retentionPeriod=14d"],
      env: ["OTELCOL_CONFIG=a: 2", "GOGC=100"],
      upload: [{ file: "/inbox/haproxy.cfg", content: "y" }],
    };
    const paths = [["image"], ["command"], ["env"], ["upload", 0, "content"]];
    const more = { before: { ...before, working_dir: "/" }, after: { ...after, working_dir: null } };
    const change = container("vmstorage", REPLACED, more.before, more.after, { replace_paths: paths });
    expect(one(change)).toEqual({
      name: "vmstorage",
      action: "replace",
      because: [
        "image haproxy:3.0.11 → haproxy:3.0.12",
        "-retentionPeriod 30d → 14d",
        "-gone",
        "its configuration",
        "haproxy.cfg",
      ],
      ...{ runs: true, from: "fleet" },
    });
  });

  test("a script is not printed, and its words are not taken for flags", () => {
    const [before, after] = ["a=1", "a=2"].map((line) => ({ command: ["-ec", `set -eu\n${line}\n`, "x"] }));
    const change = container("prepare", REPLACED, before ?? null, after ?? null, { replace_paths: [["command"]] });
    expect(one(change).because).toEqual(["its script"]);
  });

  test("what was changed on the host is told from what the fleet says", () => {
    const was = { memory: 256, must_run: true };
    const edited = container("gateway", CHANGED, { ...was, memory: 512 }, was);
    const drift = container("gateway", CHANGED, was, { ...was, memory: 512 });
    expect(one(edited, drift)).toEqual({
      ...{ name: "gateway", action: "change", runs: true, from: "host" },
      because: ["memory 512 → 256"],
    });
    // Docker says something new of it that nobody minds.
    const noise = container("gateway", CHANGED, was, { ...was, network_data: [1] });
    expect(one(edited, noise)).toMatchObject({ from: "fleet" });
  });

  test("a stopped container is started, or replaced when it has ports", () => {
    const stopped = { must_run: false, ports: [] };
    const wanted = { must_run: true, ports: [{ external: 4317 }] };
    const drift = container("haproxy", CHANGED, wanted, stopped);
    const ports = { replace_paths: [["ports"]] };
    expect(one(container("haproxy", REPLACED, stopped, wanted, ports), drift)).toEqual({
      ...{ name: "haproxy", action: "replace", runs: false, from: "host" },
      because: ["it does not run"],
    });
    const plain = container("gateway", CHANGED, { must_run: false }, { must_run: true });
    expect(one(plain, container("gateway", CHANGED, { must_run: true }, { must_run: false }))).toEqual({
      ...{ name: "gateway", action: "start", runs: false, from: "host" },
      because: ["it does not run"],
    });
  });

  test("a deleted container is made, and one that never was is made too", () => {
    const made = container("gateway", ["create"], null, { memory: 1 });
    expect(one(made, container("gateway", ["delete"], { memory: 1 }, null))).toEqual({
      ...{ name: "gateway", action: "make", runs: false, from: "host" },
      because: ["its container is gone"],
    });
    expect(one(made)).toEqual({ name: "gateway", action: "make", runs: false, from: "fleet", because: [] });
  });

  test("nothing that Terraform marks as sensitive, or knows only later, is told", () => {
    const change = container(
      "haproxy",
      REPLACED,
      { token: "old secret", id: "a", image: "x" },
      { token: "new secret", image: null },
      { after_sensitive: { token: true }, after_unknown: { image: true }, replace_paths: [["token"], ["image"]] },
    );
    expect(one(change).because).toEqual(["token"]);
  });

  function retention(name: string, from: string, to: string): TerraformChange {
    const [before, after] = [from, to].map((time) => ({ command: [`-retentionPeriod=${time}`] }));
    return container(name, REPLACED, before ?? null, after ?? null, { replace_paths: [["command"]] });
  }

  test("says what restarts, which jobs run, what stays up and what is lost", () => {
    const changes = changesOf({
      resource_changes: [
        retention("vlstorage", "14d", "7d"),
        retention("vmstorage", "30d", "1y"),
        container("ready", REPLACED, { labels: [1] }, { labels: [2] }),
      ],
    });
    const lines = changeLines(plan, changes);
    expect(lines.slice(0, 3)).toEqual([
      "vlstorage restarts as a new container (-retentionPeriod 14d → 7d)",
      "vmstorage restarts as a new container (-retentionPeriod 30d → 1y)",
      "jobs that run: ready",
    ]);
    expect(lines[3]).toMatch(/^stays up: .*gateway.*haproxy$/);
    expect(lines[3]).not.toContain("vlstorage");
    expect(lines.slice(4)).toEqual(["lost: vlstorage removes what is older than 7d (14d until now)"]);
    expect(changesSaid(changes)).toBe("vlstorage, vmstorage, ready to be replaced");
  });

  test("data that a service would no longer see is told, and where it stays", () => {
    const mounts = (source: Values) => ({
      volumes: [
        { container_path: "/data", read_only: false, ...source },
        { container_path: "/socket", volume_name: "x", read_only: true },
      ],
    });
    const [before, after] = [mounts({ volume_name: "mirador_node1-logs-data" }), mounts({ host_path: "/mnt/logs" })];
    const paths = { replace_paths: [["volumes"]] };
    const changes = changesOf({
      resource_changes: [
        container("vlstorage", REPLACED, before, after, paths),
        container("vmstorage", REPLACED, before, before, { replace_paths: [["image"]] }),
        container("prepare", REPLACED, before, after, paths),
      ],
    });
    expect(changeLines(plan, changes).filter((line) => line.startsWith("left behind"))).toEqual([
      "left behind: what vlstorage has in mirador_node1-logs-data stays there and is seen no more; it goes on with what is in /mnt/logs",
    ]);
  });

  test("a deploy takes nothing away that only makes, starts, or changes what goes on running", () => {
    const services = new Set(["gateway", "haproxy"]);
    const takes = (change: TerraformChange) => takesAway(changesOf({ resource_changes: [change] }), services);
    const [up, down] = [{ must_run: true }, { must_run: false }];
    expect(takes(container("gateway", REPLACED, { ...up, image: "a" }, { ...up, image: "b" }))).toBe(true);
    expect(takes(container("vlold", ["delete"], up, null))).toBe(true);
    expect(takes(container("haproxy", REPLACED, down, up))).toBe(false);
    expect(takes(container("gateway", ["create"], null, up))).toBe(false);
    expect(takes(container("gateway", CHANGED, { ...up, memory: 1 }, { ...up, memory: 2 }))).toBe(false);
    expect(takes(container("ready", REPLACED, up, up))).toBe(false);
  });

  test("volumes that would go are named by their names", () => {
    const volume = (name: string, actions: readonly string[]): TerraformChange => ({
      ...{ address: `docker_volume.${name}`, type: "docker_volume", name },
      change: { actions, before: { name: `mirador_node1-${name}` }, after: null },
    });
    const changes = changesOf({ resource_changes: [volume("logs-data", ["delete"]), volume("other", ["no-op"])] });
    expect(changes.removedVolumes).toEqual(["mirador_node1-logs-data"]);
    expect(changes.others).toEqual([{ address: "docker_volume.logs-data", action: "remove" }]);
  });
});

describe("drift", () => {
  const changes = {
    containers: [
      { name: "gateway", action: "change", because: ["memory 512 → 256"], runs: true, from: "host" },
      { name: "ready", action: "replace", because: [], runs: true, from: "fleet" },
      { name: "vlagent", action: "make", because: [], runs: false, from: "fleet" },
      { name: "vmsingle", action: "remove", because: [], runs: true, from: "fleet" },
    ] as const,
    others: [{ address: "docker_image.haproxy", action: "make" }] as const,
    removedVolumes: [],
    moves: [],
  };

  test("is what Terraform would change, and what it takes for well that is not", () => {
    const found = driftOf("node1", changes, [
      { service: "gateway", state: "exited" },
      { service: "vlselect", state: "paused" },
      { service: "vmselect", state: "running", healthy: false },
      { service: "vtselect", state: "running", healthy: true },
      { service: "vmagent", state: "running" },
    ]);
    expect(driftText(found, 3)).toEqual([
      "node   what                  why                       how it differs",
      "node1  gateway               changed on the host       memory 512 → 256",
      "node1  vlagent               the fleet says otherwise  is not there",
      "node1  vmsingle              the fleet says otherwise  is no part of the fleet any more",
      "node1  docker_image.haproxy  the fleet says otherwise  is not there",
      "node1  vlselect              does not work             is paused",
      "node1  vmselect              does not work             is not healthy",
      "",
      "npm run mirador -- up makes it as the fleet says",
    ]);
  });

  test("is nothing when all is as the fleet says", () => {
    expect(driftText([], 3)).toEqual(["all 3 nodes are as the fleet says"]);
    expect(driftText([], 1)).toEqual(["the node is as the fleet says"]);
  });
});
