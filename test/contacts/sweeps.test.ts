import type { Client } from '@temporalio/client';
import { syncWorkflowId } from '../../domain/ids.ts';
import { scheduleId } from '../../platform/temporal-schedules.ts';
import { eventually } from '../support/eventually.ts';
import { actionsOf, eventsOf, temporalClient } from '../support/history.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { createBooks, type Books } from './book.ts';

let stack: TestStack;
let books: Books;
let client: Client;
beforeAll(async () => {
  [stack, client] = await Promise.all([startTestStack(), temporalClient()]);
  books = createBooks(stack);
});
afterAll(async () => {
  await client?.connection.close();
  await stack?.stop();
});

const schedule = (type: string) => client.schedule.getHandle(scheduleId(type, stack.config.TEMPORAL_TASK_QUEUE));
const hours = (n: number): number => n * 3_600_000;

/** The Schedules of this installation; the listing follows what happens at a distance. */
async function schedules(): Promise<string[]> {
  const found: string[] = [];
  for await (const { scheduleId: id } of client.schedule.list())
    if (id.endsWith(`/${stack.config.TEMPORAL_TASK_QUEUE}`)) found.push(id.split('/')[0] ?? '');
  return found.sort();
}

describe('B6: every address book is read by the clock', () => {
  it('by one Schedule with the interval of the settings, six hours where nothing is set', async () => {
    await eventually('both Schedules', async () => (await schedules()).length === 2);
    expect(await schedules()).toEqual(['fetchPictures', 'syncAllContacts']);
    const { spec, state } = await schedule('syncAllContacts').describe();
    expect(spec.intervals).toEqual([expect.objectContaining({ every: hours(6) })]);
    expect(state.paused).toBe(false);
  });

  it('by the same Schedule when the interval changes, and by none when it is switched off', async () => {
    const is = (every: number, paused: boolean) =>
      eventually(`every ${every} ms, ${paused ? 'paused' : 'running'}`, async () => {
        const { spec, state } = await schedule('syncAllContacts').describe();
        return spec.intervals?.[0]?.every === every && state.paused === paused;
      });
    await stack.worker.stop();
    for (const [settings, every, paused] of [
      [{ WASENDER_SYNC_INTERVAL_HOURS: 2 }, hours(2), false],
      [{ WASENDER_SYNC_INTERVAL_HOURS: 2, WASENDER_AUTO_SYNC_ENABLED: false }, hours(2), true],
      [{ WASENDER_SYNC_INTERVAL_HOURS: 6, WASENDER_AUTO_SYNC_ENABLED: true }, hours(6), false],
    ] as const) {
      stack.worker = await stack.startWorker(undefined, settings);
      await is(every, paused);
      expect(await schedules()).toEqual(['fetchPictures', 'syncAllContacts']);
      if (every !== hours(6) || paused) await stack.worker.stop();
    }
    books = createBooks(stack);
  });

  it('comes back when Temporal has lost it', async () => {
    await schedule('syncAllContacts').delete();
    await eventually('the Schedule', async () => (await schedule('syncAllContacts').describe()).scheduleId);
  });

  it('reads those that are due without a workflow of their own, and leaves one that fails to itself', async () => {
    const [good, bad, rested] = [
      await books.connected({ size: 40, seed: 'a' }),
      await books.connected({ size: 40, seed: 'b' }),
      await books.connected({ size: 40, seed: 'c' }),
    ];
    await stack.control.patch('/address-book', { session: good.session, change: 0.5 });
    await books.query(`update accounts set contacts_due_at = now() - interval '1 hour' where id = any(?::uuid[])`, [
      `{${good.id},${bad.id}}`,
    ]);
    await books.query(`update accounts set provider_account_id = '999999', provider_keys = null where id = ?`, [
      bad.id,
    ]);
    await stack.trigger('syncAllContacts');
    const newest = async (id: string) =>
      (
        await books.query(`select * from sync_runs where account_id = ? and kind = 'contacts' order by id desc`, [id])
      )[0];
    await eventually('the good one', async () => (await newest(good.id)).stats.updated === 20);
    await eventually('the bad one', async () => (await newest(bad.id)).state === 'failed');
    expect((await newest(bad.id)).reason).toMatch(/^[a-z_]+$/);
    expect((await newest(rested.id)).id).toBe(rested.first.id);
    const [{ due }] = await books.query(
      `select extract(epoch from contacts_due_at - last_sync_at)::int as due from accounts where id = ?`,
      [good.id],
    );
    expect(due).toBe(hours(3) / 1000);
    const runs = client.workflow.list({ query: `WorkflowId = '${syncWorkflowId('contacts', good.id)}'` });
    let own = 0;
    for await (const _run of runs) own += 1;
    // The one that followed the connection.
    expect(own).toBe(1);
  });
});

it('B11: pictures that the list does not tell are asked for, the quota of a day is never passed', async () => {
  await books.variant('list_pictures', false);
  const { id } = await books.connected({ size: 30, seed: 'p' });
  await books.variant('list_pictures', true);
  const without = async (): Promise<number> =>
    (await books.query('select count(*)::int as n from contacts where account_id = ? and picture_at is null', [id]))[0]
      .n;
  expect(await without()).toBe(30);
  // 20 are left of today's.
  const day = stack.worker.deps.clock.now().toISOString().slice(0, 10);
  await books.query('update accounts set picture_calls = ?::jsonb where id = ?', [
    JSON.stringify({ day, count: 880 }),
    id,
  ]);
  await books.query('update accounts set pictures_due_at = null where id <> ?', [id]);
  const before = await stack.control.count('GET', '/api/contacts/:phone/picture');
  await stack.trigger('fetchPictures');
  await eventually('twenty pictures', async () => (await without()) === 10);
  const [account] = await eventually('rest until tomorrow', async () => {
    const found = await books.query('select picture_calls, pictures_due_at::text as due from accounts where id = ?', [
      id,
    ]);
    return found[0].due.includes('00:00:00') ? found : null;
  });
  expect(account.picture_calls).toEqual({ day, count: 900 });
  expect((await stack.control.count('GET', '/api/contacts/:phone/picture')) - before).toBe(20);
  await books.query(`update accounts set picture_calls = null, pictures_due_at = now() where id = ?`, [id]);
  await stack.trigger('fetchPictures');
  await eventually('all of them', async () => (await without()) === 0);
  const [{ n }] = await books.query('select count(profile_image_url)::int as n from contacts where account_id = ?', [
    id,
  ]);
  expect(n).toBeGreaterThan(0);
});

it('stays within 11 events and 4 actions however large the address book is', async () => {
  for (const size of [10, 6000]) {
    const { id } = await books.connected({ size, seed: 'budget' });
    const handle = client.workflow.getHandle(syncWorkflowId('contacts', id));
    await handle.result();
    const history = await handle.fetchHistory();
    expect(eventsOf(history).length).toBeLessThanOrEqual(11);
    expect(actionsOf(history)).toBeLessThanOrEqual(4);
  }
});
