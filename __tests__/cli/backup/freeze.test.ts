import { describe, expect, test } from "vitest";
import { snapshotsIn } from "../../../cli/backup/freeze";
import { rowsIn } from "../../../cli/backup/store";
import { scratchCommand } from "../../../cli/backup/verify";

describe("snapshots of partitions", () => {
  const path = "/vlogs/partitions/20261123/snapshots/20261123141500-18A0";

  test("are read beside the headers of the answer", () => {
    expect(snapshotsIn(`  HTTP/1.1 200 OK\r\n  Date: today\r\n["${path}"]\n`, "/vlogs")).toEqual([
      { path, day: "20261123" },
    ]);
    expect(snapshotsIn(`["${path}",\n "${path.replace("1123/", "1122/")}"]`, "/vlogs")).toHaveLength(2);
    expect(snapshotsIn("[]", "/vlogs")).toEqual([]);
  });

  test("are none in the answer of a store that cannot", () => {
    expect(snapshotsIn("  HTTP/1.1 400 Bad Request\nwget: server returned error", "/vlogs")).toBeUndefined();
  });

  test.each(["/etc/partitions/20261123/snapshots/x", "/vlogs/partitions/../../etc", `${path}; rm -rf /`])(
    "are refused at %j",
    (bad) => {
      expect(() => snapshotsIn(JSON.stringify([bad]), "/vlogs")).toThrow(/unknown place/);
    },
  );
});

describe("rows that a store counts", () => {
  test("are those of its parts, not of its index, in each store's own words", () => {
    const metrics = [
      'vm_rows{type="storage/inmemory"} 1',
      'vm_rows{type="storage/small"} 20',
      'vm_rows{type="storage/big"} 300',
      'vm_rows{type="indexdb/file"} 5000',
      'vm_pending_rows{type="storage"} 7',
    ];
    expect(rowsIn(metrics.join("\n"))).toBe(321);
    expect(rowsIn('vl_storage_rows{type="storage/small"} 4\nvl_storage_rows{type="indexdb"} 9')).toBe(4);
    expect(rowsIn('vt_storage_rows{type="storage"} 1e3')).toBe(1000);
  });
});

test("a scratch store keeps what it is given, and changes nothing else", () => {
  const command = [
    "-storageDataPath=/vlogs",
    "-retentionPeriod=3d",
    "-dedup.minScrapeInterval=1ms",
    "-httpListenAddr=:1",
  ];
  expect(scratchCommand(command, "/vlogs/data")).toEqual([
    "-httpListenAddr=:1",
    "-storageDataPath=/vlogs/data",
    "-retentionPeriod=100y",
  ]);
});
