import { expect, test } from "vitest";
import { parseMebibytes, parseRetentionDays, retentionHint } from "../../../lib/fleet/quantity";

test.each([
  ["1d", 1],
  ["30d", 30],
  ["4w", 28],
  ["1y", 365],
  ["100y", 36_500],
])("retention %s is %d days", (text, days) => {
  expect(parseRetentionDays(text)).toBe(days);
});

test.each([
  "",
  " ",
  "0",
  "0d",
  "-1d",
  "10 days",
  "30",
  "1m",
  "24h",
  "1.5d",
  "1e3d",
  "30D",
  " 30d",
  "30d ",
  "30d\n",
  "101y",
  "٣d",
  "1d1d",
  "99999999d",
])("fails to read %j as a retention", (text) => {
  expect(parseRetentionDays(text)).toBeUndefined();
});

test.each([
  ["1m", "30d"],
  ["3m", "90d"],
  ["30", '"30d"'],
  ["10 days", '"10d"'],
])("says for retention %s to write %s", (text, hint) => {
  expect(retentionHint(text)).toContain(hint);
});

test.each(["0", "0 days", "-1d", "nonsense"])("offers no zero or negative retention for %j", (text) => {
  expect(retentionHint(text)).not.toMatch(/"-?0?d"|"0d"/);
});

test.each([
  ["1MiB", 1],
  ["512MiB", 512],
  ["2GiB", 2048],
  ["1TiB", 1_048_576],
])("size %s is %d MiB", (text, mebibytes) => {
  expect(parseMebibytes(text)).toBe(mebibytes);
});

test.each(["", "0", "0MiB", "512", "512mb", "512MB", "512Mi", "512mib", "-1MiB", "1.5GiB", "1 GiB", "512MiB\n"])(
  "fails to read %j as a size",
  (text) => {
    expect(parseMebibytes(text)).toBeUndefined();
  },
);
