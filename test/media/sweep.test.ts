import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fetchDueMedia } from '../../services/media/fetch-due-media.ts';
import { removeOrphans, removeUnused } from '../../services/media/remove-media.ts';
import { newId } from '../../platform/ids.ts';
import type { SweepProgress } from '../../domain/syncs.ts';
import type { Context } from '../../services/context.ts';
import { scheduleId } from '../../temporal/schedules.ts';
import { eventually } from '../support/eventually.ts';
import { temporalClient } from '../support/history.ts';
import { runSql } from '../support/run-sql.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { upstreamOf } from '../support/unipile-account.ts';

let stack: TestStack;
let context: Context;
beforeAll(async () => {
  stack = await startTestStack();
  ({ context } = stack.worker);
  // Only what a test does itself may fetch and remove.
  const client = await temporalClient();
  for (const type of ['fetchMedia', 'maintenance']) {
    const schedule = client.schedule.getHandle(scheduleId(type, stack.config.TEMPORAL_TASK_QUEUE));
    await eventually('the Schedule', async () => (await schedule.describe()).scheduleId);
    await schedule.pause();
    await eventually('its end', async () => (await schedule.describe()).info.runningActions.length === 0);
  }
  await client.connection.close();
});
afterAll(() => stack?.stop());
afterEach(() => stack.control.put('/faults', { provider: 'unipile' }));

const route = 'GET /api/v1/messages/:id/attachments/:attachment_id';
const asked = (): Promise<number> => stack.control.count('GET', route.slice(4));
const query = (statement: string, params: unknown[] = []): Promise<any[]> =>
  context.db.system((em) => runSql<any>(em, statement, params));
const minute = 60_000;

interface Connected {
  id: string;
  upstream: string;
}

async function connected(owner: string): Promise<Connected> {
  const { body } = await stack.api.post('/api/v1/accounts', { provider: 'unipile', channel: 'whatsapp', owner });
  const { id } = body.account;
  await stack.api.step(id, 'qr');
  const upstream = await upstreamOf(stack.api, id);
  // No history: its files would be due, too.
  await stack.control.put('/address-book', { account_id: upstream, size: 0, seed: 'none' });
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(id, 'active');
  return { id, upstream };
}

/** So many messages with a file each arrive; none of them is left to the Schedule. */
async function arrive({ id, upstream }: Connected, sizes: readonly number[], from = '+33639981234'): Promise<void> {
  for (const size of sizes)
    await stack.control.post('/messages', {
      account_id: upstream,
      from,
      text: 'See',
      attachments: [{ file_name: `${size}.png`, mimetype: 'image/png', size }],
    });
  await eventually('the messages', async () => (await filesOf(id)).length === sizes.length);
}
const filesOf = (accountId: string): Promise<any[]> =>
  query(
    `select a.id, a.size, a.media_id, a.unavailable, a.unavailable_why, a.fetch_tries as tries,
       extract(epoch from a.fetch_due_at - now()) / 60 as minutes
     from attachments a where a.account_id = ? order by a.size`,
    [accountId],
  );

/** A sweep at another time, in milliseconds from now. */
const sweep = (inMs = 0): Promise<SweepProgress> => {
  const at = new Date(context.clock.now().getTime() + inMs);
  const { signal } = new AbortController();
  return fetchDueMedia(context, { dueAt: at, now: () => at, isOver: () => false, signal }, false);
};
const never = (): boolean => false;
const bytesHere = async (): Promise<string[]> => {
  const folder = context.config.MEDIA_FOLDER;
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
};

it('C9: a sweep fetches files that nothing asked for, each once, however many sweeps there are', async () => {
  const account = await connected('maya');
  await arrive(account, [101, 102, 103, 104, 105]);
  const before = await asked();
  await Promise.all([sweep(), sweep(), sweep()]);
  const files = await filesOf(account.id);
  expect(files.map(({ media_id: id }) => id)).not.toContain(null);
  expect((await asked()) - before).toBe(5);
  await sweep(minute);
  expect((await asked()) - before).toBe(5);
});

