import { connectMeta, personOf } from '../support/meta.ts';
import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { upstreamOf } from '../support/unipile-account.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack?.stop());

const query = (statement: string, params: unknown[] = []): Promise<any[]> =>
  stack.worker.context.db.system((em) => runSql<any>(em, statement, params));
const accountOf = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/accounts/${id}`)).body;
const ago = (ms: number): Date => new Date(stack.worker.context.clock.now().getTime() - ms);
const hour = 3_600_000;

async function whatsapp(phone: string): Promise<{ id: string; upstream: string }> {
  const { body } = await stack.api.post('/api/v1/accounts', { provider: 'unipile', channel: 'whatsapp', owner: phone });
  const { id } = body.account;
  const upstream = await upstreamOf(stack.api, id);
  await stack.control.put('/address-book', { account_id: upstream, size: 2, seed: phone });
  await stack.control.post('/scan', { account_id: upstream, phone });
  await stack.api.account(id, 'active');
  await eventually('the first reads', async () => {
    const [{ n }] = await query(
      "select count(*)::int as n from sync_runs where account_id = ? and (state = 'running' or kind <> 'details')",
      [id],
    );
    const [{ open }] = await query(
      "select count(*)::int as open from sync_runs where account_id = ? and state = 'running'",
      [id],
    );
    return n > 0 && open === 0;
  });
  return { id, upstream };
}

describe('A13: details', () => {
  const store = (id: string, path: string, value: unknown): Promise<unknown> =>
    query(`update accounts set connection_config = jsonb_set(connection_config, '{${path}}', ?::jsonb) where id = ?`, [
      JSON.stringify(value),
      id,
    ]);

  it('are refreshed by the sweep once a day, each account in its own slot', async () => {
    const { id } = await whatsapp('+33639981401');
    const { details_at: first } = await accountOf(id);
    const visit = await stack.visit(id);
    expect(visit.details_faults).toEqual([]);
    expect((await accountOf(id)).details_at).toBe(first);
    const slot = Date.parse(visit.details_due_at);
    expect(slot - Date.now()).toBeLessThanOrEqual(24 * hour);
    await store(id, 'messaging_status', 'OUT OF DATE');
    await query('update account_visits set details_due_at = ? where account_id = ?', [ago(1), id]);
    const refreshed = await stack.visit(id);
    expect(refreshed.outcome).toBe('ok');
    expect(Date.parse(refreshed.details_due_at)).toBeGreaterThan(Date.now());
    const account = await accountOf(id);
    expect(Date.parse(account.details_at)).toBeGreaterThan(Date.parse(first));
    expect(account.connection_config.messaging_status).toBe('OK');
    expect(await stack.timeline(id, 'details_changed')).toMatchObject({ data: { changes: expect.any(Array) } });
  });

  it.each([
    [
      'a point is missing',
      "connection_config = connection_config - 'sources', details_at = details_at - interval '7 hours'",
      'incomplete',
    ],
    ['they are two days old', "details_at = details_at - interval '49 hours'", 'stale'],
    [
      'they tell another number than the account’s own',
      `connection_config = jsonb_set(connection_config, '{phone_number}', '"+4915700000000"'), details_at = details_at - interval '7 hours'`,
      'other_number',
    ],
  ])('are checked by each visit: where %s they are collected again', async (_what, change, fault) => {
    const { id } = await whatsapp(`+336399814${10 + fault.length}`);
    const before = (await accountOf(id)).connection_config;
    await query(`update accounts set ${change} where id = ?`, [id]);
    expect((await stack.visit(id)).details_faults).toEqual([]);
    const { connection_config: after } = await accountOf(id);
    expect({ ...after, last_api_sync: null }).toEqual({ ...before, last_api_sync: null });
  });

  it('that are of another identity are not stored: the account waits for its owner', async () => {
    const { id } = await whatsapp('+33639981450');
    await query(
      "update accounts set identity = '+33639981499', details_at = details_at - interval '7 hours' where id = ?",
      [id],
    );
    expect(await stack.visit(id)).toMatchObject({ outcome: 'ok', details_faults: ['other_number'] });
    expect(await stack.api.account(id, 'reconnect_required')).toMatchObject({ reason: 'another_identity' });
    expect(await stack.timeline(id, 'details_faulty')).toMatchObject({ data: { faults: ['other_number'] } });
    // Until then nothing is asked of it.
    expect(await stack.visit(id)).toMatchObject({
      outcome: 'skipped',
      reason: 'not_connected',
      interval_seconds: 3_600,
    });
  });

  it('are collected at once when the provider reports a status, also one that moves nothing', async () => {
    const { id, upstream } = await whatsapp('+33639981430');
    await query("update accounts set details_at = details_at - interval '2 minutes' where id = ?", [id]);
    const before = (await accountOf(id)).details_at;
    await store(id, 'messaging_status', 'OUT OF DATE');
    await stack.control.post('/drop', { account_id: upstream, status: 'OK' });
    const after = await eventually('the details', async () => {
      const account = await accountOf(id);
      return account.details_at === before ? null : account;
    });
    expect(after).toMatchObject({ state: 'active', connection_config: { messaging_status: 'OK' } });
  });
});

describe('silence', () => {
  /** As if the account had written every hour for days, and not for ten hours now, while webhooks could come. */
  const silence = async (id: string): Promise<void> => {
    await query(
      `update account_visits set last_event_at = ?, usual_gap_seconds = 3600, gaps = 40, visited_at = ? where account_id = ?`,
      [ago(10 * hour), ago(hour), id],
    );
    await query('update accounts set listening_since = ?, history_due_at = ? where id = ?', [
      ago(100 * hour),
      ago(-hour),
      id,
    ]);
    await query('update intake_uptime set up_from = ?', [ago(20 * hour)]);
    // Those of the login.
    await query('delete from webhook_events where account_id = ?', [id]);
    // A worker remembers for a minute since when webhooks could come.
    await stack.worker.stop();
    stack.worker = await stack.startWorker();
  };

  it('against its own habit has an account compared with its provider, which explains it where nothing was missed', async () => {
    const { id } = await whatsapp('+33639981440');
    await stack.visit(id);
    await silence(id);
    const runs = async (): Promise<number> =>
      (await query("select id from sync_runs where account_id = ? and kind = 'conversations'", [id])).length;
    const before = await runs();
    const visit = await stack.visit(id);
    expect(visit).toMatchObject({ outcome: 'ok', silent_since: visit.last_event_at, found: 0, behind: 0 });
    expect(visit.silence_explained_at).not.toBeNull();
    expect(await runs()).toBe(before + 1);
    // The same silence is not looked into again and again.
    await stack.visit(id);
    expect(await runs()).toBe(before + 1);
  });

  it('in which messages were missed is not explained: the account is visited in each sweep', async () => {
    const { id, upstream } = await whatsapp('+33639981441');
    await stack.visit(id);
    await silence(id);
    await stack.control.put('/faults', { provider: 'unipile', webhook_drop: 1 });
    await stack.control.post('/messages', { account_id: upstream, from: '+33639980777', text: 'lost', count: 2 });
    const visit = await stack.visit(id);
    await stack.control.put('/faults', { provider: 'unipile' });
    expect(visit).toMatchObject({ found: 2, interval_seconds: 300, behind: 0 });
    // Messages of a moment ago may still come by webhook: later ones would count as missed.
    expect(visit.found_at).toBe(visit.visited_at);
  });
});

it('one account’s failure is not its neighbours’: it is tried again after a while, each time later', async () => {
  const accounts: any[] = [];
  for (let n = 0; n < 3; n += 1) accounts.push(await connectMeta(stack.api, 'messenger', personOf('plain')));
  for (const { id } of accounts)
    await eventually('the first reads', async () => {
      const open = await query("select id from sync_runs where account_id = ? and state = 'running'", [id]);
      return open.length === 0;
    });
  for (const { id } of accounts) await stack.visit(id);
  const [bad, ...good] = accounts;
  const route = `GET /${bad.provider_account_id}/conversations`;
  await stack.control.put('/faults', { provider: 'meta', route, rate_500: 1 });
  const rests: number[] = [];
  for (let n = 1; n <= 3; n += 1) {
    await query("update account_visits set due_at = 'epoch' where account_id = any(?::uuid[])", [
      `{${good.map(({ id }) => id).join(',')}}`,
    ]);
    const visit = await stack.visit(bad.id);
    expect(visit).toMatchObject({ outcome: 'failed', reason: 'provider_unavailable', failures: n });
    rests.push(visit.interval_seconds / 60);
    for (const { id } of good) {
      const [row] = await query('select outcome, due_at, visited_at from account_visits where account_id = ?', [id]);
      expect(row.outcome).toBe('ok');
      expect(Date.parse(row.visited_at)).toBeGreaterThan(Date.now() - 60_000);
    }
  }
  expect(rests).toEqual([5, 10, 20]);
  // The account itself is as it was: an outage of a moment moves nothing.
  expect((await accountOf(bad.id)).state).toBe('active');
  await stack.control.put('/faults', { provider: 'meta', route });
  expect(await stack.visit(bad.id)).toMatchObject({ outcome: 'ok', failures: 0, interval_seconds: 300 });
  const counted = await stack.worker.context.metrics.visits.get();
  expect(counted.values).toContainEqual({ labels: { provider: 'meta', outcome: 'provider_unavailable' }, value: 3 });
}, 120_000);

it('D3: a sync on demand joins the run of a visit that is under way', async () => {
  const { id, provider_account_id: upstream } = await connectMeta(stack.api, 'messenger', personOf('plain'));
  await eventually('the first reads', async () => {
    const open = await query("select id from sync_runs where account_id = ? and state = 'running'", [id]);
    return open.length === 0;
  });
  await stack.visit(id);
  // The provider takes a while for the messages that the visit asks for.
  const route = 'GET /:node/messages';
  await stack.control.put('/faults', { provider: 'meta', webhook_drop: 1 });
  await stack.control.post('/messages', { account_id: upstream, from: 'visitor', text: 'joined' });
  await stack.control.put('/faults', { provider: 'meta', route, delay: 1, delay_seconds: 4 });
  const visiting = stack.visit(id);
  const run = await eventually('the run of the visit', async () => {
    const [open] = await query("select id, since from sync_runs where account_id = ? and state = 'running'", [id]);
    return open ?? null;
  });
  // A sweep's run reads what is new.
  expect(run.since).not.toBeNull();
  const { status, body } = await stack.api.post(`/api/platforms/${id}/sync`);
  expect([status, body.run.id]).toEqual([202, run.id]);
  await stack.control.put('/faults', { provider: 'meta', route });
  await stack.control.put('/faults', { provider: 'meta' });
  await visiting;
  const ended = await eventually('the end', async () => {
    const { body: one } = await stack.api.get(`/api/v1/syncs/${run.id}`);
    return one.state === 'running' ? null : one;
  });
  expect(ended.state).toBe('succeeded');
  // The request was for everything.
  expect((await query('select since from sync_runs where id = ?', [run.id]))[0].since).toBeNull();
}, 120_000);
