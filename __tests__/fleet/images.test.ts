import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ImageRow } from "../../cli/operate/images";
import { useFleet } from "./support/deployed";
import { context } from "./support/shared-rig";

describe(`images of three nodes (${context.title})`, () => {
  const { stack } = useFleet();

  async function listed(...nodes: readonly string[]): Promise<readonly ImageRow[]> {
    const { status, output } = await stack.mirador("images", "list", "--json", ...nodes);
    expect(status).toBe(0);
    return JSON.parse(output).images;
  }

  async function scratch(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "mirador-images-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    return folder;
  }

  test("are listed with what each node has", async () => {
    const rows = await listed();
    for (const node of stack.nodes) {
      const own = rows.filter((row) => row.node === node);
      expect(own.length, node).toBeGreaterThan(4);
      for (const { id, size, version, ref } of own) {
        expect(id, ref).toMatch(/^sha256:[0-9a-f]{64}$/);
        expect(size, ref).toBeGreaterThan(1_000_000);
        expect(version, ref).toMatch(/^\d+\.\d+/);
      }
    }
    expect(await stack.mirador("images", "pull")).toMatchObject({
      status: 0,
      output: expect.stringMatching(/^node3 +0 pulled, \d were there/m),
    });
  });

  test("are carried in a file to a host that no registry can be reached from", async () => {
    const folder = await scratch();
    const file = join(folder, "images.tar");
    expect(await stack.mirador("images", "save", file, "node3")).toMatchObject({ status: 0 });
    expect(await readdir(folder)).toEqual(["images.tar"]);
    expect(await stack.mirador("images", "load", join(folder, "nothing.tar"))).toMatchObject({
      status: 1,
      output: expect.stringContaining("error images/file-missing"),
    });
    expect(await stack.mirador("images", "save", file)).toMatchObject({
      status: 1,
      output: expect.stringContaining("error images/file-exists"),
    });

    const before = await listed("node3");
    const otelcol = before.find(({ ref }) => ref.includes("otelcol"));
    if (otelcol === undefined) throw new Error("no node without a collector");
    const { docker } = stack.host("node3");
    // Containers go on with the image; only its name goes.
    await docker.getImage(otelcol.ref).tag({ repo: "mirador.test/kept", tag: "1" });
    await docker.getImage(otelcol.ref).remove();
    try {
      expect(await listed("node3")).toContainEqual({ node: "node3", ref: otelcol.ref, version: otelcol.version });
      expect(await stack.mirador("images", "pull", "node3")).toMatchObject({
        status: 1,
        output: expect.stringMatching(/error image\/missing\n +what +\S*otelcol\S* cannot be pulled for node3/),
      });
      // An engine takes anything for an archive and says that all went well; what counts is what it has then.
      const none = join(folder, "none.tar");
      await writeFile(none, "no archive");
      expect(await stack.mirador("images", "load", none, "node3")).toMatchObject({
        status: 1,
        output: expect.stringMatching(/error images\/not-loaded\n +what +node3: the file has no \S*otelcol/),
      });
      expect(await stack.mirador("images", "load", file, "node3")).toMatchObject({ status: 0 });
      expect(await listed("node3")).toEqual(before);
    } finally {
      await docker.getImage("mirador.test/kept:1").remove();
    }
  });
});