it('a failure is backed off, holds back the other files of its account, and is made good', async () => {
  const account = await connected('noor');
  await arrive(account, [201, 202, 203]);
  await stack.control.put('/faults', { provider: 'unipile', route, rate_500: true });
  const before = await asked();
  expect(await sweep()).toMatchObject({ failed: 1 });
  expect((await asked()) - before).toBe(1);
  const held = await filesOf(account.id);
  expect(held.map(({ tries }) => tries).toSorted((a, b) => a - b)).toEqual([0, 0, 1]);
  for (const { minutes } of held) expect(Number(minutes)).toBeGreaterThan(0.5);
  await sweep();
  expect((await asked()) - before).toBe(1);
  await stack.control.put('/faults', { provider: 'unipile' });
  await sweep(3 * minute);
  expect((await filesOf(account.id)).map(({ media_id: id }) => id)).not.toContain(null);
});

it('a file that cannot be fetched for two weeks is unavailable', async () => {
  const account = await connected('omar');
  await arrive(account, [301]);
  await stack.control.put('/faults', { provider: 'unipile', route, rate_500: true });
  await sweep(15 * 24 * 60 * minute);
  expect(await filesOf(account.id)).toMatchObject([{ unavailable: true, unavailable_why: 'given_up', minutes: null }]);
});

it('a lease that a dead worker left ends', async () => {
  const account = await connected('pia');
  await arrive(account, [401]);
  await query("update attachments set fetch_due_at = now() + interval '45 minutes' where account_id = ?", [account.id]);
  await sweep();
  expect(await filesOf(account.id)).toMatchObject([{ media_id: null }]);
  await sweep(46 * minute);
  expect(await filesOf(account.id)).toMatchObject([{ media_id: expect.any(String) }]);
});

describe('purge, erasure and crashes', () => {
  it('a purged account leaves no file, and takes none that another one has', async () => {
    const [one, two] = [await connected('rosa'), await connected('sami')];
    await arrive(one, [501, 502]);
    await arrive(two, [502, 503]);
    await sweep();
    await removeUnused(context, context.clock.now(), never);
    const before = await bytesHere();
    const { body } = await stack.api.delete(`/api/v1/accounts/${one.id}?purge=true`);
    await eventually('the purge', async () => (await filesOf(one.id)).length === 0 && body);
    await removeUnused(context, new Date(context.clock.now().getTime() + minute), never);
    expect(before.length - (await bytesHere()).length).toBe(1);
    const kept = await filesOf(two.id);
    for (const { id } of kept) expect((await stack.api.get(`/api/v1/attachments/${id}/content`)).status).toBe(200);
  });

  it('an erased person leaves no file', async () => {
    const account = await connected('tess');
    await arrive(account, [601], '+33639985555');
    await sweep();
    const before = await bytesHere();
    const { body } = await stack.api.post('/api/v1/erasures', { phone: '+33639985555' });
    await eventually('the erasure', async () => {
      const { body: now } = await stack.api.get(`/api/v1/erasures/${body.id}`);
      return now.state === 'done';
    });
    expect(await filesOf(account.id)).toEqual([]);
    await removeUnused(context, new Date(context.clock.now().getTime() + minute), never);
    expect(before.length - (await bytesHere()).length).toBe(1);
  });

  it('bytes whose process died before their row was written are removed, and no others', async () => {
    const hour = 60 * minute;
    const received = await context.blobs.receive(Readable.from(['left over']), 100);
    const name = { tenantId: newId(), hash: received.hash };
    await received.keep(name);
    await context.blobs.receive(Readable.from(['without a name']), 100);
    const before = await bytesHere();
    const old = new Date(Date.now() - 2 * hour);
    for (const path of before) await utimes(path, old, old);
    let removed = 0;
    for (let n = 0; n < 256; n += 1) removed += await removeOrphans(context, n.toString(16).padStart(2, '0'), never);
    expect(removed).toBe(2);
    await expect(context.blobs.open(name)).rejects.toThrow();
    const [{ count }] = await query('select count(*)::int as count from media');
    expect(await bytesHere()).toHaveLength(count);
  });
});
