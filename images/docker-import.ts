import { spawn } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import type Docker from "dockerode";

/** Which build an image came from; an image with another one, or none, is imported again. */
const HASH_LABEL = "mirador.build";

export interface ImportSpec {
  /** `mirador.local/…:version`. */
  readonly ref: string;
  readonly hash: string;
  /** Folder whose tree becomes the image. */
  readonly tree: string;
  /** Whether files keep their owners; otherwise all are root's, whoever builds. */
  readonly keepOwners: boolean;
  /** Dockerfile lines; of these the engine takes CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME and WORKDIR here. */
  readonly changes: readonly string[];
}

export async function imageIsCurrent(
  docker: Docker,
  { ref, hash }: Pick<ImportSpec, "ref" | "hash">,
): Promise<boolean> {
  try {
    const { Config } = await docker.getImage(ref).inspect();
    return Config.Labels?.[HASH_LABEL] === hash;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw error;
  }
}

/** Makes the tree an image of one layer under its name. Running containers keep the image they were created from. */
export async function importImage(docker: Docker, { ref, hash, tree, keepOwners, changes }: ImportSpec): Promise<void> {
  const [repo, tag] = [ref.slice(0, ref.lastIndexOf(":")), ref.slice(ref.lastIndexOf(":") + 1)];
  // Sorted and without times, so that equal trees make equal layers.
  const owners = keepOwners ? [] : ["--owner=0", "--group=0"];
  const tar = spawn("tar", ["-C", tree, "--sort=name", "--mtime=@0", "--numeric-owner", ...owners, "-cf", "-", "."], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const packed = new Promise<void>((resolve, reject) => {
    tar.on("error", reject);
    const complaint = text(tar.stderr);
    tar.on("close", async (code) => (code === 0 ? resolve() : reject(new Error(`tar: ${(await complaint).trim()}`))));
  });
  const options = { repo, tag, changes: [...changes, `LABEL ${HASH_LABEL}=${hash}`] };
  const [answer] = await Promise.all([docker.importImage(tar.stdout, options).then((stream) => text(stream)), packed]);
  // The engine reports a failed import in the body of an answer with status 200.
  const failure = /"error":"([^"]*)"/.exec(answer);
  if (failure) throw new Error(`the engine refused ${ref}: ${failure[1]}`);
}

const ACCOUNTS = ["root:x:0:0::/:", "mirador:x:1000:1000::/:", "otelcol:x:10001:10001::/:", "nobody:x:65534:65534::/:"];

/** Runs `use` with the tree of an image that holds one static program, a /tmp and names for the usual user ids. */
export async function withStaticTree(
  program: string,
  name: string,
  use: (tree: string) => Promise<void>,
): Promise<void> {
  const tree = await mkdtemp(join(tmpdir(), `mirador-${basename(name)}-`));
  try {
    await chmod(tree, 0o755);
    await copyFile(program, join(tree, name));
    await chmod(join(tree, name), 0o755);
    await mkdir(join(tree, "etc"));
    await writeFile(join(tree, "etc/passwd"), `${ACCOUNTS.join("\n")}\n`);
    await mkdir(join(tree, "tmp"));
    await chmod(join(tree, "tmp"), 0o1777);
    await use(tree);
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}
