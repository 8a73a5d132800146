import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Manifest } from "../../cli/backup/manifest";
import {
  objectKey,
  openRepository,
  prune,
  type Repository,
  readCatalog,
  writeManifest,
} from "../../cli/backup/repository";
import { temporaryFolder } from "../support/folders";
import { S3Gateway } from "../support/s3-gateway";

/** More than one part of an upload. */
const LARGE = randomBytes(40 * 1024 ** 2);
const sha256 = (content: Buffer): string => createHash("sha256").update(content).digest("hex");

let gateway: S3Gateway;
beforeAll(async () => {
  gateway = await S3Gateway.start();
  // The client finds who we are where Amazon's own tools look.
  for (const [name, value] of Object.entries(gateway.environment)) vi.stubEnv(name, value);
}, 300_000);
afterAll(async () => {
  vi.unstubAllEnvs();
  await gateway.stop();
});

const PLACES: readonly [string, () => Promise<Repository>][] = [
  ["a folder", async () => openRepository(temporaryFolder(), {})],
  [
    "a bucket of a real S3 server",
    async () => openRepository(`s3://backups/${randomBytes(4).toString("hex")}`, gateway.environment),
  ],
];

describe.each(PLACES)("backups in %s", (_, open) => {
  const put = async (repository: Repository, content: Buffer): Promise<string> => {
    await repository.write(objectKey(sha256(content)), Readable.from([content]), content.length);
    return sha256(content);
  };

  test("what was written is listed with its size, read as it was, and removed", async () => {
    const repository = await open();
    expect((await readCatalog(repository)).objects.size).toBe(0);
    const small = Buffer.from("small");
    for (const content of [small, LARGE, Buffer.alloc(0)]) await put(repository, content);
    const { objects } = await readCatalog(repository);
    expect(objects).toEqual(
      new Map([small, LARGE, Buffer.alloc(0)].map((content) => [sha256(content), content.length])),
    );
    expect((await buffer(await repository.read(objectKey(sha256(LARGE))))).equals(LARGE)).toBe(true);
    await repository.remove(objectKey(sha256(small)));
    expect((await readCatalog(repository)).objects.has(sha256(small))).toBe(false);
    await expect(repository.read(objectKey(sha256(small)))).rejects.toThrow();
  });

  test("what broke off is not there", async () => {
    const repository = await open();
    const broken = Readable.from(
      (async function* () {
        yield LARGE.subarray(0, 30 * 1024 ** 2);
        throw new Error("the host is gone");
      })(),
    );
    await expect(repository.write(objectKey(sha256(LARGE)), broken, LARGE.length)).rejects.toThrow("the host is gone");
    expect((await readCatalog(repository)).objects.size).toBe(0);
  });

  test("prune keeps what newer backups need, whichever backup brought it", async () => {
    const repository = await open();
    const [old, shared, young] = await Promise.all(
      ["old", "shared", "young"].map((text) => put(repository, Buffer.from(text))),
    );
    const backup = (id: string, contents: readonly (string | undefined)[]): Manifest => ({
      ...{ format: 1, id, fleet: "mirador", waiting: 0 },
      stores: [
        {
          ...{ signal: "logs", layout: "cluster", node: "node1", group: "a", service: "vlstorage", version: "1.53.0" },
          ...{ frozen: "2026-11-23T00:00:00.000Z", rows: 0 },
          files: contents.map((digest = "") => ({ path: digest, size: 1, changed: 0, sha256: digest })),
        },
      ],
    });
    await writeManifest(repository, backup("20261121T000000Z", [old, shared]));
    await writeManifest(repository, backup("20261122T000000Z", [shared]));
    await writeManifest(repository, backup("20261123T000000Z", [young]));
    expect((await readCatalog(repository)).backups.map(({ id }) => id)).toEqual([
      ...["20261121T000000Z", "20261122T000000Z", "20261123T000000Z"],
    ]);
    expect(await prune(repository, 2)).toEqual(["20261121T000000Z"]);
    const { objects, backups } = await readCatalog(repository);
    expect([...objects.keys()].toSorted()).toEqual([shared, young].toSorted());
    expect(backups).toHaveLength(2);
    // A list that cannot be read may need anything.
    await repository.write("backups/20261120T000000Z.json", Readable.from(["{"]), 1);
    await expect(prune(repository, 1)).rejects.toThrow("backup/damaged");
    expect((await readCatalog(repository)).backups).toHaveLength(2);
  });
});

test.each(["s3://", "ftp://host/x"])("%s is no place for backups", async (address) => {
  await expect(openRepository(address, {})).rejects.toThrow("backup/unknown-place");
});

test("a bucket that is not there is told as such", async () => {
  const repository = await openRepository("s3://nowhere/x", gateway.environment);
  await expect(readCatalog(repository)).rejects.toThrow(/backup\/unreachable[\s\S]*NoSuchBucket/);
});
