import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensurePki, type MeshFleet } from "../../inputs/pki";

const NODES = [1, 2, 3].map((number) => ({ name: `node${number}`, address: `10.0.0.1${number}` }));
/** A fleet of two nodes, and the same one with a third. */
export const TWO: MeshFleet = { name: "alpha", nodes: NODES.slice(0, 2), mesh: {} };
export const THREE: MeshFleet = { ...TWO, nodes: NODES };

/** Files of a folder by name, as text with their modes. */
export type FolderContents = Readonly<Record<string, { readonly text: string; readonly mode: number }>>;

export function contentsOf(folder: string): FolderContents {
  const files = readdirSync(folder).map((name) => {
    const path = join(folder, name);
    return [name, { text: readFileSync(path, "utf8"), mode: statSync(path).mode & 0o777 }] as const;
  });
  return Object.fromEntries(files);
}

export function fillFolder(folder: string, contents: FolderContents): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [name, { text, mode }] of Object.entries(contents)) writeFileSync(join(folder, name), text, { mode });
}

/** Certificates of a fleet, made once: tests put them into folders of their own. */
export async function madePki(fleet: MeshFleet, now: Date): Promise<FolderContents> {
  const checkout = mkdtempSync(join(tmpdir(), "mirador-test-"));
  try {
    return contentsOf((await ensurePki(checkout, fleet, now)).folder);
  } finally {
    rmSync(checkout, { recursive: true, force: true });
  }
}
