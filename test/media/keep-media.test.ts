import { readdir, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { openDatabase, type Database } from '../../db/connect.ts';
import { findMedia, type StoredMedia } from '../../db/queries/media/media.ts';
import { newId } from '../../platform/ids.ts';
import type { BlobStore } from '../../services/media/blob-store.ts';
import { createFolderBlobs } from '../../services/media/folder-blobs.ts';
import { keepMedia } from '../../services/media/keep-media.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeMediaFolder } from '../support/media-folder.ts';

let test: TestDatabase;
let db: Database;
let folder: string;
let blobs: BlobStore;
beforeAll(async () => {
  [test, folder] = await Promise.all([createTestDatabase(), makeMediaFolder()]);
  db = await openDatabase(test.url, { pool: { app: 6, system: 1 } });
  blobs = createFolderBlobs(folder);
});
afterAll(async () => {
  await db?.close();
  await test?.drop();
  await rm(folder, { recursive: true, force: true });
});

const clock = { now: () => new Date() };
const keep = (
  tenantId: string,
  text: string,
  contentType: string | null = 'text/plain',
  use: Parameters<typeof keepMedia<StoredMedia>>[3] = (_em, media) => Promise.resolve(media),
): Promise<StoredMedia> =>
  keepMedia(
    { blobs, db, clock },
    tenantId,
    { body: Readable.from([text]), contentType, mostBytes: 1_000, keptForMs: 60_000 },
    use,
  );
const files = async (): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

it('keeps the same bytes once for each tenant, whatever comes at the same time', async () => {
  const [one, two] = [newId(), newId()];
  const kept = await Promise.all([keep(one, 'same'), keep(one, 'same', null), keep(one, 'same'), keep(two, 'same')]);
  const ids = kept.map(({ id }) => id);
  expect(new Set(ids.slice(0, 3)).size).toBe(1);
  expect(ids[3]).not.toBe(ids[0]);
  const media = await db.tenant(one, (em) => findMedia(em, ids[0] ?? ''));
  expect(media).toMatchObject({ tenantId: one, size: 4, contentType: 'text/plain' });
  expect((await buffer(await blobs.open(media!))).toString()).toBe('same');
  expect(await db.tenant(two, (em) => findMedia(em, ids[0] ?? ''))).toBeNull();
});

it('notes nothing where the row that would refer to the file cannot be written', async () => {
  const tenantId = newId();
  const kept = new Set(await files());
  const refused = (): Promise<StoredMedia> => Promise.reject(new Error('no such message'));
  await expect(keep(tenantId, 'unwanted', null, refused)).rejects.toThrow('no such message');
  expect((await files()).filter((name) => !kept.has(name))).toEqual([]);
});
