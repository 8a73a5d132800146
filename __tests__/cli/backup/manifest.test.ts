import { describe, expect, test } from "vitest";
import { idOf, type Manifest, manifestText, parseManifest } from "../../../cli/backup/manifest";

const sha256 = "ab".repeat(32);
const manifest: Manifest = {
  format: 1,
  id: "20261123T141500Z",
  fleet: "mirador",
  waiting: 0,
  stores: [
    {
      ...{ signal: "logs", layout: "cluster", node: "node1", group: "a", service: "vlstorage", version: "1.53.0" },
      ...{ frozen: "2026-11-23T14:15:00.000Z", rows: 3 },
      files: [{ path: "partitions/20261123/datadb/18A/metadata.json", size: 5, changed: 1, sha256, rows: 3 }],
    },
  ],
};

/** Whole and signed, with another content. */
function changed(change: (copy: { stores: { files: { path: string; sha256: string }[] }[] }) => void): string {
  const copy = structuredClone(manifest);
  change(copy);
  return manifestText(copy);
}

const codeOf = (text: string): string => {
  const parsed = parseManifest(text, "here");
  return "code" in parsed ? parsed.code : "fine";
};

describe("the manifest of a backup", () => {
  test("is read as it was written", () => {
    expect(parseManifest(manifestText(manifest), "here")).toEqual(manifest);
  });

  test("is refused when it is cut off anywhere", () => {
    const text = manifestText(manifest).trim();
    for (let length = 0; length < text.length; length += 7)
      expect(codeOf(text.slice(0, length)), `${length}`).toBe("backup/damaged");
  });

  test("is refused when a value was changed", () => {
    expect(codeOf(manifestText(manifest).replace('"rows":3', '"rows":4'))).toBe("backup/damaged");
  });

  test.each(["../etc/passwd", "/etc/passwd", "a/../../b", "a//b", "a b", "a\nb", "$(id)", ".", ""])(
    "is refused when a path leaves the store: %j",
    (path) => {
      const text = changed(({ stores: [store] }) => {
        if (store?.files[0]) store.files[0].path = path;
      });
      expect(codeOf(text)).toBe("backup/damaged");
    },
  );

  test("is refused when a digest is none: it names a file", () => {
    const text = changed(({ stores: [store] }) => {
      if (store?.files[0]) store.files[0].sha256 = "../../x";
    });
    expect(codeOf(text)).toBe("backup/damaged");
  });

  test("of a newer program is told as such, whatever else is in it", () => {
    expect(codeOf('{"backup":{"format":2,"new":true}}')).toBe("backup/newer-version");
  });
});

test("ids sort as they were taken", () => {
  expect(idOf(new Date("2026-11-23T14:15:00.123Z"))).toBe("20261123T141500Z");
});
