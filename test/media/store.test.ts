import { createHash } from 'node:crypto';
import { readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { newId } from '../../platform/ids.ts';
import { BlobMissingError, BlobTooLargeError, type BlobName, type BlobStore } from '../../services/media/blob-store.ts';
import { createFolderBlobs } from '../../services/media/folder-blobs.ts';
import { makeMediaFolder } from '../support/media-folder.ts';

let folder: string;
let blobs: BlobStore;
beforeEach(async () => {
  folder = await makeMediaFolder();
  blobs = createFolderBlobs(join(folder, 'made', 'when', 'needed'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const files = async (): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

async function keep(bytes: Buffer, tenantId = newId()): Promise<BlobName> {
  const received = await blobs.receive(Readable.from([bytes]), bytes.length);
  const name = { tenantId, hash: received.hash };
  await received.keep(name);
  return name;
}
async function listed(digits: string, before: Date): Promise<BlobName[]> {
  const found: BlobName[] = [];
  for await (const names of blobs.list(digits, before)) found.push(...names);
  return found;
}
const read = async (...of: Parameters<BlobStore['open']>): Promise<Buffer> => buffer(await blobs.open(...of));

it('keeps bytes under their hash, in parts that come one after the other', async () => {
  const parts = [Buffer.from('one '), Buffer.from('two '), Buffer.alloc(300_000, 7)];
  const whole = Buffer.concat(parts);
  const received = await blobs.receive(Readable.from(parts), whole.length);
  expect(received).toMatchObject({ hash: hashOf(whole), size: whole.length });
  const name = { tenantId: newId(), hash: received.hash };
  await expect(blobs.open(name)).rejects.toThrow(BlobMissingError);
  await received.keep(name);
  expect((await read(name)).equals(whole)).toBe(true);
  expect((await read(name, { start: 4, end: 6 })).toString()).toBe('two');
});

it('refuses one byte more than it may keep, and leaves nothing of it', async () => {
  const body = Readable.from([Buffer.alloc(60), Buffer.alloc(41)]);
  await expect(blobs.receive(body, 100)).rejects.toThrow(new BlobTooLargeError(100));
  expect(body.destroyed).toBe(true);
  expect(await files()).toEqual([]);
  await expect(keep(Buffer.alloc(100))).resolves.toBeDefined();
});

it('leaves nothing of a body that breaks', async () => {
  async function* broken(): AsyncIterable<Buffer> {
    yield await Promise.resolve(Buffer.from('half'));
    throw new Error('the connection broke');
  }
  await expect(blobs.receive(Readable.from(broken()), 100)).rejects.toThrow('the connection broke');
  expect(await files()).toEqual([]);
});

it('has nothing after `discard` and after `remove`', async () => {
  const received = await blobs.receive(Readable.from(['gone']), 100);
  await received.discard();
  const name = await keep(Buffer.from('gone too'));
  await blobs.remove(name);
  await blobs.remove(name);
  expect(await files()).toEqual([]);
});

it('keeps the bytes of two tenants apart', async () => {
  const bytes = Buffer.from('the same');
  const [one, two] = [await keep(bytes), await keep(bytes)];
  await blobs.remove(one);
  await expect(blobs.open(one)).rejects.toThrow(BlobMissingError);
  expect((await read(two)).equals(bytes)).toBe(true);
});

it('lists what is old enough, and passes over files that are not its own', async () => {
  const [old, young] = [await keep(Buffer.from('old')), await keep(Buffer.from('young'))];
  const root = join(folder, 'made', 'when', 'needed');
  const digits = old.hash.slice(0, 2);
  await writeFile(join(root, digits, old.hash), 'not a file of ours');
  const yesterday = new Date(Date.now() - 86_400_000);
  await utimes(join(root, digits, `${old.tenantId}.${old.hash}`), yesterday, yesterday);
  expect(await listed(digits, new Date(Date.now() - 3_600_000))).toEqual([old]);
  expect(await listed(young.hash.slice(0, 2), new Date(Date.now() - 3_600_000))).not.toContainEqual(young);
  expect(await listed('zz', new Date())).toEqual([]);
  expect((await read(young)).toString()).toBe('young');
});

it('removes bytes that a process left without a name, and no others', async () => {
  await blobs.receive(Readable.from(['left']), 100);
  expect(await blobs.removeUnnamed(new Date(Date.now() - 60_000))).toBe(0);
  expect(await blobs.removeUnnamed(new Date(Date.now() + 60_000))).toBe(1);
  expect(await files()).toEqual([]);
});

it.each([
  { tenantId: '../..', hash: hashOf(Buffer.from('')) },
  { tenantId: newId(), hash: '../../../etc/passwd' },
])('takes no path for a name: %j', async (name) => {
  await expect(blobs.open(name)).rejects.toThrow('This names no bytes.');
  expect(() => blobs.remove(name)).toThrow('This names no bytes.');
});
