import { describe, expect, test } from "vitest";
import { compareVersions } from "../../../lib/images/version";
import { type FlagUse, renderFlags, type VictoriaProgram } from "../../../lib/victoria/flags";
import { codesOf, problemsOf } from "../../support/problems";

const OPTIONAL: readonly [VictoriaProgram, FlagUse["flag"], string][] = [
  ["vmselect", "rpc.handshakeTimeout", "1.140.0"],
  ["victoria-logs", "insert.drainTimeout", "1.53.0"],
  ["victoria-metrics", "vmselectAddr", "1.150.0"],
  ["victoria-logs", "select.disable", "1.24.0"],
  ["vmagent", "remoteWrite.retryMaxInterval", "1.121.0"],
];

describe.each(OPTIONAL)("%s -%s, there since %s", (program, flag, since) => {
  const [major = 0, minor = 0] = since.split(".").map(Number);
  const older = `${major}.${minor - 1}.9`;
  const use: FlagUse = { flag, value: "x", optional: true };

  test.each([since, `${major}.${minor}.1`, `${major}.${minor + 1}.0`, `${major + 1}.0.0`])(
    "is given to %s",
    (version) => {
      expect(renderFlags(program, version, [use])).toEqual([`-${flag}=x`]);
    },
  );

  test("is left out for an older one", () => {
    expect(renderFlags(program, older, [use])).toEqual([]);
  });

  test("fails for an older one when the role cannot do without it", () => {
    const [problem] = problemsOf(() => renderFlags(program, older, [{ flag, value: "x" }]));
    expect(problem).toMatchObject({ code: "image/flag-unsupported", where: `images.${program}.version` });
    expect(problem?.what).toContain(`it came with ${since}`);
    expect(problem?.fix).toBe(`use ${program} ${since} or newer`);
  });
});

test("fails for every flag that a program does not have, at once", () => {
  const uses: FlagUse[] = [
    { flag: "storageDataPath", value: "/x" },
    { flag: "httpListenAddr", value: ":1" },
    { flag: "select.disable", value: true },
  ];
  expect(codesOf(problemsOf(() => renderFlags("vminsert", "1.153.0", uses)))).toEqual([
    ["image/flag-unsupported", "images.vminsert.version"],
    ["image/flag-unsupported", "images.vminsert.version"],
  ]);
});

test("keeps the order and writes a switch without a value", () => {
  const uses: FlagUse[] = [
    { flag: "select.disable", value: true },
    { flag: "httpListenAddr", value: ":9428" },
    { flag: "memory.allowedBytes", value: 5 },
  ];
  expect(renderFlags("victoria-logs", "1.53.0", uses)).toEqual([
    "-select.disable",
    "-httpListenAddr=:9428",
    "-memory.allowedBytes=5",
  ]);
});

test.each([
  ["1.9.0", "1.10.0"],
  ["1.99.9", "2.0.0"],
  ["0.158.0", "0.158.1"],
])("version %s is older than %s", (older, newer) => {
  expect(compareVersions(older, newer)).toBeLessThan(0);
  expect(compareVersions(newer, older)).toBeGreaterThan(0);
  expect(compareVersions(older, older)).toBe(0);
});
