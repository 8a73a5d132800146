import type { Problem } from "../problem";
import type { ImageKey } from "./catalog";
import type { ResolvedImages } from "./overrides";
import { compareVersions, isAtLeast } from "./version";

/** A known fault of a part that a release mended, and that matters to what this product offers. */
export interface Advisory {
  /** As an image names it in `fixes`: the public id, or `<project>-<issue>` where there is none. */
  readonly id: string;
  /** What can happen with it. */
  readonly what: string;
  readonly images: readonly ImageKey[];
  /**
   * The first mended release of each branch (`major.minor`) that was mended, oldest first. What is newer than the last one is
   * mended; an older branch that is not listed is not.
   */
  readonly mended: readonly string[];
  /** The only releases that have the fault. @default - all before the mended ones */
  readonly only?: readonly string[];
  /** Another way to mend it than a newer release. */
  readonly unless?: string;
}

/**
 * From the projects' advisories and change logs, as of November 2026. Left out is what this product never uses: vmauth,
 * `-httpAuth.*`, the deletion of logs and traces (`-delete.enable`). Paths with `/internal/` are refused at every access point.
 */
export const ADVISORIES: readonly Advisory[] = [
  {
    id: "CVE-2026-110354",
    what: "a security fault of HAProxy",
    images: ["haproxy"],
    mended: ["3.0.30", "3.2.26", "3.4.7"],
  },
  {
    id: "GHSA-m2x2-9xpq-mmq5",
    what: "cross-site scripting in vmui",
    images: ["victoria-metrics", "vmselect"],
    mended: ["1.154.0"],
  },
  {
    id: "GHSA-vw9j-rqhg-qff9",
    what: "cross-site scripting in vmui's page for relabeling",
    images: ["victoria-metrics", "vmselect"],
    mended: ["1.136.18", "1.148.4", "1.152.0"],
  },
  {
    id: "GHSA-8g4f-32hw-vqf8",
    what: "a crafted request to native import takes memory without limit",
    images: ["victoria-metrics", "vminsert", "vmagent"],
    mended: ["1.136.19", "1.148.5", "1.153.0"],
  },
  {
    id: "VictoriaMetrics-5552",
    what: "a GET deletes series, so that a link in a page can",
    images: ["victoria-metrics", "vmselect"],
    mended: ["1.136.15", "1.148.1", "1.149.0"],
  },
  {
    id: "VictoriaMetrics-11683",
    what: "built without CGO, it cannot read some of its own data blocks, and crashes",
    images: ["victoria-metrics", "vmstorage"],
    mended: ["1.154.0"],
    only: ["1.136.19", "1.148.5", "1.153.0"],
    unless: "the image was built with CGO, as the official ones for amd64 and arm64 are",
  },
];

/**
 * The parts that have a known fault, one problem for each part and advisory.
 * @param keys of the images that the fleet uses
 */
export function belowFloor(images: ResolvedImages, keys: Iterable<ImageKey>): readonly Problem[] {
  return [...new Set(keys)].flatMap((key) => {
    const { ref, version, standIn, fixes = [] } = images[key];
    // A stand-in counts its own versions.
    if (standIn !== undefined) return [];
    return ADVISORIES.filter((one) => one.images.includes(key) && !fixes.includes(one.id) && has(one, version)).map(
      ({ id, what, mended, unless = "its build mends it" }): Problem => ({
        code: "image/below-floor",
        what: `${key} ${version} has ${id}: ${what}`,
        where: `images.${key}, which is ${ref}`,
        fix: `use ${mendedText(mended)}; or, where ${unless}, write fixes: ["${id}"] beside the image's version`,
      }),
    );
  });
}

function has({ mended, only }: Advisory, version: string): boolean {
  if (only !== undefined) return only.includes(version);
  const newest = mended.at(-1);
  if (newest === undefined || isAtLeast(version, newest)) return false;
  return !mended.some((release) => branch(release) === branch(version) && compareVersions(version, release) >= 0);
}

/** Such as `3.4.7 or newer (of older branches: 3.0.30, 3.2.26 or later)`. */
function mendedText(mended: readonly string[]): string {
  const older = mended.slice(0, -1);
  return `${mended.at(-1)} or newer${older.length === 0 ? "" : ` (of older branches: ${older.join(", ")} or later)`}`;
}

/** Releases of one branch get the same repairs. */
function branch(version: string): string {
  return version.replace(/\.\d+$/, "");
}
