import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { IMAGE_CATALOG } from "../lib/images/catalog";
import type { Edition } from "./built-versions";
import { exists, hashOf } from "./cache";
import { aptInstall, isDebian } from "./engine";
import { type BuiltHaproxy, DEBIAN_SOURCES, installHaproxy, OLDEST_SOURCES } from "./haproxy-package";
import { run } from "./shell";
import type { Step } from "./steps";

const RECIPE = "3";
const ROOTFS = "rootfs";
/** What the step leaves for whoever names the image. */
const FACTS_FILE = "facts.json";

/** Of the official image, whose user and group an operator's files belong to. */
const HAPROXY_ID = 99;

const WITHOUT = [
  "usr/share/doc",
  "usr/share/man",
  "usr/share/locale",
  "usr/share/info",
  "usr/share/lintian",
  "usr/share/bug",
];
const EMPTIED = ["var/lib/apt/lists", "var/cache/apt", "var/cache/debconf", "var/log"];

/** As the official image's: `-f …`, `haproxy -f …` and `sh -c …` all do what they say. */
const ENTRYPOINT_SCRIPT = `#!/bin/sh
set -e
if [ "\${1#-}" != "$1" ]; then
  set -- haproxy "$@"
fi
if [ "$1" = haproxy ]; then
  shift
  set -- haproxy -W -db "$@"
fi
exec "$@"
`;

/** A Debian tree with HAProxy and, through busybox, the small programs that the official alpine image has. */
export async function haproxyStep(edition: Edition): Promise<Step> {
  const pin = IMAGE_CATALOG.haproxy.version;
  const sources = edition === "newest" ? DEBIAN_SOURCES : OLDEST_SOURCES;
  return {
    name: edition === "newest" ? "haproxy" : "oldest-haproxy",
    what: `making a tree of Debian ${sources.map(({ release }) => release).join(", else of ")} with HAProxy, ${pin} where it is offered`,
    expected: "about 1 min",
    hash: await hashOf([], [RECIPE, pin, JSON.stringify(sources), process.arch, ENTRYPOINT_SCRIPT]),
    fix: "as root on Debian or Ubuntu with a reachable package mirror run the same command again; elsewhere pull the official image and leave haproxy out of MIRADOR_IMAGES",
    build: async (folder) => {
      await ensureDebootstrap();
      const tree = join(folder, ROOTFS);
      const facts = await installHaproxy(tree, pin, sources);
      await writeFile(join(folder, FACTS_FILE), JSON.stringify(facts));
      await slim(tree);
      await linkApplets(tree);
      await likeOfficialImage(tree);
    },
  };
}

export function haproxyTree(folder: string): string {
  return join(folder, ROOTFS);
}

export async function builtHaproxy(folder: string): Promise<BuiltHaproxy> {
  return JSON.parse(await readFile(join(folder, FACTS_FILE), "utf8")) as BuiltHaproxy;
}

async function ensureDebootstrap(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("only root can make a tree with owners and devices");
  if (await exists("/usr/sbin/debootstrap")) return;
  if (!(await isDebian())) throw new Error("debootstrap is not installed, and this is not Debian or Ubuntu");
  await aptInstall("haproxy", ["debootstrap", "debian-archive-keyring"]);
}

async function slim(tree: string): Promise<void> {
  for (const folder of WITHOUT) await rm(join(tree, folder), { recursive: true, force: true });
  for (const folder of EMPTIED) {
    await rm(join(tree, folder), { recursive: true, force: true });
    await mkdir(join(tree, folder), { recursive: true });
  }
}

/** Links what busybox knows and Debian's minimal tree lacks: wget, kill, vi, nc and so on. */
async function linkApplets(tree: string): Promise<void> {
  const present = new Set<string>();
  for (const folder of ["usr/bin", "usr/sbin"]) {
    for (const name of await readdir(join(tree, folder))) present.add(name);
  }
  const applets = (await run("chroot", [tree, "busybox", "--list"])).split("\n").filter((name) => name !== "");
  for (const applet of applets) {
    if (!present.has(applet)) await symlink("/usr/bin/busybox", join(tree, "usr/local/bin", applet));
  }
}

async function likeOfficialImage(tree: string): Promise<void> {
  for (const [file, pattern] of [
    ["etc/passwd", /^haproxy:x:\d+:\d+:/m],
    ["etc/group", /^haproxy:x:\d+:/m],
  ] as const) {
    const ids = file === "etc/passwd" ? `${HAPROXY_ID}:${HAPROXY_ID}` : HAPROXY_ID;
    const text = await readFile(join(tree, file), "utf8");
    await writeFile(join(tree, file), text.replace(pattern, `haproxy:x:${ids}:`));
  }
  await run("chown", ["-R", `${HAPROXY_ID}:${HAPROXY_ID}`, join(tree, "var/lib/haproxy")]);
  await mkdir(join(tree, "usr/local/etc/haproxy"), { recursive: true });
  const script = join(tree, "usr/local/bin/docker-entrypoint.sh");
  await writeFile(script, ENTRYPOINT_SCRIPT);
  await chmod(script, 0o755);
}
