import { connectMeta, connectNumber, personOf } from '../support/meta.ts';
import { scheduleId } from '../../temporal/schedules.ts';
import { eventually } from '../support/eventually.ts';
import { temporalClient } from '../support/history.ts';
import { runSql } from '../support/run-sql.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { upstreamOf } from '../support/unipile-account.ts';
import { wasenderAccount } from '../support/wasender-account.ts';
import { answerHere, patchbayHere } from '../cli/in-process.ts';
import { commandEnv } from '../cli/run.ts';

const hour = 3_600;
const day = 24 * hour;

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterEach(async () => {
  for (const provider of ['unipile', 'wasender', 'meta']) await stack.control.put('/faults', { provider });
});
afterAll(() => stack?.stop());

const query = (statement: string, params: unknown[] = []): Promise<any[]> =>
  stack.db.system((em) => runSql<any>(em, statement, params));
const healthOf = async (id: string, days = 7, client = stack.api): Promise<any> => {
  const { status, body } = await client.get(`/api/v1/accounts/${id}/health?days=${days}`);
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body;
};
const fleetOf = async (more = '', client = stack.api): Promise<any> => {
  const { status, body } = await client.get(`/api/v1/health/accounts${more}`);
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body;
};
/** The health once it is right; `meanwhile` is done while it is not. Fails with the last one. */
async function healthThat(
  what: string,
  id: string,
  isRight: (health: any) => boolean,
  meanwhile: () => Promise<void> = async () => {},
): Promise<any> {
  let last: any;
  const look = async (): Promise<any> => {
    last = await healthOf(id);
    if (isRight(last)) return last;
    await meanwhile();
    return null;
  };
  try {
    return await eventually(what, look);
  } catch (error) {
    throw new Error(`${(error as Error).message}: ${JSON.stringify(last)}`, { cause: error });
  }
}
const codesOf = ({ reasons }: any): string[] => reasons.map(({ code }: any) => code);

/** Moves the clock of the sandbox, which the stack follows, until processes have noted that they run. */
async function advance(seconds: number): Promise<void> {
  const now = Date.parse((await stack.control.post('/clock', { advance_seconds: seconds })).now);
  await eventually('the clock', async () => {
    const [{ up }] = await query('select max(up_to) >= ? as up from intake_uptime', [new Date(now)]);
    return up && stack.worker.context.clock.now().getTime() >= now;
  });
}

/** Waits until no run of the Schedule is left that has begun before. */
async function idle(workflowType: string): Promise<void> {
  const client = await temporalClient();
  const schedule = client.schedule.getHandle(scheduleId(workflowType, stack.config.TEMPORAL_TASK_QUEUE));
  await eventually('the Schedule', async () => (await schedule.describe()).info.runningActions.length === 0);
  await client.connection.close();
}

/** Has the sweep of platforms visit an account. */
async function visit(id: string): Promise<void> {
  const visitedAt = async (): Promise<string> =>
    (await query('select visited_at::text as at from account_visits where account_id = ?', [id]))[0]?.at ?? '';
  // A visit that has begun already may have seen what was before.
  await idle('syncPlatforms');
  const before = await visitedAt();
  await query('update account_visits set due_at = ? where account_id = ?', [new Date(0), id]);
  await eventually('the visit', async () => {
    if ((await visitedAt()) !== before) return true;
    await stack.trigger('syncPlatforms');
    return null;
  });
}

/** What a worker remembers of a provider's webhooks counts for minutes; another one asks. */
async function renewWorker(): Promise<void> {
  await stack.worker.stop();
  stack.worker = await stack.startWorker();
}

async function connected(client = stack.api): Promise<{ id: string; upstream: string }> {
  const { body } = await client.post('/api/v1/accounts', { provider: 'unipile', channel: 'whatsapp', owner: 'maya' });
  const { id } = body.account;
  const upstream = await upstreamOf(client, id);
  await stack.control.post('/scan', { account_id: upstream });
  await client.account(id, 'active');
  return { id, upstream };
}
const write = (account_id: string, count: number, more: object = {}): Promise<unknown> =>
  stack.control.post('/messages', { account_id, from: '+33639980777', text: 'hello', count, ...more });

