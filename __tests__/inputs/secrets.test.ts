import { chmodSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readStatsPassword, STATS_PASSWORD_FILE } from "../../inputs/secrets";
import { temporaryFolder } from "../support/folders";
import { codesOf, problemsOf } from "../support/problems";

const source = (statsPasswordFile: string | undefined) =>
  statsPasswordFile === undefined ? {} : { statsPasswordFile };
const VARIABLE = { HAPROXY_STATS_PASS: "from-the-variable" };

test.each([
  ["the variable", {}, VARIABLE, undefined, "from-the-variable"],
  [
    "the variable rather than the usual file",
    { [STATS_PASSWORD_FILE]: "from-the-file" },
    VARIABLE,
    undefined,
    "from-the-variable",
  ],
  ["the usual file", { [STATS_PASSWORD_FILE]: "from-the-file\n" }, {}, undefined, "from-the-file"],
  [
    "the file that the fleet names rather than the variable",
    { own: "from-the-fleet" },
    VARIABLE,
    "own",
    "from-the-fleet",
  ],
  ["a file of several spaces and a line end of Windows", { own: "  spaced out  \r\n" }, {}, "own", "  spaced out  "],
])("takes %s", (_, files, environment, passwordFile, expected) => {
  expect(readStatsPassword(temporaryFolder(files as Record<string, string>), environment, source(passwordFile))).toBe(
    expected,
  );
});

test.each([
  ["there is none", {}, {}, undefined, "secret/missing", "environment HAPROXY_STATS_PASS"],
  [
    "the fleet's file is missing, whatever the variable says",
    {},
    VARIABLE,
    "own",
    "secret/missing",
    "fleet.haproxy.stats.passwordFile",
  ],
  [
    "the variable is empty",
    {},
    { HAPROXY_STATS_PASS: "" },
    undefined,
    "secret/blank",
    "environment HAPROXY_STATS_PASS",
  ],
  [
    "the variable is blank",
    {},
    { HAPROXY_STATS_PASS: " \t" },
    undefined,
    "secret/blank",
    "environment HAPROXY_STATS_PASS",
  ],
])("fails when %s", (_, files, environment, passwordFile, code, where) => {
  const attempt = () => readStatsPassword(temporaryFolder(files), environment, source(passwordFile));
  expect(codesOf(problemsOf(attempt))).toEqual([[code, where]]);
});

test.each(["", "\n", "   \n"])("fails for a file that holds only %j", (text) => {
  const folder = temporaryFolder({ own: text });
  expect(codesOf(problemsOf(() => readStatsPassword(folder, {}, source("own"))))).toEqual([
    ["secret/blank", join(folder, "own")],
  ]);
});

test.each([0o644, 0o640, 0o604, 0o620, 0o601])("fails for a file of mode %o, which others may open", (mode) => {
  const folder = temporaryFolder({ own: "correct-horse" });
  chmodSync(join(folder, "own"), mode);
  const [problem] = problemsOf(() => readStatsPassword(folder, {}, source("own")));
  expect(problem).toMatchObject({
    code: "secret/readable-by-others",
    what: `${join(folder, "own")} has mode 0${mode.toString(8)}`,
    fix: `chmod 600 ${join(folder, "own")}`,
  });
});

test.each([0o600, 0o400])("takes a file of mode %o", (mode) => {
  const folder = temporaryFolder({ own: "correct-horse" });
  chmodSync(join(folder, "own"), mode);
  expect(readStatsPassword(folder, {}, source("own"))).toBe("correct-horse");
});

test("fails for a folder in the file's place", () => {
  const folder = temporaryFolder({ "own/file": "" });
  chmodSync(join(folder, "own"), 0o700);
  expect(problemsOf(() => readStatsPassword(folder, {}, source("own")))).toHaveLength(1);
});

test("tells no secret in any problem", () => {
  const folder = temporaryFolder({ own: "correct-horse" });
  chmodSync(join(folder, "own"), 0o644);
  expect(JSON.stringify(problemsOf(() => readStatsPassword(folder, {}, source("own"))))).not.toContain("correct-horse");
});
