import { startTestApi, type TestApi } from '../api/support.ts';
import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';
import type { Context } from '../../services/context.ts';
import { atTime } from '../tokens/at-time.ts';
import { asked, connected, day, hour, lose, remindedAt, sweepReminders } from './reminding.ts';

/** Accounts of one sweep; `PATCHBAY_TEST_SWEEP=full` asks for the full size. */
const many = process.env.PATCHBAY_TEST_SWEEP === 'full' ? 10_000 : 1_500;

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());

const query = (sql: string, values: unknown[] = []): Promise<any[]> =>
  api.context.db.system((em) => runSql<any>(em, sql, values));

/** A process whose `n`-th transaction ends before its commit, as by kill -9; nothing after it reaches PostgreSQL. */
function dyingAt(context: Context, n: number): Context {
  let left = n;
  const system: Context['db']['system'] = (work, more) =>
    context.db.system(async (em) => {
      left -= 1;
      if (left < 0) throw new Error('killed');
      const done = await work(em);
      await em.flush();
      if (left === 0) throw new Error('killed');
      return done;
    }, more);
  return { ...context, db: { ...context.db, system } };
}

it('reminds each owner once, however many workers sweep and are killed', async () => {
  const began = Date.now();
  let now = began;
  const context = atTime(api.context, () => now);
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1) ids.push(await connected(api));
  for (const id of ids) await lose(context, id, new Date(now));
  await sweepReminders(context);
  now += day + hour;
  await expect(sweepReminders(dyingAt(context, 1))).rejects.toThrow("see the worker's log");
  for (const id of ids) expect(await remindedAt(context, id)).toEqual([]);
  await Promise.all([sweepReminders(context), sweepReminders(context), sweepReminders(context)]);
  await sweepReminders(context);
  for (const id of ids) {
    expect(await remindedAt(context, id)).toHaveLength(1);
    // The feed shows an event once no older transaction of its tenant is open.
    await eventually('both questions', async () => (await asked(api.client, id)).length > 1);
    expect((await asked(api.client, id)).map(({ reminder }) => reminder)).toEqual([false, true]);
  }
});

it(`sweeps ${many} accounts in one activity, and finds nothing in the next one`, async () => {
  const began = Date.now();
  let now = began;
  const context = atTime(api.context, () => now);
  const first = await connected(api);
  await lose(context, first, new Date(now));
  for (let from = 0; from < many; from += 500)
    await query(
      `insert into accounts select (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(),
         'provider_account_id', 'many-' || n, 'identity', null, 'webhook_secret_hash', null))).*
       from accounts a, generate_series(?::int, ?::int) n where a.id = ?`,
      [from + 1, Math.min(from + 500, many), first],
    );
  await sweepReminders(context);
  now += day;
  const half = Math.floor(many / 200);
  await expect(sweepReminders(dyingAt(context, half))).rejects.toThrow("see the worker's log");
  const { accounts, more } = await sweepReminders(context);
  expect(more).toBe(false);
  expect(accounts).toBeGreaterThan(many - 100 * half);
  const sql = `select a.reminders, count(*)::int as n from accounts a where provider_account_id like 'many-%' group by 1`;
  expect(await query(sql)).toEqual([{ reminders: 1, n: many }]);
  const lines = await query(
    `select count(*)::int as n from account_events e join accounts a on a.id = e.account_id
     where a.provider_account_id like 'many-%' and e.kind = 'owner_reminded'`,
  );
  expect(lines).toEqual([{ n: many }]);
  expect(await sweepReminders(context)).toEqual({ more: false, accounts: 0, failed: 0 });
}, 600_000);
