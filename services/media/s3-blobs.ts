import { randomUUID } from 'node:crypto';
import { createWriteStream, openAsBlob } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { blobNamed, incoming, pathOfBlob } from './blob-names.ts';
import { BlobMissingError, type BlobName, type BlobStore, type ByteRange } from './blob-store.ts';
import { makeFolder, removeOldFiles } from './folder-blobs.ts';
import { measure } from './measure.ts';

export interface S3Settings {
  bucket: string;
  /** Amazon's own, of the region, where it is not given. */
  endpoint: string | undefined;
  region: string;
  /** The bucket is in the path of an address, not in its host. */
  pathStyle: boolean;
  /** The AWS SDK looks for credentials where they are not given. */
  keys: { accessKeyId: string; secretAccessKey: string } | undefined;
  /** A folder of this machine, for copies of files that are being sent. */
  folder: string;
}

/** Bytes of a file that are in memory at once; S3 takes no smaller part of an upload, other than the last. */
const partBytes = 5 * 1_024 * 1_024;
/** Longest time without a byte from the service, in milliseconds. */
const silenceMs = 30_000;

/**
 * Bytes as objects of a bucket, under the paths that a folder has. Bytes without a name are objects too, and are copied
 * within the service when they get one, so that processes share nothing but the bucket.
 */
export function createS3Blobs(settings: S3Settings): BlobStore {
  const { bucket: Bucket, folder } = settings;
  let connected: ReturnType<typeof connect> | null = null;
  const s3 = (): ReturnType<typeof connect> => (connected ??= connect(settings));

  const upload = async (Key: string, Body: Readable): Promise<void> => {
    const { Upload, client } = await s3();
    await new Upload({ client, params: { Bucket, Key, Body }, partSize: partBytes, queueSize: 1 }).done();
  };
  const remove = async (Key: string): Promise<void> => {
    const { sdk, client } = await s3();
    await client.send(new sdk.DeleteObjectCommand({ Bucket, Key }));
  };
  async function* list(Prefix: string): AsyncIterable<{ key: string; writtenAt: Date }[]> {
    const { sdk, client } = await s3();
    for await (const { Contents = [] } of sdk.paginateListObjectsV2({ client }, { Bucket, Prefix }))
      yield Contents.flatMap(({ Key, LastModified }) =>
        Key && LastModified ? [{ key: Key, writtenAt: LastModified }] : [],
      );
  }
  const open = async (name: BlobName, range?: ByteRange): Promise<Readable> => {
    const Key = pathOfBlob(name);
    const { sdk, client } = await s3();
    const Range = range && `bytes=${range.start}-${range.end}`;
    try {
      const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket, Key, Range }));
      return Body as Readable;
    } catch (error) {
      if (error instanceof sdk.NoSuchKey) throw new BlobMissingError();
      throw error;
    }
  };
  const outgoing = join(folder, 'outgoing');
  return {
    receive: async (body, mostBytes) => {
      const key = `${incoming}/${randomUUID()}`;
      const { through, result } = measure(mostBytes);
      const passing = pipeline(body, through);
      const storing = upload(key, through).catch((error: Error) => {
        through.destroy(error);
        throw error;
      });
      const [passed, stored] = await Promise.allSettled([passing, storing]);
      if (passed.status === 'rejected') throw passed.reason;
      if (stored.status === 'rejected') throw stored.reason;
      // What cannot be removed now is removed by `removeUnnamed`.
      const discard = (): Promise<void> => remove(key).catch(() => undefined);
      return {
        ...result(),
        discard,
        keep: async (name) => {
          const { sdk, client } = await s3();
          const copy = { Bucket, CopySource: `${Bucket}/${key}`, Key: pathOfBlob(name) };
          await client.send(new sdk.CopyObjectCommand(copy));
          await discard();
        },
      };
    },
    open,
    asFile: async (name, type) => {
      const file = join(outgoing, randomUUID());
      const close = (): Promise<void> => rm(file, { force: true });
      const bytes = await open(name);
      try {
        await makeFolder(outgoing);
        await pipeline(bytes, createWriteStream(file, { flags: 'wx', mode: 0o600 }));
        return { bytes: await openAsBlob(file, { type }), close };
      } catch (error) {
        bytes.destroy();
        await close();
        throw error;
      }
    },
    remove: (name) => remove(pathOfBlob(name)),
    list: async function* (digits, before) {
      for await (const objects of list(`${digits}/`)) {
        const old = objects.filter(({ writtenAt }) => writtenAt < before);
        yield old.flatMap(({ key }) => blobNamed(key.slice(digits.length + 1)) ?? []);
      }
    },
    removeUnnamed: async (before) => {
      let removed = await removeOldFiles(outgoing, before);
      for await (const objects of list(`${incoming}/`))
        for (const { key, writtenAt } of objects) {
          if (writtenAt >= before) continue;
          await remove(key);
          removed += 1;
        }
      return removed + (await abortUploads(await s3(), Bucket, before));
    },
  };
}

/** The SDK and a client of it. Loaded when first needed: most installations have no bucket. */
async function connect({ endpoint, region, pathStyle, keys }: S3Settings) {
  const [sdk, { Upload }] = await Promise.all([import('@aws-sdk/client-s3'), import('@aws-sdk/lib-storage')]);
  const client = new sdk.S3Client({
    endpoint,
    region,
    forcePathStyle: pathStyle,
    credentials: keys,
    requestHandler: { connectionTimeout: 5_000, socketTimeout: silenceMs },
    // Not every service knows Amazon's newer checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  return { sdk, Upload, client };
}

/** Ends uploads that began before `before`: their process died. At most 1,000, which is a page of their list. Answers how many. */
async function abortUploads(
  { sdk, client }: Awaited<ReturnType<typeof connect>>,
  Bucket: string,
  before: Date,
): Promise<number> {
  const Prefix = `${incoming}/`;
  const { Uploads = [] } = await client.send(new sdk.ListMultipartUploadsCommand({ Bucket, Prefix }));
  const old = Uploads.filter(({ Initiated }) => Initiated && Initiated < before);
  for (const { Key, UploadId } of old)
    await client.send(new sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
  return old.length;
}
