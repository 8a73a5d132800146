import { copyFile, mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";

/**
 * A checkout like this one, but with a `.mirador`, a `cdktf.out` and a `fleet.ts` of its own: what a program writes there
 * stays there.
 */
export async function makeCheckout(root: string, folder: string): Promise<void> {
  await mkdir(folder);
  for (const entry of await readdir(root, { withFileTypes: true })) {
    if (/^(\..*|cdktf\.out)$/.test(entry.name)) continue;
    const [from, to] = [join(root, entry.name), join(folder, entry.name)];
    await (entry.isFile() ? copyFile(from, to) : symlink(from, to));
  }
}
