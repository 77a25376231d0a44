import { readdir, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { openDatabase, type Database } from '../../db/connect.ts';
import { findMedia, type StoredMedia } from '../../db/queries/media/media.ts';
import { newId } from '../../platform/ids.ts';
import type { BlobStore } from '../../services/media/blob-store.ts';
import { createFolderBlobs } from '../../services/media/folder-blobs.ts';
import { keepMedia } from '../../services/media/keep-media.ts';
import { Problem } from '../../services/problem.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { makeMediaFolder } from '../support/media-folder.ts';
import { runSql } from '../support/run-sql.ts';

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

describe('a quota', () => {
  const bring = (on: Database, tenantId: string, text: string, quota: number): Promise<StoredMedia> =>
    keepMedia(
      { blobs, db: on, clock },
      tenantId,
      { body: Readable.from([text]), contentType: null, mostBytes: 1_000, keptForMs: 60_000, quota },
      (_em, media) => Promise.resolve(media),
    );
  const codeOf = (error: unknown): unknown => (error instanceof Problem ? error.code : error);

  it('is not passed by files that come at the same time, also to several processes', async () => {
    // Each process has connections of its own.
    const other = await openDatabase(test.url, { pool: { app: 6, system: 1 } });
    try {
      const tenantId = newId();
      const kept = new Set(await files());
      const texts = ['one.', 'two.', 'thre', 'four', 'five', 'six.'];
      const outcomes = await Promise.allSettled(texts.map((text, n) => bring(n % 2 ? other : db, tenantId, text, 10)));
      const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [codeOf(one.reason)] : []));
      expect(refused).toEqual(Array.from({ length: 4 }, () => 'storage_full'));
      expect((await files()).filter((name) => !kept.has(name))).toHaveLength(2);
    } finally {
      await other.close();
    }
  });

  it('counts what an upload takes whose transaction is still open', async () => {
    const tenantId = newId();
    let end = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      end = resolve;
    });
    const noted = new Promise<void>((resolve) => {
      void keepMedia(
        { blobs, db, clock },
        tenantId,
        { body: Readable.from(['first']), contentType: null, mostBytes: 1_000, keptForMs: 60_000, quota: 8 },
        async () => {
          resolve();
          await held;
        },
      );
    });
    await noted;
    const second = bring(db, tenantId, 'second', 8).then(
      () => 'kept',
      (error: unknown) => codeOf(error),
    );
    await eventually('the second one waits', () =>
      db.system(async (em) => {
        const waiting = `select 1 from pg_locks where locktype = 'advisory' and not granted
          and database = (select oid from pg_database where datname = current_database())`;
        return (await runSql(em, waiting)).length > 0;
      }),
    );
    end();
    expect(await second).toBe('storage_full');
  });

  it('has room for bytes that are there already', async () => {
    const tenantId = newId();
    const { id } = await bring(db, tenantId, 'whole', 5);
    expect(await bring(db, tenantId, 'whole', 5)).toMatchObject({ id, size: 5 });
  });
});
