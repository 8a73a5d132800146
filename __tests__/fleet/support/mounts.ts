import { readFile } from "node:fs/promises";
import { sep } from "node:path";
import { run } from "../../../images/shell";

/** Mount points below a folder, the deepest first. */
export async function mountsBelow(folder: string): Promise<readonly string[]> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  const points = table
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    // Spaces and the like stand there as octal numbers.
    .map((point) =>
      point.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8))),
    );
  return points.filter((point) => point.startsWith(folder + sep)).toReversed();
}

/** What killed daemons left mounted: file systems of containers, their /dev/shm, their network namespaces. */
export async function unmountBelow(folder: string): Promise<void> {
  for (const point of await mountsBelow(folder)) await run("umount", ["--lazy", point]);
}
