import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LockReport } from "../../cli/operate/image-lock";
import type { ImageRow } from "../../cli/operate/images";
import { type FleetDefinition, type ResolvedImages, resolveImages } from "../../lib";
import { loadedReference } from "../../lib/images/reference";
import { describeWith } from "../support/binaries";
import { docker, hasImage, removeFleet, servicesOf } from "./support/engine";
import { lockFleet } from "./support/fleets";
import { imagesInUse } from "./support/images";
import { status } from "./support/query";
import { Registry } from "./support/registry";
import { context } from "./support/shared-stack";
import { NO_CHANGE, Stack } from "./support/stack";

/** A node whose two small images come from a registry; the others are there already. */
const KEYS = ["victoria-logs", "victoria-traces"] as const;
const KEPT = "mirador.local/e2e-lock-";
const fleet = lockFleet(context.metricsLayout);
const [node] = fleet.nodes;
const PULLS_NOTHING: FleetDefinition = { nodes: fleet.nodes.map((one) => ({ ...one, pulls: false })) };

describeWith("docker-registry")("a lock of images, with a real registry (docker-registry)", () => {
  let folder: string;
  let registry: Registry;
  let stack: Stack;
  /** As the engine has them. */
  let originals: ResolvedImages;
  /** As the fleet names them. */
  const refs: string[] = [];

  const images = async (change: FleetDefinition = {}): Promise<readonly ImageRow[]> => {
    const { status: exit, output } = await stack.mirador(change, "images", "list", "--json");
    expect(exit, output).toBe(0);
    const rows: readonly ImageRow[] = JSON.parse(output.slice(output.indexOf("{"))).images;
    return rows.filter(({ ref }) => KEYS.some((key) => ref.includes(`parts-${key}`) || ref.includes(`parts/${key}`)));
  };
  const locked = async (): Promise<Record<string, string>> => JSON.parse(await readFile(stack.lockFile, "utf8")).images;

  beforeAll(async () => {
    await removeFleet(fleet.name);
    folder = await mkdtemp(join(context.folder, "lock-"));
    registry = await Registry.start(folder);
    originals = resolveImages(await imagesInUse(context.imagesFile));
    const exchanged: Record<string, unknown> = {};
    // Whatever the suite runs with: no registry is to be asked for the others.
    for (const [key, original] of Object.entries(originals)) {
      if (!(await hasImage(original.ref))) continue;
      await docker.getImage(original.ref).tag({ repo: `${KEPT}${key}`, tag: "1" });
      exchanged[key] = { ...original, ref: `${KEPT}${key}:1` };
    }
    for (const key of KEYS) {
      const original = originals[key];
      const name = `parts/${key}`;
      await registry.push(original.ref, name, "plain");
      // An engine is to pull what is made for several processors, by the digest of the whole list.
      if (key === "victoria-logs") await registry.list(name, { of: "plain", tag: "1" });
      else await registry.push(original.ref, name, "1");
      refs.push(`${registry.address}/${name}:1`);
      exchanged[key] = { ...original, ref: `${registry.address}/${name}:1` };
    }
    const imagesFile = join(folder, "images.json");
    await writeFile(imagesFile, JSON.stringify(exchanged));
    stack = new Stack({ ...context, imagesFile }, fleet);
  });

  afterAll(async () => {
    await stack?.forget();
    await registry?.stop();
    const names = (await docker.listImages()).flatMap(({ RepoTags, RepoDigests }) => [
      ...(RepoTags ?? []),
      ...(RepoDigests ?? []),
    ]);
    for (const name of names.filter((one) => one.startsWith(KEPT))) await docker.getImage(name).remove();
    for (const ref of refs) {
      const own = ref.slice(0, ref.lastIndexOf(":"));
      for (const name of names.filter((one) => one.startsWith(own) || one.includes(`/loaded/${own.replace(":", "-")}`)))
        await docker
          .getImage(name)
          .remove()
          .catch(() => undefined);
    }
    await rm(folder, { recursive: true, force: true });
  });

  test("holds what the registry says, lists for several processors whole, and nothing that no registry has", async () => {
    const before = await stack.mirador({}, "images", "lock", "--check");
    expect(before.output).toMatch(/error images\/lock-outdated\n +what +there is no lock:/);
    expect(before.status).toBe(2);
    expect(existsSync(stack.lockFile)).toBe(false);

    const { status: exit, output } = await stack.mirador({}, "images", "lock");
    expect(exit, output).toBe(0);
    expect(output).toMatch(/mirador\.local\/e2e-lock-haproxy:1 +- +left out: made on a machine, no registry has it/);
    const digests = await Promise.all(KEYS.map((key) => registry.digest(`parts/${key}`, "1")));
    expect(await locked()).toEqual(Object.fromEntries(refs.map((ref, index) => [ref, digests[index]])));
    expect(digests[0]).not.toBe(await registry.digest("parts/victoria-logs", "plain"));
    expect(await stack.mirador({}, "images", "lock", "--check", "--node", node?.name ?? "")).toMatchObject({
      status: 0,
    });
  });

  test("is what the engine pulls and the containers run", async () => {
    const rows = await images();
    expect(rows.map(({ ref, id }) => ({ ref, id }))).toEqual(
      Object.entries(await locked()).map(([ref, digest]) => ({ ref: `${ref}@${digest}`, id: undefined })),
    );
    expect(await stack.mirador({}, "images", "pull")).toMatchObject({
      status: 0,
      output: expect.stringMatching(/2 pulled, \d were there/),
    });
    for (const { id } of await images()) expect(id).toMatch(/^sha256:/);
    await stack.apply();
    expect(await status(stack.url("stats", "/readyz"))).toBe(200);
    const running = [...(await servicesOf(fleet.name)).values()].map(({ Config }) => Config.Image);
    for (const { ref } of rows) expect(running).toContain(ref);
    expect(await stack.plan()).toEqual(NO_CHANGE);
  });

  test("is what the other verbs know the services by", async () => {
    expect(await stack.mirador({}, "drift")).toMatchObject({ status: 0 });
    const { output } = await stack.mirador({}, "status", "--json");
    const { nodes } = JSON.parse(output.slice(output.indexOf("{")));
    const versions = Object.fromEntries(
      nodes[0].services.map((one: { service: string; version: string }) => [one.service, one.version]),
    );
    expect(versions.vtstorage).toBe(originals["victoria-traces"].version);
    expect((await stack.mirador({}, "doctor")).output).toMatch(/images +all \d are there/);
  });

  test("stays when somebody moves a tag, and says so when it is asked", async () => {
    const before = await readFile(stack.lockFile, "utf8");
    // The other part under its name: the worst that a tag can do.
    await registry.push(originals["victoria-traces"].ref, "parts/victoria-logs", "1");
    const text = await stack.mirador({}, "images", "lock", "--check");
    expect(text.output).toMatch(/parts\/victoria-logs:1 +sha256:\S+ +moved, was sha256:/);
    expect(text.output).toMatch(/error images\/lock-outdated\n.*\n +\S+parts\/victoria-logs:1 is another image now/);
    expect(text.status).toBe(2);
    const { status: exit, output } = await stack.mirador({}, "images", "lock", "--check", "--json");
    const report: LockReport = JSON.parse(output.slice(output.indexOf("\n{")));
    expect(report.images.filter(({ digest, before: was }) => digest !== was).map(({ ref }) => ref)).toEqual([refs[0]]);
    expect(exit).toBe(2);
    expect(await readFile(stack.lockFile, "utf8")).toBe(before);
    expect(await stack.plan()).toEqual(NO_CHANGE);
  });

  test("moves when it is written anew, and up deploys that", async () => {
    const [ref = ""] = refs;
    const before = await locked();
    await registry.push(originals["victoria-logs"].ref, "parts/victoria-logs", "1");
    expect(await stack.mirador({}, "images", "lock")).toMatchObject({ status: 0 });
    const after = await locked();
    expect(after).toEqual({ ...before, [ref]: await registry.digest("parts/victoria-logs", "plain") });
    expect(after[ref]).not.toBe(before[ref]);
    const { status: exit, output } = await stack.mirador({}, "up");
    expect(exit, output).toBe(0);
    const running = (await servicesOf(fleet.name)).get("vlstorage")?.Config.Image;
    expect(running).toBe(`${ref}@${after[ref]}`);
    expect(await stack.mirador({}, "up", "--check")).toMatchObject({ status: 0 });
  });

  test.each([
    ["truncated", (text: string) => text.slice(0, text.length / 2), ["image/lock-unreadable"]],
    [
      "malformed",
      (text: string) => text.replace('"version": 1', '"version": 2').replace(/sha256:[0-9a-f]{9}/, "sha256:"),
      ["image/lock-invalid", "image/lock-invalid"],
    ],
  ])("is refused when it is %s, with all that is wrong", async (_, spoil, codes) => {
    const before = await readFile(stack.lockFile, "utf8");
    try {
      await writeFile(stack.lockFile, spoil(before));
      const { status: exit, output } = await stack.mirador({}, "images", "list");
      expect(output.match(/(?<=^error )\S+/gm)).toEqual(codes);
      expect(exit).toBe(65);
    } finally {
      await writeFile(stack.lockFile, before);
    }
  });

  test("holds on a host that reaches no registry, by what a file brings", async () => {
    const file = join(folder, "images.tar");
    expect(await stack.mirador(PULLS_NOTHING, "images", "pull")).toMatchObject({
      status: 1,
      output: expect.stringMatching(/error image\/missing\n +what +mirador\.local\/loaded\/\S+ cannot be pulled/),
    });
    expect(await stack.mirador({}, "images", "save", file)).toMatchObject({ status: 0 });
    await stack.destroy();
    for (const { ref } of await images()) await docker.getImage(ref).remove();
    expect(await stack.mirador({}, "images", "save", join(folder, "lacking.tar"))).toMatchObject({
      status: 1,
      output: expect.stringContaining("error images/not-together"),
    });
    expect(await stack.mirador(PULLS_NOTHING, "images", "save", "--here", join(folder, "here.tar"))).toMatchObject({
      status: 0,
      output: expect.stringMatching(/2 pulled, \d were there/),
    });
    const sizes = await Promise.all([file, join(folder, "here.tar")].map(async (path) => (await stat(path)).size));
    expect(sizes[1]).toBe(sizes[0]);
    await registry.stop();
    for (const { ref } of await images()) {
      // Only its name for the file stays, and that was taken back.
      expect(await hasImage(loadedReference(ref))).toBe(false);
      await docker.getImage(ref).remove();
    }
    expect(await stack.mirador({}, "images", "load", file)).toMatchObject({
      status: 1,
      output: expect.stringMatching(/error images\/not-loaded[\s\S]*fix +write pulls: false for pinned/),
    });
    for (const { ref } of await images()) await docker.getImage(loadedReference(ref)).remove();
    expect(await stack.mirador(PULLS_NOTHING, "images", "load", file)).toMatchObject({ status: 0 });
    for (const { ref, id } of await images(PULLS_NOTHING)) {
      expect(ref).toMatch(/^mirador\.local\/loaded\/127\.0\.0\.1-\d+\/parts\/\S+:1-[0-9a-f]{64}$/);
      expect(id).toMatch(/^sha256:/);
    }
    // It has all that it needs to write a file for the next host.
    expect(await stack.mirador(PULLS_NOTHING, "images", "save", join(folder, "next.tar"))).toMatchObject({ status: 0 });
    for (const { id } of await images(PULLS_NOTHING)) expect(id).toMatch(/^sha256:/);
    await stack.apply(PULLS_NOTHING);
    expect(await status(stack.url("stats", "/readyz"))).toBe(200);
    expect(await stack.plan()).toEqual(NO_CHANGE);
  });

  test("is not touched when no registry answers", async () => {
    const before = await readFile(stack.lockFile, "utf8");
    const { status: exit, output } = await stack.mirador({}, "images", "lock");
    expect(output).toMatch(
      /error images\/registry-unreached\n +what +no digest of \S+, \S+: dial tcp \S+: connection refused/,
    );
    expect(exit).toBe(1);
    expect(await readFile(stack.lockFile, "utf8")).toBe(before);
  });
});
