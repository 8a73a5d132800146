import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fromEnvFiles } from "../../index";
import { formatProblems } from "../../lib";
import {
  folderOf,
  LIST,
  lineOf,
  NODES,
  node,
  onLine,
  refusals,
  SETTINGS,
  textOf,
  type Variables,
  without,
} from "../support/env-files";
import { ROOT, temporaryFolder } from "../support/folders";
import { codesOf, problemsOf } from "../support/problems";

describe("fails with file and line", () => {
  const changed = (number: number, change: Variables): Variables[] =>
    NODES.map((variables, index) => (index + 1 === number ? { ...variables, ...change } : variables));

  test.each([...Object.keys(SETTINGS), ...Object.keys(LIST)])("once when one file lacks %s", (name) => {
    for (const lacking of [1, 2, 3]) {
      const nodes = NODES.map((variables, index) => (index + 1 === lacking ? without(variables, name) : variables));
      expect(refusals(nodes)).toEqual([["env/variable-missing", `.env.${lacking}`]]);
    }
  });

  test.each(["VM_RETENTION", "VL_RETENTION", "VT_RETENTION"])("once when %s differs", (name) => {
    expect(refusals(changed(2, { [name]: "5d" }))).toEqual([["env/files-differ", onLine(name, 1, 2, 3)]]);
  });

  test("for folders that differ: a store has one folder on all nodes", () => {
    const { paths, folder } = folderOf(changed(3, { VM_STORAGE_PATH: "/mnt/disk3/vm" }));
    const [problem, ...others] = problemsOf(() => fromEnvFiles(paths));
    expect(others).toEqual([]);
    const line = lineOf("VM_STORAGE_PATH");
    expect(problem?.what.replaceAll(`${folder}/`, "")).toBe(
      `VM_STORAGE_PATH is "/srv/vm" in .env.1:${line}, .env.2:${line}, "/mnt/disk3/vm" in .env.3:${line}`,
    );
    expect(problem?.fix).toContain("or give storagePaths.metrics in the second argument");
  });

  test.each<[string, readonly (Variables | string)[], readonly (readonly [string, string])[]]>([
    ["no NODE_NAME", [without(node(1, {}), "NODE_NAME")], [["env/variable-missing", ".env.1"]]],
    ["no NODE_IP", [without(node(1, {}), "NODE_IP")], [["env/variable-missing", ".env.1"]]],
    [
      "an address that is none",
      [{ ...node(1, {}), NODE_IP: "10.0.0" }],
      [["fleet/address-invalid", ".env.1:2 NODE_IP"]],
    ],
    ["a name that is none", [{ ...node(1, {}), NODE_NAME: "Node 1" }], [["fleet/name-invalid", ".env.1:1 NODE_NAME"]]],
    [
      "a name that two nodes have",
      [node(1, {}), { ...node(2, {}), NODE_NAME: "node1" }],
      [["fleet/name-duplicate", ".env.2:1 NODE_NAME"]],
    ],
    [
      "an address that two nodes have",
      [node(1, {}), { ...node(2, {}), NODE_IP: "10.0.0.11" }],
      [["fleet/address-duplicate", ".env.2:2 NODE_IP"]],
    ],
    [
      "an address that is not in the list",
      changed(2, { NODE_IP: "10.0.0.99" }),
      [["env/node-unlisted", ".env.2:2 NODE_IP"]],
    ],
    ["a node that has no file", [node(1), node(2)], [["env/node-without-file", onLine("NODE3_IP", 1, 2)]]],
    [
      "the name of one node and the address of another",
      [node(1), { ...node(2), NODE_NAME: "node3" }, { ...node(3), NODE_NAME: "node2" }],
      [
        ["env/files-differ", ".env.2:1 NODE_NAME"],
        ["env/files-differ", ".env.3:1 NODE_NAME"],
      ],
    ],
    [
      "a gap in the list",
      [{ NODE_NAME: "node1", NODE_IP: "10.0.0.11", NODE2_IP: "10.0.0.11" }],
      [
        ["env/variable-missing", ".env.1:3 NODE2_IP"],
        ["env/files-differ", ".env.1:1 NODE_NAME"],
      ],
    ],
    [
      "an address that the list has twice",
      [{ NODE_NAME: "a", NODE_IP: "10.0.0.11", NODE1_IP: "10.0.0.11", NODE2_IP: "10.0.0.11" }],
      [["fleet/address-duplicate", ".env.1:4 NODE2_IP"]],
    ],
    [
      "a port that is none",
      [{ ...node(1, {}), OTLP_GRPC_PORT: "grpc" }],
      [["fleet/port-invalid", ".env.1:11 OTLP_GRPC_PORT"]],
    ],
    [
      "a relative folder",
      [{ ...node(1, {}), VM_STORAGE_PATH: "./vm" }],
      [["fleet/path-invalid", ".env.1:6 VM_STORAGE_PATH"]],
    ],
    [
      "a line that says nothing",
      ["NODE_NAME=a\nNODE_IP=10.0.0.1\nVM_RETENTION 30d\n"],
      [["env/line-unreadable", ".env.1:3"]],
    ],
    [
      "a value that compose completes",
      ["NODE_NAME=a\nNODE_IP=10.0.0.1\nVM_STORAGE_PATH=/srv/${NODE_NAME}/vm\n"],
      [["env/value-interpolated", ".env.1:3 VM_STORAGE_PATH"]],
    ],
  ])("for %s", (_, nodes, expected) => {
    expect(refusals(nodes)).toEqual(expected);
  });

  test("once for a misspelt variable, with what was meant", () => {
    const misspelt = { ...without(node(2), "VM_RETENTION"), VM_RETENTON: "90d" };
    const { paths } = folderOf([node(1), misspelt, node(3)]);
    const [problem, ...more] = problemsOf(() => fromEnvFiles(paths));
    expect(more).toEqual([]);
    expect(problem).toMatchObject({ code: "env/variable-unknown", fix: "did you mean VM_RETENTION?" });
  });

  test("as docs/migration.md shows it", () => {
    const folder = join(ROOT, "examples/env-files");
    const [first = "", second = "", third = ""] = [1, 2, 3].map((number) =>
      readFileSync(join(folder, `.env.node${number}`), "utf8"),
    );
    const files = { ".env.node1": first, ".env.node2": second.replace("VL_RETENTION", "VL_RETENTON") };
    const elsewhere = temporaryFolder({ ...files, ".env.node3": third.replace("90d", "30d") });
    const paths = ["1", "2", "3"].map((number) => join(elsewhere, `.env.node${number}`));
    const shown = formatProblems(problemsOf(() => fromEnvFiles(paths))).replaceAll(`${elsewhere}/`, "");
    expect(readFileSync(join(ROOT, "docs/migration.md"), "utf8")).toContain(`\`\`\`\n${shown}\n\`\`\``);
  });

  test("for a variable that is like no other, and does not tell its value", () => {
    const { paths } = folderOf([{ ...node(1, {}), SLACK_TOKEN: "xoxb-secret" }]);
    const [problem, ...more] = problemsOf(() => fromEnvFiles(paths));
    expect(more).toEqual([]);
    expect(problem).toMatchObject({ code: "env/variable-unknown", what: "unknown variable SLACK_TOKEN" });
    expect(JSON.stringify(problem)).not.toContain("xoxb-secret");
  });

  test("for a file that is not there, and then says nothing about its node", () => {
    const { folder, paths } = folderOf([node(1), node(2)]);
    const problems = problemsOf(() => fromEnvFiles([...paths, join(folder, ".env.3")]));
    expect(codesOf(problems)).toEqual([["env/file-missing", join(folder, ".env.3")]]);
  });

  test("for a folder in a file's place, and for no file at all", () => {
    const folder = temporaryFolder();
    expect(codesOf(problemsOf(() => fromEnvFiles([folder])))).toEqual([["env/file-unreadable", folder]]);
    expect(codesOf(problemsOf(() => fromEnvFiles([])))).toEqual([["fleet/no-nodes", "fromEnvFiles"]]);
  });

  test("with all of it at once", () => {
    const nodes = [
      { ...node(1), HAPROXY_STATS_PASS: "short" },
      { ...node(2), NODE_IP: "10.0.0.300", VM_RETENTION: "1m" },
      `${textOf(without(node(3), "NODE_NAME"))}what is this\n`,
    ];
    const codes = refusals(nodes).map(([code]) => code);
    expect(codes.toSorted()).toEqual([
      "env/files-differ",
      "env/line-unreadable",
      "env/node-unlisted",
      "env/variable-missing",
      "fleet/address-invalid",
      "secret/unusable",
    ]);
  });
});
