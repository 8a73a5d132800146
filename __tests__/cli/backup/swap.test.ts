import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { swapScript } from "../../../cli/backup/swap";
import { temporaryFolder } from "../../support/folders";

const owner = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;

/** A volume with these files; folders are made. */
function volume(files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

function swap(path: string): void {
  const { status, stderr } = spawnSync(
    "sh",
    ["-c", `set -eu\n${swapScript({ path, data: { source: "v", owner, format: "cluster" } })}`],
    { encoding: "utf8" },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
}

const NEW = {
  ".mirador-restore/partitions/20261123/datadb/parts.json": "new",
  ".mirador-restore/metadata/x": "new",
};
const AFTER = [".mirador-format", ".mirador-group", "metadata", "partitions"];

describe("restored data takes the place of what is there", () => {
  test("what was there is gone, marks stay, and the data counts as older than any", () => {
    const folder = volume({
      ...NEW,
      ".mirador-group": "a",
      ".mirador-format": "cluster",
      "partitions/20261122/datadb/parts.json": "old",
      "flock.lock": "",
    });
    swap(folder);
    expect(readdirSync(folder).toSorted()).toEqual(AFTER);
    expect(readdirSync(join(folder, "partitions"))).toEqual(["20261123"]);
    expect(statSync(join(folder, ".mirador-group")).mtimeMs).toBe(0);
  });

  test("an empty volume gets the data, and its format is marked", () => {
    const folder = volume(NEW);
    swap(folder);
    expect(readFileSync(join(folder, ".mirador-format"), "utf8")).toBe("cluster\n");
    expect(readdirSync(folder).toSorted()).toEqual([".mirador-format", "metadata", "partitions"]);
  });

  test.each([
    ["before anything was put into place", { ".mirador-replaced/aaaaaa/partitions/20261122/x": "old" }],
    ["in the middle", { ".mirador-replaced/aaaaaa/partitions/20261122/x": "old", "partitions/20261123/y": "half" }],
  ])("a run that was cut off %s is completed by the next one", (_, left) => {
    const folder = volume({ ...NEW, ...left, ".mirador-restore.swapping": "", ".mirador-group": "a" });
    swap(folder);
    expect(readdirSync(folder).toSorted()).toEqual(AFTER);
    expect(readFileSync(join(folder, "partitions/20261123/datadb/parts.json"), "utf8")).toBe("new");
    expect(readdirSync(join(folder, "partitions/20261123"))).toEqual(["datadb"]);
  });
});
