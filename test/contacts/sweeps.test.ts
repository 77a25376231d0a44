import { once } from 'node:events';
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { sweepActivities } from '../../activities/sweeps.ts';
import type { Context } from '../../services/context.ts';
import { syncWorkflowId } from '../../domain/workflow-ids.ts';
import { scheduleId } from '../../temporal/schedules.ts';
import type { ContactReader } from '../../providers/provider.ts';
import { activityInterceptors } from '../../workers/interceptors.ts';
import { eventually } from '../support/eventually.ts';
import { actionsOf, eventCountOf, temporalClient } from '../support/history.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { createContactSyncs, type ContactSyncs } from './contact-syncs.ts';

let stack: TestStack;
let syncs: ContactSyncs;
let client: Client;
beforeAll(async () => {
  [stack, client] = await Promise.all([startTestStack(), temporalClient()]);
  syncs = createContactSyncs(stack);
});
afterAll(async () => {
  await client?.connection.close();
  await stack?.stop();
});

const schedule = (type: string) => client.schedule.getHandle(scheduleId(type, stack.config.TEMPORAL_TASK_QUEUE));
const hours = (n: number): number => n * 3_600_000;

/** Of this installation; Temporal's list is updated with a delay. */
async function schedules(): Promise<string[]> {
  const found: string[] = [];
  for await (const { scheduleId: id } of client.schedule.list())
    if (id.endsWith(`/${stack.config.TEMPORAL_TASK_QUEUE}`)) found.push(id.split('/')[0] ?? '');
  return found.sort();
}

const scheduled = [
  'aggregateAnalytics',
  'fetchMedia',
  'fetchPictures',
  'maintenance',
  'refreshTokens',
  'remindOwners',
  'syncAllContacts',
  'syncPlatforms',
];

describe('B6: every address book is read by a Schedule', () => {
  it('with the interval of the settings, six hours by default', async () => {
    await eventually('all Schedules', async () => (await schedules()).length === scheduled.length);
    expect(await schedules()).toEqual(scheduled);
    const { spec, state } = await schedule('syncAllContacts').describe();
    expect(spec.intervals).toEqual([expect.objectContaining({ every: hours(6) })]);
    expect(state.paused).toBe(false);
  });

  it('follows a changed interval, and reads nothing when it is switched off', async () => {
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
      expect(await schedules()).toEqual(scheduled);
      if (every !== hours(6) || paused) await stack.worker.stop();
    }
    syncs = createContactSyncs(stack);
  });

  it('reads due accounts without workflows of their own; a failing account does not stop the others', async () => {
    const [good, bad, rested] = [
      await syncs.connected({ size: 40, seed: 'a' }),
      await syncs.connected({ size: 40, seed: 'b' }),
      await syncs.connected({ size: 40, seed: 'c' }),
    ];
    await stack.control.patch('/address-book', { session: good.session, change: 0.5 });
    await syncs.query(`update accounts set contacts_due_at = now() - interval '1 hour' where id = any(?::uuid[])`, [
      `{${good.id},${bad.id}}`,
    ]);
    await syncs.query(`update accounts set provider_account_id = '999999', provider_keys = null where id = ?`, [
      bad.id,
    ]);
    await stack.trigger('syncAllContacts');
    const newest = async (id: string) =>
      (
        await syncs.query(`select * from sync_runs where account_id = ? and kind = 'contacts' order by id desc`, [id])
      )[0];
    await eventually('the good one', async () => {
      const { state, stats } = await newest(good.id);
      return state === 'succeeded' && stats.updated === 20;
    });
    await eventually('the bad one', async () => (await newest(bad.id)).state === 'failed');
    expect((await newest(bad.id)).reason).toMatch(/^[a-z_]+$/);
    expect((await newest(rested.id)).id).toBe(rested.first.id);
    const [{ due }] = await syncs.query(
      `select extract(epoch from contacts_due_at - last_sync_at)::int as due from accounts where id = ?`,
      [good.id],
    );
    expect(due).toBe(hours(3) / 1000);
    const runs = client.workflow.list({ query: `WorkflowId = '${syncWorkflowId('contacts', good.id)}'` });
    let own = 0;
    for await (const _run of runs) own += 1;
    // The run after the connection.
    expect(own).toBe(1);
  });
});

