import { describe, expect, test } from "vitest";
import { clockFindings } from "../../../cli/up/clocks";

const clocks = (...ahead: readonly number[]) =>
  ahead.map((aheadSeconds, index) => ({ node: `node${index + 1}`, aheadSeconds }));

test("clocks within a minute of each other are as good as one", () => {
  expect(clockFindings(clocks(0.4, -29, 30))).toEqual({ errors: [], warnings: [] });
  expect(clockFindings([])).toEqual({ errors: [], warnings: [] });
});

test("more than a minute between two hosts is told, with both and every host's seconds", () => {
  const { errors, warnings } = clockFindings(clocks(-40, 2, 45));
  expect(errors).toEqual([]);
  expect(warnings).toMatchObject([{ code: "clock/skew", where: "node1, node3" }]);
  expect(warnings[0]?.what).toBe(
    "the clocks of node1 and node3 are 85 s apart (against this machine: node1 -40 s, node2 +2 s, node3 +45 s)",
  );
});

describe("this machine is one of those that are compared", () => {
  test("hosts that agree with each other and not with it", () => {
    const [warning] = clockFindings(clocks(300, 301)).warnings;
    expect(warning?.what).toMatch(/^the clocks of this machine and node2 are 301 s apart/);
    expect(warning?.where).toBe("node2");
  });
});

test("fails beyond an hour: certificates are not valid there", () => {
  const { errors, warnings } = clockFindings(clocks(0, -3_700));
  expect(errors).toMatchObject([{ code: "clock/skew" }]);
  expect(warnings).toEqual([]);
});
