import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compareVersions } from "../lib/images/version";
import { run } from "./shell";

/**
 * Where HAProxy is taken from, best first. Experimental is no release of its own: it lies on top of sid, and where it no longer
 * has the pin's branch, sid's own package is taken.
 */
export const DEBIAN_SOURCES = [
  { release: "sid", also: "experimental" },
  { release: "trixie", also: undefined },
] as const;
export type DebianSource = (typeof DEBIAN_SOURCES)[number];
/** The oldest HAProxy that the configurations are for is that of Debian's stable release. */
export const OLDEST_SOURCES = DEBIAN_SOURCES.filter(({ release }) => release === "trixie");

/** What is known of the HAProxy of a built tree. */
export interface BuiltHaproxy {
  /** Upstream's part of the package's version. */
  readonly version: string;
  /** Debian's whole version, such as `3.0.11-1+deb13u3`. */
  readonly package: string;
  /** Debian's suite that it came from. */
  readonly suite: string;
  /** Advisories that the package's change log names as mended. Debian repairs old releases without raising their version. */
  readonly fixes: readonly string[];
  /** Why a better source was not used. @default - the best one was */
  readonly instead?: string;
}

/**
 * @param sources where to look, best first
 * @throws Error that names what went wrong with each of Debian's releases
 */
export async function installHaproxy(
  tree: string,
  pin: string,
  sources: readonly DebianSource[],
): Promise<BuiltHaproxy> {
  const failures: string[] = [];
  for (const source of sources) {
    try {
      const built = await installFrom(source, tree, pin);
      return failures.length > 0 ? { ...built, instead: failures.join("; ") } : built;
    } catch (error) {
      failures.push(`Debian ${source.release}: ${error instanceof Error ? error.message : String(error)}`);
      await rm(tree, { recursive: true, force: true });
    }
  }
  throw new Error(failures.join("; "));
}

async function installFrom({ release, also }: DebianSource, tree: string, pin: string): Promise<BuiltHaproxy> {
  await run("debootstrap", ["--variant=minbase", "--include=ca-certificates,busybox", release, tree]);
  if (also !== undefined) {
    const sources = join(tree, "etc/apt/sources.list");
    const own = await readFile(sources, "utf8");
    await writeFile(sources, own + own.replaceAll(` ${release} `, ` ${also} `));
  }
  await apt(tree, "update", "-qq");
  const offers = packageOffers(await run("chroot", [tree, "apt-cache", "madison", "haproxy"]));
  const { upstream, version, suite } = nearestPackage(offers, pin);
  await apt(tree, "install", "-y", "-qq", "--no-install-recommends", "-t", suite, `haproxy=${version}`);
  const log = await run("chroot", [tree, "zcat", "/usr/share/doc/haproxy/changelog.Debian.gz"]);
  const fixes = [...new Set(log.match(/CVE-\d{4}-\d+/g) ?? [])].sort();
  return { version: upstream, package: version, suite, fixes };
}

/** A mirror that stands still serves lists that are signed and past their time. */
function apt(tree: string, ...args: readonly string[]): Promise<string> {
  return run("chroot", [tree, "apt-get", "-o", "Acquire::Check-Valid-Until=false", ...args], {
    env: { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
  });
}

/** A package as an archive offers it. */
export interface PackageOffer {
  readonly version: string;
  /** Upstream's part of it. */
  readonly upstream: string;
  readonly suite: string;
}

/** Reads `apt-cache madison`: ` haproxy |  3.4.7-1 | http://… experimental/main amd64 Packages`. */
export function packageOffers(text: string): readonly PackageOffer[] {
  const lines = text.matchAll(/^ *\S+ \| +(\S+) \| +\S+ ([^/\s]+)\/\S+ \S+ Packages$/gm);
  return [...lines].flatMap(([, version = "", suite = ""]) => {
    // A version that counts otherwise, such as 3.5~dev5-1, is no release.
    const upstream = /^(?:\d+:)?(\d+\.\d+\.\d+)(?=[-+]|$)/.exec(version)?.[1];
    return upstream === undefined ? [] : [{ version, upstream, suite }];
  });
}

/**
 * The package that is nearest to the pin: the pin, else the newest of its branch, else the newest that is older. A newer branch
 * was never run with these configurations.
 *
 * @throws Error when there is none
 */
export function nearestPackage(offers: readonly PackageOffer[], pin: string): PackageOffer {
  const newestFirst = [...offers].sort((a, b) => compareVersions(b.upstream, a.upstream));
  const branch = pin.replace(/\d+$/, "");
  const found =
    newestFirst.find(({ upstream }) => upstream === pin) ??
    newestFirst.find(({ upstream }) => upstream.startsWith(branch)) ??
    newestFirst.find(({ upstream }) => compareVersions(upstream, pin) < 0);
  if (found === undefined) throw new Error(`no package of HAProxy ${branch}x or older is offered`);
  return found;
}
