import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { upstreamOf } from '../support/unipile-account.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack?.stop());

const pages = '/api/v1/chats/:id/messages';
const runOf = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/syncs/${id}`)).body;
const sync = (id: string, verb: string): Promise<any> => stack.api.post(`/api/v1/syncs/${id}/${verb}`);
const slowly = (share: number): Promise<unknown> =>
  stack.control.put('/faults', {
    provider: 'unipile',
    route: `GET ${pages}`,
    ...(share ? { delay: share, delay_seconds: 1 } : {}),
  });

it('C6: a history is paused and resumed by the API; it goes on where it was, and says how much time is left', async () => {
  const { body } = await stack.api.post('/api/v1/accounts', {
    provider: 'unipile',
    channel: 'whatsapp',
    owner: 'maya',
  });
  const { id } = body.account;
  const upstream = await upstreamOf(stack.api, id);
  await stack.control.put('/address-book', { account_id: upstream, size: 20, seed: 'paused' });
  await slowly(1);
  await stack.control.post('/scan', { account_id: upstream });
  const run = await eventually('some messages', async () => {
    const { body: runs } = await stack.api.get(`/api/v1/accounts/${id}/syncs?kind=conversations&limit=1`);
    return runs.items[0]?.stats.messages > 0 ? runs.items[0] : null;
  });
  expect(run).toMatchObject({ state: 'running', paused_at: null });
  const paused = await sync(run.id, 'pause');
  expect(paused).toMatchObject({ status: 200, body: { id: run.id, state: 'running', seconds_left: null } });
  expect(paused.body.paused_at).not.toBeNull();
  await slowly(0);
  // Another request for it joins it, and leaves it paused.
  const joined = await stack.api.post(`/api/v1/accounts/${id}/syncs`, { kind: 'conversations' });
  expect(joined.body).toMatchObject({ id: run.id, paused_at: paused.body.paused_at });
  expect((await sync(run.id, 'pause')).body.paused_at).toBe(paused.body.paused_at);
  const stored = await runOf(run.id);

  const resumed = await sync(run.id, 'resume');
  expect(resumed).toMatchObject({ status: 200, body: { id: run.id, paused_at: null } });
  const end = await eventually('the end', async () => {
    const now = await runOf(run.id);
    return now.state === 'running' ? null : now;
  });
  expect(end).toMatchObject({ state: 'succeeded', progress: 1, paused_at: null, seconds_left: null });
  expect(end.stats.messages).toBeGreaterThan(stored.stats.messages);
  const [{ n }] = await stack.worker.context.db.system((em) =>
    runSql<any>(em, 'select count(*)::int as n from messages where account_id = ?', [id]),
  );
  expect(end.stats.messages).toBe(n);
  for (const verb of ['pause', 'resume'])
    expect(await sync(run.id, verb)).toMatchObject({ status: 409, body: { code: 'sync_ended' } });
}, 120_000);

it('says how much time is left, by what was done since the start or the resumption', async () => {
  const started = new Date(Date.now() - 60_000);
  const { body } = await stack.api.get('/api/v1/accounts?limit=1');
  const [{ id }] = body.items;
  const [{ run }] = await stack.worker.context.db.system((em) =>
    runSql<any>(
      em,
      `insert into sync_runs (id, tenant_id, account_id, kind, scope, state, dry_run, again, stats, started_at, part, lease, lease_until)
       select gen_random_uuid(), tenant_id, id, 'contacts', 'left', 'running', false, false, '{}', ?, 0.25, 'test', ?
       from accounts where id = ? returning id as run`,
      [started, new Date(Date.now() + 3_600_000), id],
    ),
  );
  const left = (await runOf(run)).seconds_left;
  expect(left).toBeGreaterThanOrEqual(180);
  await sync(run, 'pause');
  expect((await runOf(run)).seconds_left).toBeNull();
  const details = await stack.api.post(`/api/v1/accounts/${id}/syncs?wait=20`, { kind: 'details' });
  expect(await sync(details.body.id, 'pause')).toMatchObject({ status: 409, body: { code: 'sync_ended' } });
});