it('A14: an account that works is healthy, with the evidence, and with its use by day, exact under duplicates', async () => {
  const { id, upstream } = await connected();
  await visit(id);
  const eventsBefore = (await healthOf(id)).usage[0].webhook_events;
  await stack.control.put('/faults', { provider: 'unipile', webhook_duplicate: 1 });
  await write(upstream, 5);
  const repeated = 'select count(*)::int as n from webhook_events where account_id = ? and kind = ? and deliveries > 1';
  await eventually('the repeats', async () => (await query(repeated, [id, 'message']))[0].n === 5);
  const { body: conversations } = await stack.api.get(`/api/v1/conversations?account=${id}`);
  const address = `/api/v1/conversations/${conversations.items[0].id}/messages`;
  for (const text of ['one', 'two']) expect((await stack.api.post(address, { text })).status).toBe(202);
  const counted = await healthThat(
    'the day',
    id,
    ({ usage: [now] }) => now.sends.sent === 2 && now.syncs.succeeded > 0 && now.counted_at !== null && !now.is_waiting,
    () => stack.trigger('aggregateAnalytics'),
  );
  expect(counted.usage).toHaveLength(7);
  const [today, yesterday] = counted.usage;
  // The history that the account came with is counted too, on its own days.
  const { items } = (await stack.api.get(`/api/v1/messages?account=${id}&limit=200`)).body;
  const of = (direction: string): number =>
    items.filter((one: any) => one.direction === direction && one.sent_at.startsWith(today.date)).length;
  expect(of('in')).toBeGreaterThanOrEqual(5);
  expect(today).toMatchObject({
    messages_in: of('in'),
    messages_out: of('out'),
    sends: { sent: 2, failed: 0 },
    syncs: { failed: 0 },
  });
  expect(today.syncs.succeeded).toBeGreaterThan(0);
  expect(yesterday).toMatchObject({ webhook_events: 0, is_waiting: false });
  const [{ n: stored }] = await query('select count(*)::int as n from webhook_events where account_id = ?', [id]);
  expect(today.webhook_events).toBe(stored);
  expect(today.webhook_events).toBeGreaterThanOrEqual(eventsBefore + 5);
  expect(counted).toMatchObject({
    account_id: id,
    verdict: 'healthy',
    summary: 'The account works.',
    reasons: [],
    state: 'active',
    who: 'nobody',
    since: expect.any(String),
    activity: {
      last_webhook_at: expect.any(String),
      last_message_in_at: expect.any(String),
      last_message_out_at: expect.any(String),
    },
    subscription: { state: 'ok', missing: [] },
    webhooks: { missed: [], evidence: null },
    visits: { outcome: 'ok', failures: 0 },
    token: null,
    guard: { sends: { used: { day: 2 } }, logins: { used: { day: 1 } }, stopped: null },
    sends: { waiting: 0, unclear: 0 },
    reconnects: { days: 30, succeeded: 0 },
    errors: [],
  });
  expect(counted.subscription.actual_address).toBe(counted.subscription.expected_address);
  expect(counted.syncs.map(({ kind, state, failures }: any) => ({ kind, state, failures }))).toContainEqual({
    kind: 'conversations',
    state: 'succeeded',
    failures: 0,
  });
  expect(counted.coverage.behind).toBe(0);
  expect((await healthOf(id, 31)).usage).toHaveLength(31);
}, 120_000);

