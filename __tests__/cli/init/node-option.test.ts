import { describe, expect, test } from "vitest";
import { CliError, EXIT } from "../../../cli/failure";
import { engineText, type NamedNode, parseNodes } from "../../../cli/init/node-option";

const parse = (...nodes: readonly string[]) => parseNodes(nodes, { name: undefined, addressKnown: false });

const troubles = (work: () => unknown): CliError => {
  try {
    work();
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
  return expect.fail("it was understood");
};

test.each<[string, NamedNode["docker"]]>([
  ["n=10.0.0.1", undefined],
  ["n=10.0.0.1@unix://", { kind: "unix" }],
  ["n=10.0.0.1@unix:///run/d.sock", { kind: "unix", socket: "/run/d.sock" }],
  ["n=10.0.0.1@ssh://h.example.org", { kind: "ssh", host: "h.example.org" }],
  ["n=10.0.0.1@ssh://deploy@10.0.0.1:2222", { kind: "ssh", host: "10.0.0.1", user: "deploy", port: 2222 }],
  ["n=10.0.0.1@tcp://10.0.0.1/etc/c", { kind: "tcp", host: "10.0.0.1", certificatePath: "/etc/c" }],
  ["n=10.0.0.1@tcp://h:99/etc/c", { kind: "tcp", host: "h", port: 99, certificatePath: "/etc/c" }],
  ["n=10.0.0.1@prod", { kind: "context", name: "prod" }],
])("%s", (text, docker) => {
  expect(parse(text)).toEqual([{ text, name: "n", address: "10.0.0.1", ...(docker && { docker }) }]);
  if (docker !== undefined) expect(text).toBe(`n=10.0.0.1@${engineText(docker)}`);
});

test("an address may be left out where something else tells it", () => {
  const text = "n@ssh://h";
  expect(parseNodes([text], { name: undefined, addressKnown: true })).toEqual([
    { text, name: "n", docker: { kind: "ssh", host: "h" } },
  ]);
});

describe("fails with 64", () => {
  test.each([
    ["n", "init/node-invalid"],
    ["n@prod", "init/node-invalid"],
    ["=10.0.0.1", "init/node-invalid"],
    ["n=10.0.0.1@", "init/node-invalid"],
    ["n=10.0.0.1@http://h", "init/node-invalid"],
    ["n=10.0.0.1@tcp://h", "init/node-invalid"],
    ["n=10.0.0.1@tcp://me@h/c", "init/node-invalid"],
    ["n=10.0.0.1@ssh://h/c", "init/node-invalid"],
    ["n=10.0.0.1@unix://sock", "init/node-invalid"],
    ["Node_1=10.0.0.1", "fleet/name-invalid"],
    ["n=10.0.0.256", "fleet/address-invalid"],
    ["n=0.0.0.0", "fleet/address-invalid"],
    ["n=10.0.0.1@ssh://h:70000", "fleet/port-invalid"],
    ["n=10.0.0.1@ssh://a$b@h", "fleet/text-unsafe"],
    ["n=10.0.0.1@my prod", "fleet/text-unsafe"],
  ])("on %s", (text, code) => {
    const error = troubles(() => parse(text));
    expect(error.exitCode).toBe(EXIT.usage);
    expect(error.troubles).toMatchObject([{ code, where: `--node ${text}` }]);
  });

  test("on everything that is wrong at once, told by what was typed", () => {
    const typed = ["a=10.0.0.1", "a=10.0.0.1", "b", "C=10.0.0.2"];
    const error = troubles(() => parseNodes(typed, { name: "My fleet", addressKnown: false }));
    expect(error.troubles.map(({ code, where }) => [code, where])).toEqual([
      ["init/node-invalid", "--node b"],
      ["fleet/name-invalid", "--name My fleet"],
      ["fleet/name-invalid", "--node C=10.0.0.2"],
      ["fleet/name-duplicate", "--node a=10.0.0.1"],
      ["fleet/address-duplicate", "--node a=10.0.0.1"],
    ]);
    expect(error.message).not.toContain("fleet.nodes");
  });
});
