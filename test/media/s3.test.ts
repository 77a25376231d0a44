import { readdir, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { Upload } from '@aws-sdk/lib-storage';
import { S3Client } from '@aws-sdk/client-s3';
import type { BlobStore } from '../../services/media/blob-store.ts';
import { createS3Blobs, type S3Settings } from '../../services/media/s3-blobs.ts';
import { makeMediaFolder } from '../support/media-folder.ts';
import { findS3Server, startS3Server, type S3Server } from '../support/s3-server.ts';
import { keep, testEveryStore } from './store-cases.ts';

const command = await findS3Server();
if (command) describe('S3', () => withServer(command));
else it.skip('S3: there is no server to test with (it needs python3 with venv and pip)', () => {});

function withServer(path: string): void {
  const bucket = 'media';
  let server: S3Server;
  let folder: string;
  let blobs: BlobStore;
  const settings = (more: Partial<S3Settings> = {}): S3Settings => ({
    bucket,
    endpoint: server.url,
    region: 'eu-central-1',
    pathStyle: true,
    keys: { accessKeyId: 'an-id', secretAccessKey: 'a-secret' },
    folder,
    ...more,
  });
  beforeAll(async () => {
    server = await startS3Server(path, bucket);
  }, 60_000);
  afterAll(() => server?.stop());
  beforeEach(async () => {
    folder = await makeMediaFolder();
    blobs = createS3Blobs(settings());
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
    // The server's own way to lose everything.
    await fetch(`${server.url}/moto-api/reset`, { method: 'POST' });
    await fetch(`${server.url}/${bucket}`, { method: 'PUT' });
  });

  const ask = async (query: string, tag: string): Promise<string[]> => {
    const text = await (await fetch(`${server.url}/${bucket}?${query}`)).text();
    return [...text.matchAll(new RegExp(`<${tag}>([^<]+)</${tag}>`, 'g'))].map(([, found = '']) => found);
  };
  const uploads = (): Promise<string[]> => ask('uploads', 'UploadId');
  const contents = async (): Promise<string[]> => [
    ...(await ask('list-type=2', 'Key')),
    ...(await uploads()),
    ...(await readdir(folder, { recursive: true })).filter((name) => name !== 'outgoing'),
  ];

  testEveryStore(() => ({ blobs, contents }));

  it('two processes share nothing but the bucket', async () => {
    const other = createS3Blobs(settings({ folder: await makeMediaFolder() }));
    const name = await keep(blobs, Buffer.from('shared'));
    expect(await (await other.asFile(name, '')).bytes.text()).toBe('shared');
    await Promise.all([
      keep(other, Buffer.from('shared'), name.tenantId),
      keep(blobs, Buffer.from('shared'), name.tenantId),
    ]);
    expect(await contents()).toHaveLength(1);
  });

  it('a copy of a file that is being sent is gone once it is closed', async () => {
    const { close } = await blobs.asFile(await keep(blobs, Buffer.from('sent')), '');
    expect(await readdir(folder, { recursive: true })).toHaveLength(2);
    await close();
    expect(await readdir(folder, { recursive: true })).toEqual(['outgoing']);
  });

  it('ends uploads, and removes copies, that a process left', async () => {
    const client = new S3Client({ ...settings(), forcePathStyle: true, credentials: settings().keys });
    const begun = new Upload({
      client,
      leavePartsOnError: true,
      params: {
        Bucket: bucket,
        Key: 'incoming/left',
        Body: Readable.from([Buffer.alloc(6_000_000), Buffer.alloc(6_000_000)]),
      },
    });
    begun.on('httpUploadProgress', () => void begun.abort());
    await expect(begun.done()).rejects.toThrow();
    client.destroy();
    await blobs.asFile(await keep(blobs, Buffer.from('sent')), '');
    expect(await uploads()).toHaveLength(1);
    expect(await blobs.removeUnnamed(new Date(Date.now() + 60_000))).toBe(2);
    expect(await uploads()).toEqual([]);
  });

  it('a bucket that is not there is an error, and no missing file; the error holds no key', async () => {
    const name = await keep(blobs, Buffer.from('here'));
    const elsewhere = createS3Blobs(settings({ bucket: 'elsewhere' }));
    const errors = await Promise.all(
      [elsewhere.open(name), elsewhere.receive(Readable.from(['x']), 10)].map((asked) =>
        asked.catch((error: Error) => error),
      ),
    );
    for (const error of errors) {
      expect(error).toMatchObject({ name: 'NoSuchBucket' });
      expect(JSON.stringify(error)).not.toContain('a-secret');
    }
  });
}