it('A14: a webhook that was deleted at the provider is said, with where events go, until it is there again', async () => {
  const { id } = await connected();
  await visit(id);
  expect(await healthOf(id)).toMatchObject({ verdict: 'healthy', subscription: { state: 'ok' } });
  // Nothing can be registered meanwhile.
  await stack.control.put('/faults', { provider: 'unipile', route: 'POST /api/v1/webhooks', rate_500: 1 });
  for (const { id: webhook } of (await stack.provider('GET', '/webhooks')).body.items)
    await stack.provider('DELETE', `/webhooks/${webhook}`);
  await renewWorker();
  await visit(id);
  const found = await healthThat('the webhook to be missed', id, ({ subscription }) => subscription.state !== 'ok');
  expect(found).toMatchObject({
    verdict: 'attention',
    state: 'active',
    subscription: { expected_address: expect.stringContaining('http') },
  });
  expect(codesOf(found)[0]).toMatch(/^webhook_(off|incomplete)$/);
  expect(found.reasons[0]).toMatchObject({ who: 'nobody', what_to_do: expect.stringContaining('PUBLIC_URL') });
  await stack.control.put('/faults', { provider: 'unipile' });
  // It rests after a try that failed.
  await advance(hour);
  await renewWorker();
  await visit(id);
  expect(await healthOf(id)).toMatchObject({
    verdict: 'healthy',
    subscription: { state: 'ok', repaired_at: expect.any(String) },
  });
}, 120_000);

it("A14: a sync that fails is said with the provider's reason, and one that was refused is counted by its class", async () => {
  const { id, session } = await wasenderAccount(stack, stack.api, { size: 20, seed: 'health' });
  await stack.control.put('/faults', { provider: 'wasender', rate_500: 1 });
  await stack.api.post(`/api/v1/accounts/${id}/syncs`, { kind: 'contacts' });
  const failing = await healthThat('the failing sync', id, (health) =>
    codesOf(health).includes('provider_unavailable'),
  );
  expect(failing).toMatchObject({ verdict: 'attention', state: 'active' });
  expect(failing.syncs).toContainEqual(
    expect.objectContaining({ kind: 'contacts', state: 'running', reason: 'provider_unavailable' }),
  );
  await stack.control.put('/faults', { provider: 'wasender' });
  await healthThat('the sync to go on', id, ({ verdict }) => verdict === 'healthy');
  const refused = await stack.api.post(`/api/v1/accounts/${id}/syncs?wait=20`, {
    kind: 'contacts',
    scope: { phone: '+33639980000' },
  });
  expect(refused.body).toMatchObject({ state: 'failed', reason: 'not_found' });
  expect((await healthOf(id)).errors).toMatchObject([
    { source: 'syncs', code: 'not_found', errors: 1, last_at: refused.body.ended_at, what_to_do: expect.any(String) },
  ]);
  expect(session).toEqual(expect.anything());
}, 120_000);

it('A14: an account that is silent for longer than it usually is', async () => {
  const { id, phone } = await connectNumber(stack.api).then(({ id: account }) => ({
    id: account,
    phone: '+15550000001',
  }));
  const upstream = await upstreamOf(stack.api, id);
  const come = async (n: number): Promise<void> => {
    await stack.control.post('/messages', { account_id: upstream, from: phone, text: `message ${n}` });
    await eventually('the message', async () => {
      const { body } = await stack.api.get(`/api/v1/messages?account=${id}&limit=1`);
      return body.items[0]?.text === `message ${n}`;
    });
  };
  for (let n = 1; n <= 8; n += 1) {
    await come(n);
    await visit(id);
    await advance(hour);
  }
  const before = await healthOf(id);
  expect(codesOf(before)).not.toContain('silent');
  expect(before.activity.silence).toMatchObject({
    usual_seconds: expect.any(Number),
    unusual_after_seconds: expect.any(Number),
    unusual_since: null,
  });
  await advance(2 * day);
  await visit(id);
  const silent = await healthOf(id);
  expect(silent).toMatchObject({ verdict: 'attention', activity: { silence: { unusual_since: expect.any(String) } } });
  expect(silent.activity.silence.silent_seconds).toBeGreaterThan(silent.activity.silence.unusual_after_seconds);
  expect(codesOf(silent)).toContain('silent');
  expect((await fleetOf()).silent).toBeGreaterThan(0);
  await come(9);
  expect(codesOf(await healthOf(id))).not.toContain('silent');
}, 180_000);

