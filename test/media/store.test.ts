import { readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobStore } from '../../services/media/blob-store.ts';
import { createFolderBlobs } from '../../services/media/folder-blobs.ts';
import { makeMediaFolder } from '../support/media-folder.ts';
import { keep, listed, testEveryStore } from './store-cases.ts';

let folder: string;
let blobs: BlobStore;
beforeEach(async () => {
  folder = await makeMediaFolder();
  blobs = createFolderBlobs(join(folder, 'made', 'when', 'needed'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const contents = async (): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

testEveryStore(() => ({ blobs, contents }));

it('tells old files from young ones, and passes over files that are not its own', async () => {
  const [old, young] = [await keep(blobs, Buffer.from('old')), await keep(blobs, Buffer.from('young'))];
  const root = join(folder, 'made', 'when', 'needed');
  const digits = old.hash.slice(0, 2);
  await writeFile(join(root, digits, old.hash), 'not a file of ours');
  const yesterday = new Date(Date.now() - 86_400_000);
  await utimes(join(root, digits, `${old.tenantId}.${old.hash}`), yesterday, yesterday);
  const anHourAgo = new Date(Date.now() - 3_600_000);
  expect(await listed(blobs, digits, anHourAgo)).toEqual([old]);
  expect(await listed(blobs, young.hash.slice(0, 2), anHourAgo)).not.toContainEqual(young);
});
