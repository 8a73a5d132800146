import { chmodSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { defineFleet, fromEnvFiles } from "../../index";
import { readStatsPassword } from "../../inputs/secrets";
import { type EnvFilesOptions, planFleet } from "../../lib";
import { fleetOf, folderOf, LIST, NODES, node, SETTINGS, textOf, type Variables, without } from "../support/env-files";
import { PASSWORD, secretsFor } from "../support/fleets";
import { codesOf, problemsOf } from "../support/problems";

describe("the .env files of the predecessor's nodes", () => {
  test("become what defineFleet gives for the same settings", () => {
    expect(fleetOf(NODES)).toEqual(
      defineFleet({
        nodes: Object.values(LIST).map((address, index) => ({
          name: `node${index + 1}`,
          address,
          docker: { kind: "ssh", host: address },
        })),
        retention: { metrics: "90d", logs: "4w", traces: "3d" },
        storagePaths: { metrics: "/srv/vm", logs: "/srv/vl", traces: "/srv/vt" },
        ports: { otlpGrpc: 5317, otlpHttp: 5318, stats: 9404, gatewayMetrics: 9888 },
        haproxy: { stats: { user: "operator" } },
      }),
    );
  });

  test.each([
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ])("give one fleet in whatever order they are named: %d %d %d", (...order) => {
    expect(fleetOf(order.map((index) => NODES[index] ?? expect.fail()))).toEqual(fleetOf(NODES));
  });

  test("are in the order of NODE1_IP, NODE2_IP, …, whatever the nodes are called", () => {
    const named = ["west", "east", "north"].map((name, index) => ({ ...node(index + 1), NODE_NAME: name }));
    expect(fleetOf(named.toReversed()).nodes.map(({ name }) => name)).toEqual(["west", "east", "north"]);
  });

  test("are in the order of their names without such a list, ten after nine", () => {
    const nodes = Array.from({ length: 11 }, (_, index) => node(index + 1, {}));
    const names = fleetOf(nodes.toSorted((a, b) => textOf(a).localeCompare(textOf(b)))).nodes.map(({ name }) => name);
    expect(names).toEqual(nodes.map(({ NODE_NAME }) => NODE_NAME));
  });

  test("may be one", () => {
    expect(fleetOf([node(1, { NODE1_IP: "10.0.0.11" })]).nodes).toHaveLength(1);
  });

  test("leave out what has a default", () => {
    const bare = NODES.map((variables) => without(variables, ...Object.keys(SETTINGS)));
    expect(fleetOf(bare)).toMatchObject({ retentionDays: { metrics: 30, logs: 14, traces: 7 }, storagePaths: {} });
  });

  test("may be written as compose takes them", () => {
    const text = [
      "\uFEFF# node",
      "export NODE_NAME = 'node1'",
      'NODE_IP="10.0.0.11"  # the first',
      "",
      "COMPOSE_PROJECT_NAME=o11y",
      "DOCKER_HOST=ssh://elsewhere",
      "VM_RETENTION=90d # days",
      "VL_RETENTION=",
    ].join("\r\n");
    const fleet = fleetOf([text]);
    expect(fleet.nodes).toMatchObject([{ name: "node1", address: "10.0.0.11" }]);
    expect(fleet.retentionDays).toMatchObject({ metrics: 90, logs: 14 });
  });

  test("give way to the second argument, also where they differ or cannot be used", () => {
    const [first = {}, second = {}, third = {}] = NODES;
    const odd = [
      first,
      { ...second, VM_RETENTION: "30", HAPROXY_STATS_PORT: "http" },
      without(third, "OTLP_HTTP_PORT"),
    ];
    const fleet = fleetOf(odd, {
      name: "staging",
      retention: { metrics: "1y" },
      ports: { stats: 8404, otlpHttp: 4318 },
      logLevel: "warn",
    });
    expect(fleet).toMatchObject({
      name: "staging",
      retentionDays: { metrics: 365, logs: 28 },
      ports: { stats: 8404, otlpHttp: 4318, otlpGrpc: 5317 },
      logLevel: "warn",
    });
  });

  test("take the engines' places from a function", () => {
    const docker: EnvFilesOptions["docker"] = ({ name }) => ({ kind: "context", name });
    expect(fleetOf(NODES, { docker }).nodes.map((one) => one.docker)).toEqual(
      ["node1", "node2", "node3"].map((name) => ({ kind: "context", name })),
    );
  });
});

describe("the password in them", () => {
  const withPassword = (...passwords: readonly (string | undefined)[]): Variables[] =>
    NODES.map((variables, index) => {
      const password = passwords[index];
      return password === undefined ? variables : { ...variables, HAPROXY_STATS_PASS: password };
    });

  test("is used, whatever the environment says, and stands in no fleet and no plan; one file is enough", () => {
    const { folder, paths } = folderOf(withPassword(undefined, PASSWORD));
    const fleet = fromEnvFiles(paths);
    expect(fleet.haproxy.statsPasswordEnvFile).toBe(paths[1]);
    const environment = { HAPROXY_STATS_PASS: "of-the-environment" };
    expect(readStatsPassword(folder, environment, fleet.haproxy)).toBe(PASSWORD);
    const plan = planFleet(fleet, { ...secretsFor(fleet), statsPassword: PASSWORD });
    expect(JSON.stringify([fleet, plan])).not.toContain(PASSWORD);
  });

  test("fails where it is gone from the file, or others may read it by now", () => {
    const { folder, paths } = folderOf(withPassword(PASSWORD));
    const [path = ""] = paths;
    const { haproxy } = fromEnvFiles(paths);
    chmodSync(path, 0o644);
    expect(codesOf(problemsOf(() => readStatsPassword(folder, {}, haproxy)))).toEqual([
      ["secret/readable-by-others", path],
    ]);
    chmodSync(path, 0o600);
    writeFileSync(path, textOf(node(1)));
    expect(codesOf(problemsOf(() => readStatsPassword(folder, {}, haproxy)))).toEqual([
      ["secret/missing", "fleet.haproxy.stats.passwordEnvFile"],
    ]);
  });

  test.each([0o644, 0o640])("fails in each file of mode %o that has it, and in no other", (mode) => {
    const { paths } = folderOf(withPassword(PASSWORD, PASSWORD));
    for (const path of paths) chmodSync(path, mode);
    const problems = problemsOf(() => fromEnvFiles(paths));
    expect(codesOf(problems)).toEqual(paths.slice(0, 2).map((path) => ["secret/readable-by-others", path]));
    expect(problems[0]?.fix).toBe(`chmod 600 ${paths[0]}`);
    expect(fromEnvFiles(paths, { haproxy: { stats: { passwordFile: "elsewhere" } } }).haproxy).toMatchObject({
      statsPasswordFile: "elsewhere",
    });
  });

  test.each([
    ["too short", ["b4d-pass", "b4d-pass"], "secret/unusable"],
    ["not the same", [PASSWORD, `${PASSWORD}-2`], "env/files-differ"],
  ])("fails when it is %s, and is not told", (_, passwords, code) => {
    const { paths, folder } = folderOf(withPassword(...passwords));
    const problems = problemsOf(() => fromEnvFiles(paths));
    expect(codesOf(problems).map(([found, where]) => [found, where.replaceAll(`${folder}/`, "")])).toEqual([
      [code, ".env.1:17, .env.2:17 HAPROXY_STATS_PASS"],
    ]);
    for (const password of passwords) expect(JSON.stringify(problems)).not.toContain(password.slice(0, 8));
  });
});