it('A14: a token that cannot be renewed: attention while it works, broken at its end, and who must act', async () => {
  const { id, provider_account_id: login } = await connectMeta(stack.api, 'instagram', personOf('plain'), {
    credentials: { login: 'instagram' },
  });
  const { token } = await healthOf(id);
  expect(token).toMatchObject({ failed_renewals: 0, ends_at: expect.any(String) });
  expect(token.seconds_left).toBeGreaterThan(30 * day);
  await stack.control.put('/faults', { provider: 'meta', route: 'GET /refresh_access_token', rate_500: 1 });
  await advance(54 * day);
  const swept = (isRight: (health: any) => boolean): Promise<any> =>
    healthThat('the sweep of tokens', id, isRight, () => stack.trigger('refreshTokens'));
  const asked = await swept(({ reason }) => reason === 'token_expiring');
  expect(asked).toMatchObject({ verdict: 'attention', state: 'degraded', who: 'owner' });
  expect(asked.reasons[0]).toMatchObject({ code: 'token_expiring', who: 'owner' });
  expect(asked.token.failed_renewals).toBeGreaterThan(0);
  await stack.control.post('/drop', { account_id: login, status: 'password_changed' });
  await advance(10 * day);
  const ended = await swept(({ state }) => state === 'reconnect_required');
  expect(ended).toMatchObject({ verdict: 'broken', who: 'owner' });
  expect(ended.reasons[0]).toMatchObject({
    verdict: 'broken',
    who: 'owner',
    what_to_do: expect.stringContaining('reconnect'),
  });
  // A check that is under way may find the reason anew.
  const fleet = await eventually('the same since when', async () => {
    const [found, { since }] = [await fleetOf('?who=owner'), await healthOf(id)];
    return found.items.some((one: any) => one.account_id === id && one.since === since) ? found : null;
  });
  expect(fleet.items).toContainEqual(
    expect.objectContaining({ account_id: id, state: 'reconnect_required', who: 'owner' }),
  );
  expect(fleet.must_act.owner).toBeGreaterThan(0);
  expect(fleet.oldest_trouble).toMatchObject({ account_id: expect.any(String) });
}, 120_000);