describe('a sweep that stops half-way', () => {
  /** Tries of one activity of one workflow. */
  const trying = (heartbeatDetails?: unknown) =>
    new MockActivityEnvironment(
      { heartbeatDetails },
      { interceptors: [activityInterceptors(stack.worker.context.log)], logger: new DefaultLogger('ERROR') },
    );

  /** A worker that reads one address book and stops at the others until released; a dead worker sends nothing more. */
  function slowWorker(): { context: Context; waiting(): number; die(): void; goOn(): void } {
    const { context } = stack.worker;
    const wasender = context.providers.wasender!;
    const contacts = wasender.contacts!;
    let asked = 0;
    let dead = false;
    const released = Promise.withResolvers<void>();
    const living = <A extends unknown[], T>(work: (...args: A) => Promise<T>) =>
      ((...args) => (dead ? Promise.reject(new Error('dead')) : work(...args))) as typeof work;
    const db = { ...context.db, tenant: living(context.db.tenant), system: living(context.db.system) } as Context['db'];
    const all: ContactReader['all'] = async (call) => {
      asked += 1;
      if (asked > 1) await Promise.race([released.promise, once(call.signal!, 'abort')]);
      call.signal?.throwIfAborted();
      return contacts.all(call);
    };
    const providers = { ...context.providers, wasender: { ...wasender, contacts: { ...contacts, all } } };
    return {
      context: { ...context, db, providers },
      waiting: () => asked - 1,
      die: () => void (dead = true),
      goOn: released.resolve,
    };
  }

  /** A try over six due accounts: one done, three started, two left. */
  async function inTheMiddle(seed: string) {
    const ids: string[] = [];
    for (let n = 0; n < 6; n += 1) ids.push((await syncs.connected({ size: 10, seed: `${seed}${n}` })).id);
    await syncs.query(`update accounts set contacts_due_at = now() - interval '1 hour' where id = any(?::uuid[])`, [
      `{${ids.join(',')}}`,
    ]);
    const ref = { now: Date.now(), dueAt: Date.now() };
    const worker = slowWorker();
    const activity = trying();
    const saved: unknown[] = [];
    activity.on('heartbeat', (details: unknown) => saved.push(details));
    const end = activity.run(sweepActivities(worker.context).syncDueContacts, ref).catch((error: unknown) => error);
    // At the start, after the finished one, and after some time.
    await eventually('heartbeats', async () => worker.waiting() === 3 && saved.length > 2);
    const begun = new Set((await runs(ids)).slice(6).map((run) => run.account_id));
    return { ids, ref, worker, activity, saved, end, toCome: ids.filter((id) => !begun.has(id)) };
  }

  const runs = (ids: string[]) =>
    syncs.query(
      `select account_id, state from sync_runs where account_id = any(?::uuid[]) and kind = 'contacts' order by id`,
      [`{${ids.join(',')}}`],
    );

  /** After their first reads. */
  async function readOnceEach(ids: string[]): Promise<void> {
    const all = await runs(ids);
    expect(all.map(({ state }) => state)).toEqual(Array.from({ length: 12 }, () => 'succeeded'));
    expect(new Set(all.slice(6).map((run) => run.account_id)).size).toBe(6);
  }

  it.each(['killed', 'stopped'] as const)(
    'goes on with the accounts that it had claimed when it was %s, and reads nobody twice',
    async (how) => {
      const { ids, ref, worker, activity, saved, end, toCome } = await inTheMiddle(how);
      if (how === 'killed') worker.die();
      activity.cancel('WORKER_SHUTDOWN');
      expect(await end).toBeInstanceOf(Error);
      // Another sync of one of the accounts that are left.
      await syncs.sync(toCome[0]!);
      const known = how === 'killed' ? JSON.parse(JSON.stringify(saved.at(-1))) : undefined;
      expect(await trying(known).run(sweepActivities(stack.worker.context).syncDueContacts, ref)).toMatchObject({
        more: false,
      });
      await readOnceEach(ids);
    },
  );

  it('does not read accounts that another sync read meanwhile', async () => {
    const { ids, worker, end, toCome } = await inTheMiddle('turn');
    await syncs.sync(toCome[0]!);
    worker.goOn();
    expect(await end).toMatchObject({ more: false });
    await readOnceEach(ids);
  });

  it('keeps the saved progress of a try that is killed before its first save', async () => {
    const next = trying({ leased: [], until: '2026-01-01T00:00:00Z' });
    expect(await next.run(() => once(next, 'heartbeat'))).toEqual([next.context.info.heartbeatDetails]);
  });

  it('continues with the pictures of its leased accounts after a kill', async () => {
    await syncs.variant('list_pictures', false);
    const { id } = await syncs.connected({ size: 5, seed: 'claimed' });
    await syncs.variant('list_pictures', true);
    const until = new Date(Date.now() + 60_000).toISOString();
    await syncs.query('update accounts set pictures_due_at = case when id = ? then ?::timestamptz end', [id, until]);
    const without = () =>
      syncs
        .query('select id from contacts where account_id = ? and picture_at is null', [id])
        .then((all) => all.length);
    const sweep = sweepActivities(stack.worker.context).fetchDuePictures;
    await trying().run(sweep, { now: Date.now() });
    expect(await without()).toBe(5);
    await trying({ leased: [id], until }).run(sweep, { now: Date.now() });
    expect(await without()).toBe(0);
  });

  it('starts anew when its saved progress cannot be parsed', async () => {
    const { id } = await syncs.connected({ size: 10, seed: 'saved' });
    await syncs.query(`update accounts set contacts_due_at = now() - interval '1 hour' where id = ?`, [id]);
    const sweep = sweepActivities(stack.worker.context).syncDueContacts;
    expect(await trying({ leased: ['; --'], until: 5 }).run(sweep, { now: Date.now() })).toMatchObject({ more: false });
    expect(await runs([id])).toMatchObject([{ state: 'succeeded' }, { state: 'succeeded' }]);
  });
});

