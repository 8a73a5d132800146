import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { summaryOf } from "../../cli/backup/backup";
import { type Manifest, manifestText } from "../../cli/backup/manifest";
import { S3Gateway } from "../support/s3-gateway";
import { useFleet } from "./support/deployed";
import { COUNTED, countAt, FleetLoad, type LoadReport } from "./support/load";
import { context } from "./support/shared-rig";

type Summary = ReturnType<typeof summaryOf> & { readonly verified: boolean };

const RATES = { seconds: 8, spans: 500, logs: 500, samples: 500 };

describe(`backup and restore of three nodes (${context.title})`, () => {
  const { stack } = useFleet();
  let folder: string;
  let gateway: S3Gateway;
  let before: readonly LoadReport[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "mirador-backup-"));
    gateway = await S3Gateway.start();
  });
  afterAll(async () => {
    await gateway.stop();
    await rm(folder, { recursive: true });
  });

  async function load(name: string): Promise<readonly LoadReport[]> {
    const running = FleetLoad.begin(context, stack, name, RATES);
    return [...(await running.reports()).values()];
  }

  async function expectAll(reports: readonly LoadReport[]): Promise<void> {
    for (const { node, signals } of await countAt(context, stack, reports))
      for (const signal of COUNTED) {
        const { acked, lost, errors } = signals[signal];
        expect({ node, signal, lost, errors }).toEqual({ node, signal, lost: 0, errors: [] });
        expect(acked).toBeGreaterThan(1_000);
      }
  }

  async function expectNone(reports: readonly LoadReport[]): Promise<void> {
    for (const { node, signals } of await countAt(context, stack, reports, { seconds: 0 }))
      for (const signal of COUNTED)
        expect({ node, signal, lost: signals[signal].lost }).toEqual({ node, signal, lost: signals[signal].acked });
  }

  /** Nothing of a backup or a restore is left on any host. */
  async function expectTidy(): Promise<void> {
    for (const node of stack.nodes) {
      const { docker } = stack.host(node);
      const names = (await docker.listContainers({ all: true })).flatMap(({ Names }) => Names);
      expect(names.filter((name) => /-(backup|restore|scratch)-/.test(name))).toEqual([]);
      const { Volumes } = await docker.listVolumes();
      expect((Volumes ?? []).map(({ Name }) => Name).filter((name) => name.includes("scratch"))).toEqual([]);
    }
  }

  const summaryIn = (output: string): Summary =>
    JSON.parse(output.slice(output.indexOf("{\n"), output.lastIndexOf("}") + 1));
  const fileOf = (id: string): string => join(folder, "backups", `${id}.json`);
  const readBackup = async (id: string): Promise<Manifest> => JSON.parse(await readFile(fileOf(id), "utf8")).backup;

  test("a group of each signal is backed up at one moment, and counts the same in scratch stores", async () => {
    before = await load("before-backup");
    await expectAll(before);
    const { status, output } = await stack.mirador("backup", folder, "--group", "all", "--verify", "--json");
    expect(status).toBe(0);
    const { id, stores, verified, waiting } = summaryIn(output);
    expect({ verified, waiting }).toEqual({ verified: true, waiting: 0 });
    const metricsNodes = context.metricsLayout === "cluster" ? stack.nodes : ["node1", "node2"];
    expect(stores.map(({ signal, node }) => `${signal} ${node}`).toSorted()).toEqual(
      [
        ...metricsNodes.map((node) => `metrics ${node}`),
        ...stack.nodes.flatMap((node) => [`logs ${node}`, `traces ${node}`]),
      ].toSorted(),
    );
    for (const { rows, bytes, signal } of stores) {
      expect(rows, signal).toBeGreaterThan(500);
      expect(bytes, signal).toBeGreaterThan(1_000);
    }
    const moments = stores.map(({ frozen }) => Date.parse(frozen));
    expect(Math.max(...moments) - Math.min(...moments)).toBeLessThan(60_000);
    expect(await stack.mirador("backup", "list", folder)).toMatchObject({
      status: 0,
      output: expect.stringMatching(new RegExp(`^${id} +fleet +\\d+ +\\d+ +\\d+ +[\\d.]+ [KM]iB$`, "m")),
    });
    await expectTidy();
  });

  test("the next one sends what is new, to a bucket all of it; one of a group that answers suffices", async () => {
    const first = await readdir(join(folder, "objects"), { recursive: true });
    const { status, output } = await stack.mirador("backup", folder);
    expect(status).toBe(0);
    expect(output).toMatch(/^queues +everything that was sent is in the stores/m);
    const more = await readdir(join(folder, "objects"), { recursive: true });
    // Nothing that was there was written again, and parts of before are still in use.
    expect(more).toEqual(expect.arrayContaining(first));
    const [latest] = (await readdir(join(folder, "backups"))).toSorted().toReversed();
    const { stores } = await readBackup((latest ?? "").replace(".json", ""));
    const logs = stores.find(({ signal }) => signal === "logs")?.files ?? [];
    const old = new Set(first.map((name) => name.slice(3)));
    expect(logs.filter(({ sha256 }) => old.has(sha256)).length).toBeGreaterThan(logs.length / 3);

    const place = `s3://${gateway.bucket}/fleet`;
    const taken = await stack.miradorAs({}, gateway.environment, "backup", place, "--verify");
    expect(taken).toMatchObject({ status: 0, output: expect.stringContaining("as many as were backed up") });
    expect(await readdir(join(gateway.bucketFolder, "fleet"))).toEqual(expect.arrayContaining(["backups", "objects"]));
    const wrong = { ...gateway.environment, AWS_SECRET_ACCESS_KEY: "another" };
    expect(await stack.miradorAs({}, wrong, "backup", place)).toMatchObject({
      status: 1,
      output: expect.stringContaining("error backup/unreachable"),
    });
    await expectTidy();
  });

  test("what cannot be restored is refused before anything is touched", async () => {
    const refused = async (code: string, ...args: readonly string[]): Promise<void> => {
      const { status, output } = await stack.mirador("restore", ...args);
      expect({ status, output }).toMatchObject({ status: 1, output: expect.stringContaining(`error ${code}\n`) });
    };
    await refused("restore/holds-data", folder);
    await refused("restore/no-backup", folder, "--id", "20200101T000000Z", "--replace");
    const [name = ""] = (await readdir(join(folder, "backups"))).toSorted();
    const manifest = await readBackup(name.replace(".json", ""));
    const plant = (id: string, text: string) => writeFile(fileOf(id), text);
    const planted: readonly [string, string][] = [
      ["backup/other-fleet", manifestText({ ...manifest, id: "planted", fleet: "another" })],
      ["backup/newer-version", JSON.stringify({ sha256: "", backup: { ...manifest, format: 2 } })],
      ["backup/damaged", manifestText(manifest).slice(0, 5_000)],
      ["backup/damaged", manifestText(manifest).replace(/"rows":(\d)/, '"rows":1$1')],
    ];
    for (const [code, text] of planted) {
      await plant("planted", text);
      await refused(code, folder, "--id", "planted", "--replace");
    }
    await rm(fileOf("planted"));
    // The whole of a store's largest file is looked at, and not only whether it is there.
    const [largest] = manifest.stores.flatMap(({ files }) => files).toSorted((a, b) => b.size - a.size);
    if (largest === undefined) throw new Error("nothing was backed up");
    const object = join(folder, "objects", largest.sha256.slice(0, 2), largest.sha256);
    const content = await readFile(object);
    await truncate(object, largest.size - 1);
    await refused("backup/damaged", folder, "--id", manifest.id, "--replace");
    await writeFile(object, Buffer.from(content).fill(~(content[0] ?? 0) & 0xff, 0, 1));
    await refused("backup/damaged", folder, "--id", manifest.id, "--replace");
    await writeFile(object, content);
    await expectAll(before);
    await expectTidy();
  });

  test("clean asks first; confirmed, data and containers are gone, and a restore brings the data back to empty hosts", async () => {
    const data = async () => {
      const lists = stack.nodes.map((node) => stack.host(node).docker.listVolumes());
      return (await Promise.all(lists)).flatMap(({ Volumes }) =>
        (Volumes ?? []).map(({ Name }) => Name).filter((name) => name.endsWith("-data")),
      );
    };
    expect((await data()).length).toBeGreaterThan(10);
    const refused = await stack.mirador("clean");
    expect(refused).toMatchObject({ status: 64, output: expect.stringContaining("error clean/not-confirmed") });
    expect((await data()).length).toBeGreaterThan(10);
    const done = await stack.mirador("clean", "--yes");
    expect(done).toMatchObject({
      status: 0,
      output: expect.stringMatching(/node3 +data removed: volumes fleet_node3-/),
    });
    expect(await data()).toEqual([]);

    const [first = ""] = (await readdir(join(folder, "backups"))).toSorted();
    const restored = await stack.mirador("restore", folder, "--id", first.replace(".json", ""));
    expect(restored).toMatchObject({ status: 0, output: expect.stringContaining("npm run mirador -- up starts what") });
    expect(await stack.mirador("up")).toMatchObject({ status: 0 });
    await expectAll(before);
    expect(await stack.mirador("test")).toMatchObject({ status: 0 });
  });

  test("a restore onto running stores takes them back to the backup, and they go on from there", async () => {
    const after = await load("after-backup");
    await expectAll(after);
    const [first = ""] = (await readdir(join(folder, "backups"))).toSorted();
    const args = [folder, "--id", first.replace(".json", ""), "--replace", "--json"];
    const { status, output } = await stack.mirador("restore", ...args);
    expect(status).toBe(0);
    const { rows } = JSON.parse(output.slice(output.indexOf("{\n"), output.lastIndexOf("}") + 1)) as {
      rows: readonly { readonly backedUp: number; readonly now?: number }[];
    };
    for (const { backedUp, now } of rows) expect(now).toBeGreaterThanOrEqual(backedUp);
    await expectAll(before);
    await expectNone(after);
    await expectAll(await load("after-restore"));
    await expectTidy();
    expect(await stack.mirador("backup", "prune", folder, "--keep", "1")).toMatchObject({
      status: 0,
      output: expect.stringContaining(`removed: ${first.replace(".json", "")}`),
    });
    expect(await stack.mirador("restore", folder, "--verify")).toMatchObject({ status: 0 });
  });
});