it('A14: a fleet by state, provider, channel and reason, of a tenant and of the installation; a second tenant sees nothing', async () => {
  const owner = await stack.client('fleet');
  const other = await stack.client('another fleet', ['read']);
  const empty = await fleetOf('', owner);
  expect(empty).toMatchObject({
    scope: 'tenant',
    accounts: 0,
    by_verdict: { healthy: 0, attention: 0, broken: 0, inactive: 0 },
    by_state: { active: 0 },
    by_provider: {},
    must_act: { owner: 0, operator: 0, nobody: 0 },
    reasons: [],
    silent: 0,
    oldest_trouble: null,
    queues: { webhook_events: { waiting: 0, oldest_at: null }, sends: { waiting: 0 }, deliveries: { lag_seconds: 0 } },
    items: [],
    next_cursor: null,
  });
  // Without the visits: no Schedule takes them in a stack of tests.
  expect(empty.syncs.due.map(({ kind, due, overdue }: any) => ({ kind, due, overdue }))).toEqual(
    ['contacts', 'tokens'].map((kind) => ({ kind, due: 0, overdue: 0 })),
  );
  const accounts = [await connected(owner), await connected(owner), await connected(owner)];
  const lost = accounts.slice(0, 2);
  for (const { upstream } of lost) await stack.control.post('/drop', { account_id: upstream, status: 'CREDENTIALS' });
  for (const { id } of lost) await owner.account(id, 'reconnect_required');
  const fleet = await fleetOf('', owner);
  expect(fleet).toMatchObject({
    accounts: 3,
    by_verdict: { healthy: 1, broken: 2 },
    by_state: { active: 1, reconnect_required: 2 },
    by_provider: { unipile: 3 },
    by_channel: { whatsapp: 3 },
    must_act: { owner: 2, operator: 0 },
    reasons: [{ code: 'login_lost', who: 'owner', accounts: 2, what_to_do: expect.any(String) }],
  });
  const ids = fleet.items.map(({ account_id }: any) => account_id);
  expect(new Set(ids)).toEqual(new Set(lost.map(({ id }) => id)));
  expect(fleet.oldest_trouble.account_id).toBe(ids[0]);
  // Page by page, the longest in trouble first.
  const first = await fleetOf('?limit=1', owner);
  const second = await fleetOf(`?limit=1&cursor=${first.next_cursor}`, owner);
  expect([first, second].map(({ items }) => items.map((one: any) => one.account_id))).toEqual(
    ids.map((id: string) => [id]),
  );
  expect(second.next_cursor).toBeNull();
  expect((await fleetOf('?who=operator', owner)).items).toEqual([]);
  expect((await fleetOf('?provider=meta', owner)).items).toEqual([]);
  expect((await fleetOf(`?account=${ids[1]}`, owner)).items).toMatchObject([{ account_id: ids[1] }]);

  expect(await fleetOf('', other)).toMatchObject({ accounts: 0, items: [], oldest_trouble: null });
  expect((await other.get(`/api/v1/accounts/${ids[0]}/health`)).status).toBe(404);
  expect((await other.get(`/api/v1/health/accounts?account=${ids[0]}`)).status).toBe(404);
  expect(await other.get('/api/v1/health/accounts?scope=installation')).toMatchObject({
    status: 403,
    body: { code: 'missing_scope' },
  });
  const all = await fleetOf('?scope=installation&limit=200', owner);
  expect(all.scope).toBe('installation');
  expect(all.accounts).toBeGreaterThanOrEqual(3);
  expect(all.items).toContainEqual(expect.objectContaining({ account_id: ids[0], tenant: 'fleet' }));

  const env = commandEnv(stack);
  expect(await answerHere(env, 'accounts', 'health', '--tenant', 'fleet')).toMatchObject({ accounts: 3, more: false });
  expect(await answerHere(env, 'accounts', 'health', ids[0], '--tenant', 'fleet')).toMatchObject({
    account_id: ids[0],
    verdict: 'broken',
    reasons: [{ code: 'login_lost' }],
  });
  expect(await answerHere(env, 'health', '--who', 'owner')).toMatchObject({ scope: 'installation' });
  const shown = await patchbayHere(env, 'accounts', 'health', ids[0], '--tenant', 'fleet');
  expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining('broken: The login is lost.') });
  expect((await patchbayHere(env, 'health')).stdout).toContain('who must act');
  expect(await patchbayHere(env, 'accounts', 'health', 'none', '--tenant', 'fleet')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('tenant fleet has no account none'),
  });
}, 120_000);

it('A14: of an unknown, a disconnected and a deleted account', async () => {
  const unknown = '01900000-0000-7000-8000-000000000000';
  expect(await stack.api.get(`/api/v1/accounts/${unknown}/health`)).toMatchObject({
    status: 404,
    body: { code: 'not_found' },
  });
  expect(await stack.api.get('/api/v1/accounts/nonsense/health')).toMatchObject({ status: 404 });
  const { id } = await connected();
  for (const days of ['0', '32', 'many'])
    expect((await stack.api.get(`/api/v1/accounts/${id}/health?days=${days}`)).status).toBe(422);
  await stack.api.delete(`/api/v1/accounts/${id}`);
  await stack.api.account(id, 'disconnected');
  expect(await healthOf(id)).toMatchObject({
    verdict: 'inactive',
    summary: 'The account is disconnected.',
    reasons: [],
  });
  const before = (await fleetOf()).accounts;
  await query('delete from accounts where id = ?', [id]);
  expect((await stack.api.get(`/api/v1/accounts/${id}/health`)).status).toBe(404);
  expect((await fleetOf()).accounts).toBe(before - 1);
}, 60_000);