it.each(['contacts', 'pictures'] as const)(
  'the first activity, which works alone, leaves %s of many accounts to the many activities after it',
  async (what) => {
    const { id } = await syncs.connected({ size: 5, seed: `many-${what}` });
    const due = `${what}_due_at`;
    await syncs.query(
      `insert into accounts select (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(),
         'provider_account_id', 'copy-' || n, 'identity', null, 'webhook_secret_hash', null,
         '${due}', now() - interval '1 hour'))).*
       from accounts a, generate_series(1, 20) n where a.id = ?`,
      [id],
    );
    try {
      const now = Date.now();
      const { syncDueContacts, fetchDuePictures } = sweepActivities(stack.worker.context);
      const activity = what === 'contacts' ? syncDueContacts : fetchDuePictures;
      expect(await new MockActivityEnvironment().run(activity, { now, dueAt: now })).toEqual({
        more: true,
        accounts: 0,
        failed: 0,
      });
      const [left] = await syncs.query(
        `select count(*)::int as n from accounts where provider_account_id like 'copy-%' and ${due} <= ?::timestamptz`,
        [new Date(now)],
      );
      expect(left.n).toBe(20);
    } finally {
      await syncs.query(`delete from accounts where provider_account_id like 'copy-%'`);
    }
  },
);

it('B11: fetches pictures that the list lacks, within the daily quota', async () => {
  await syncs.variant('list_pictures', false);
  const { id } = await syncs.connected({ size: 30, seed: 'p' });
  await syncs.variant('list_pictures', true);
  const without = async (): Promise<number> =>
    (await syncs.query('select count(*)::int as n from contacts where account_id = ? and picture_at is null', [id]))[0]
      .n;
  expect(await without()).toBe(30);
  const contactsOf = () =>
    syncs.query(
      `select id, phone_number, profile_image_url is null as lacks, updated_at = created_at as same
       from contacts where account_id = ?`,
      [id],
    );
  const numbered = new Set((await contactsOf()).flatMap((one) => (one.phone_number ? [one.id] : [])));
  // 20 of today's quota are left.
  const day = stack.worker.context.clock.now().toISOString().slice(0, 10);
  await syncs.query('update accounts set picture_calls = ?::jsonb where id = ?', [
    JSON.stringify({ day, count: 880 }),
    id,
  ]);
  // A run of the Schedule itself may be at work on other accounts.
  await schedule('fetchPictures').pause();
  const noRun = () =>
    eventually(
      'no run of the Schedule',
      async () => !(await schedule('fetchPictures').describe()).info.runningActions.length,
    );
  await noRun();
  await syncs.query('update accounts set pictures_due_at = null where id <> ?', [id]);
  const before = await stack.control.count('GET', '/api/contacts/:phone/picture');
  await stack.trigger('fetchPictures');
  await eventually('twenty pictures', async () => (await without()) === 10);
  const [account] = await eventually('rest until tomorrow', async () => {
    const found = await syncs.query('select picture_calls, pictures_due_at::text as due from accounts where id = ?', [
      id,
    ]);
    return found[0].due.includes('00:00:00') ? found : null;
  });
  expect(account.picture_calls).toEqual({ day, count: 900 });
  expect((await stack.control.count('GET', '/api/contacts/:phone/picture')) - before).toBe(20);
  await syncs.query(`update accounts set picture_calls = null, pictures_due_at = now() where id = ?`, [id]);
  // A run that is still at work would be joined.
  await noRun();
  await stack.trigger('fetchPictures');
  await eventually('all of them', async () => (await without()) === 0);
  // Others change because their numbers are found meanwhile.
  const people = (await contactsOf()).filter((one) => numbered.has(one.id));
  expect(people.filter(({ lacks }) => !lacks).length).toBeGreaterThan(0);
  expect(people.filter(({ lacks }) => lacks).length).toBeGreaterThan(0);
  // A person without a picture is checked, not changed.
  expect(people.filter(({ lacks, same }) => lacks !== same)).toEqual([]);
});

it('stays within 11 events and 4 actions however large the address book is', async () => {
  for (const size of [10, 6000]) {
    const { id } = await syncs.connected({ size, seed: 'budget' });
    const handle = client.workflow.getHandle(syncWorkflowId('contacts', id));
    await handle.result();
    const history = await handle.fetchHistory();
    expect(eventCountOf(history)).toBeLessThanOrEqual(11);
    expect(actionsOf(history)).toBeLessThanOrEqual(4);
  }
});
