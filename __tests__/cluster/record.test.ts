import { expect, test } from "vitest";
import type { ImageOverrides } from "../../lib";
import { type FileResult, recordOf } from "../support/record";
import { unrealParts } from "./real-parts";

const brought = (key: string, version: string) => ({ ref: `brought.test/${key}:${version}`, version });
const REAL: ImageOverrides = {
  vminsert: brought("vminsert", "1.150.0"),
  vmselect: brought("vmselect", "1.150.0"),
  vmstorage: brought("vmstorage", "1.150.0"),
  "victoria-traces": brought("victoria-traces", "0.13.0"),
};
const file = (project: string, name: string, more: Partial<FileResult> = {}): FileResult => ({
  ...{ project, file: name, seconds: 90, passed: 3, skipped: 0, failed: [] },
  ...more,
});

test("a run needs the four parts that are brought, and no stand-in", () => {
  expect(unrealParts(REAL)).toEqual([]);
  const { vmselect: _missing, ...others } = REAL;
  const double = { ...brought("double", "0.1.0"), standIn: "a test double" };
  expect(unrealParts({ ...others, "victoria-traces": double })).toEqual([
    "vmselect is not named",
    "victoria-traces is brought.test/double:0.1.0, a stand-in (a test double)",
  ]);
});

test("a record counts all files, names what failed, and leaves out what did not run", () => {
  const record = recordOf("2026-12-01", REAL, [
    file("cluster-fleet", "fleet/faults", { skipped: 1, failed: ["a host hangs"] }),
    file("cluster-e2e", "e2e/kills"),
    file("cluster-e2e", "e2e/counts", { seconds: 30 }),
  ]);
  expect(record).toMatchObject({ date: "2026-12-01", suite: "cluster", passed: 9, failed: 1, skipped: 1 });
  expect(record.parts).toMatchObject({ vmselect: "1.150.0", "victoria-traces": "0.13.0" });
  expect(record.parts).not.toHaveProperty("victoria-metrics");
  expect(record.notes).toBe("e2e/counts 0.5 min, e2e/kills 1.5 min. fleet/faults 1.5 min. fleet/faults: a host hangs");
});

test("a record of one suite is named after it; on one node no agent runs", () => {
  const { suite, parts } = recordOf("2026-12-01", REAL, [file("cluster-e2e", "e2e/kills")]);
  expect(suite).toBe("cluster-e2e");
  expect(parts).toHaveProperty("vmstorage");
  expect(parts).not.toHaveProperty("vlagent");
});

test("a record of built parts names neither the cluster, which did not run, nor a stand-in", () => {
  const { vminsert: _i, vmselect: _s, vmstorage: _t, ...single } = REAL;
  const images = { ...single, "victoria-traces": { ...brought("double", "0.1.0"), standIn: "a test double" } };
  const { suite, parts } = recordOf(
    "2026-12-01",
    images,
    [file("e2e", "e2e/kills"), file("fleet", "fleet/faults")],
    "4.6.0",
  );
  expect(suite).toBe("e2e+fleet");
  expect(parts).toMatchObject({ "victoria-metrics": expect.any(String), provider: "4.6.0" });
  for (const key of ["vminsert", "vmselect", "vmstorage", "victoria-traces"]) expect(parts).not.toHaveProperty(key);
});
