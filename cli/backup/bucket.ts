import type { Readable } from "node:stream";
import { DeleteObjectCommand, GetObjectCommand, paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import type { Environment } from "../../lib/fleet/environment";
import { CliError } from "../failure";
import type { Repository } from "./repository";

/** S3 wants parts of 5 MiB at least and takes 10 000 of them. */
const PART_BYTES = 16 * 1024 ** 2;
const MOST_PARTS = 9_000;

/**
 * Backups in a bucket of Amazon S3, or of what speaks its protocol. Who we are, the region and the endpoint are found as
 * Amazon's own tools find them: AWS_* in the environment, `~/.aws`, or the machine's role.
 * @param address `s3://bucket/folder`
 */
export function openBucket(address: string, environment: Environment): Repository {
  const [, bucket = "", folder = ""] = /^s3:\/\/([^/]+)\/?(.*?)\/*$/.exec(address) ?? [];
  if (bucket === "") {
    throw new CliError({
      code: "backup/unknown-place",
      what: `${address} names no bucket`,
      where: "mirador backup",
      fix: "name it as s3://<bucket>/<folder>",
    });
  }
  // Nobody who takes a backup can do anything about what Amazon plans for later versions of its client.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
  const own = environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL;
  const client = new S3Client({
    ...(environment.AWS_REGION === undefined && own !== undefined ? { region: "us-east-1" } : {}),
    // Only Amazon knows a bucket by a host name of its own.
    ...(own === undefined ? {} : { endpoint: own, forcePathStyle: true }),
    // A server that takes a request and says nothing is as good as none.
    requestHandler: { connectionTimeout: 10_000, socketTimeout: 60_000 },
    // Other servers refuse checksums that they do not know; contents are checked by their SHA-256 anyway.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
  const prefix = folder === "" ? "" : `${folder}/`;
  const at = (key: string) => ({ Bucket: bucket, Key: `${prefix}${key}` });
  return {
    where: address,
    list: async (below) => {
      const found = new Map<string, number>();
      const pages = paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: `${prefix}${below}/` });
      for await (const { Contents = [] } of pages)
        for (const { Key = "", Size = 0 } of Contents)
          if (!Key.endsWith("/")) found.set(Key.slice(prefix.length), Size);
      return found;
    },
    read: async (key) => {
      const { Body } = await client.send(new GetObjectCommand(at(key)));
      return Body as Readable;
    },
    write: async (key, content, size) => {
      const partSize = Math.max(PART_BYTES, Math.ceil(size / MOST_PARTS));
      await new Upload({ client, partSize, queueSize: 2, params: { ...at(key), Body: content } }).done();
    },
    remove: async (key) => {
      await client.send(new DeleteObjectCommand(at(key)));
    },
  };
}
