import type { ScheduleHandle } from '@temporalio/client';
import { scheduleId } from '../../temporal/schedules.ts';
import { eventually } from '../support/eventually.ts';
import { temporalClient } from '../support/history.ts';
import { runSql } from '../support/run-sql.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { upstreamOf } from '../support/unipile-account.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterEach(() => dropping(0));
afterAll(() => stack?.stop());

const query = (statement: string, params: unknown[] = []): Promise<any[]> =>
  stack.worker.context.db.system((em) => runSql<any>(em, statement, params));
const dropping = (share: number): Promise<unknown> =>
  stack.control.put('/faults', { provider: 'unipile', ...(share ? { webhook_drop: share, seed: 1 } : {}) });
const write = (upstream: string, text: string, more: object = {}): Promise<any> =>
  stack.control.post('/messages', { account_id: upstream, from: '+33639980777', text, ...more });
const accountOf = async (id: string): Promise<any> => (await stack.api.get(`/api/v1/accounts/${id}`)).body;
const timelineOf = async (id: string): Promise<any[]> =>
  (await stack.api.get(`/api/v1/accounts/${id}/timeline?limit=200`)).body.items;
const conversationsOf = async (id: string): Promise<any[]> =>
  (await stack.api.get(`/api/v1/conversations?account=${id}&limit=100`)).body.items;
const newsOf = (id: string): Promise<any[]> => query('select id from messages where account_id = ? and is_live', [id]);

/** Moves the clock of the sandbox, which the stack follows, until processes have noted that they run. */
async function advance(seconds: number): Promise<void> {
  const now = Date.parse((await stack.control.post('/clock', { advance_seconds: seconds })).now);
  await eventually('the clock', async () => {
    const [{ up }] = await query('select max(up_to) >= ? as up from intake_uptime', [new Date(now)]);
    return up && stack.worker.context.clock.now().getTime() >= now;
  });
}

/** Until every webhook of a message was delivered, or dropped; answers how many were dropped since `from`. */
const dropped = (from: number, messages: number): Promise<number> =>
  eventually('the webhooks', async () => {
    const own = (await deliveries()).slice(from);
    if (own.length < messages || own.some(({ state }: any) => state === 'waiting')) return null;
    return { n: own.filter(({ state }: any) => state === 'dropped').length };
  }).then(({ n }) => n);
const deliveries = async (): Promise<any[]> =>
  (await stack.control.get('/deliveries')).filter(({ label }: any) => label.startsWith('message_received'));

async function connected(seed: string, size = 3): Promise<{ id: string; upstream: string }> {
  const { body } = await stack.api.post('/api/v1/accounts', { provider: 'unipile', channel: 'whatsapp', owner: seed });
  const { id } = body.account;
  const upstream = await upstreamOf(stack.api, id);
  await stack.control.put('/address-book', { account_id: upstream, size, seed });
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(id, 'active');
  await ended(id, null);
  return { id, upstream };
}

/** The newest sync of conversations beside `before`, once it has ended. */
const ended = (id: string, before: string | null): Promise<any> =>
  eventually('the end of the sync', async () => {
    const { body } = await stack.api.get(`/api/v1/accounts/${id}/syncs?kind=conversations&limit=1`);
    const [run] = body.items;
    return !run || run.id === before || run.state === 'running' ? null : run;
  });

/** Has the net compare one account. */
async function compare(id: string): Promise<any> {
  const before = await ended(id, null);
  await query('update accounts set history_due_at = ? where id = ?', [new Date(0), id]);
  await stack.visit(id);
  const run = await ended(id, before.id);
  // The webhooks are judged after the end of the sync.
  await scheduled(async (schedule) => (await schedule.describe()).info.runningActions.length === 0);
  return run;
}

/** Waits until `ask` holds for the net's Schedule. */
async function scheduled(ask: (schedule: ScheduleHandle) => Promise<boolean>): Promise<void> {
  const client = await temporalClient();
  const schedule = client.schedule.getHandle(scheduleId('syncPlatforms', stack.config.TEMPORAL_TASK_QUEUE));
  await eventually('the Schedule', () => ask(schedule));
  await client.connection.close();
}

it("30 % of the provider's webhooks dropped for an hour of the sandbox's clock: the net finds all, coverage ends at 100 %, the timeline says what happened", async () => {
  const { id, upstream } = await connected('an hour');
  const history = await query('select unread_count from conversations where account_id = ?', [id]);
  expect(history.length).toBeGreaterThan(2);
  expect(history.every(({ unread_count: unread }) => unread === 0)).toBe(true);
  const from = (await deliveries()).length;
  await dropping(0.3);
  for (let minutes = 0; minutes < 60; minutes += 10) {
    await advance(600);
    for (const person of ['+33639980777', '+33639980778']) await write(upstream, 'hello', { from: person, count: 4 });
  }
  const missed = await dropped(from, 48);
  await dropping(0);
  expect(missed).toBeGreaterThan(5);
  await eventually('what webhooks brought', async () => (await newsOf(id)).length === 48 - missed);
  await advance(600);
  const run = await compare(id);
  expect(run).toMatchObject({ state: 'succeeded', stats: { recovered: missed, missed, during_downtime: 0 } });
  expect(await newsOf(id)).toHaveLength(48);
  const conversations = await conversationsOf(id);
  expect(conversations.map(({ history: { coverage } }) => coverage)).toEqual(conversations.map(() => 1));
  // What was written since the login is news; the history is none.
  expect(conversations.map(({ unread_count: unread }) => unread).filter((n) => n > 0)).toEqual([24, 24]);
  const lines = (await timelineOf(id)).filter(({ kind }) => kind === 'messages_recovered');
  expect(lines).toMatchObject([
    {
      text: `${missed} messages recovered. Webhooks should have brought ${missed} of them.`,
      data: { messages: missed, missed, during_downtime: 0 },
    },
  ]);
  const { state, webhooks } = await accountOf(id);
  // One sweep alone proves nothing.
  expect(state).toBe('active');
  expect(webhooks.missed.reduce((sum: number, day: any) => sum + day.missed, 0)).toBe(missed);
  expect(webhooks.evidence).toMatchObject({ missed, sweeps: 1, degraded_since: null });
  // Since the first missed one was sent.
  expect(webhooks.evidence.messages).toBeGreaterThan(missed);
  expect(webhooks.evidence.messages).toBeLessThanOrEqual(48);
  const counted = await stack.worker.context.metrics.missedWebhooks.get();
  expect(counted.values).toContainEqual({ labels: { provider: 'unipile', cause: 'missed' }, value: missed });
  // Nothing is found twice.
  expect((await compare(id)).stats).toMatchObject({ messages: 0, recovered: 0, missed: 0 });
}, 180_000);

const messageWebhooks = async (): Promise<any[]> =>
  (await stack.provider('GET', '/webhooks')).body.items.filter(({ source }: any) => source === 'messaging');

it('an account whose webhooks do not come is degraded with evidence, has its webhook registered anew, works meanwhile, and heals by itself', async () => {
  const { id, upstream } = await connected('deaf');
  const quiet = await connected('no traffic', 1);
  // As after an incident at the provider, which shows the webhook and does not call it.
  await dropping(1);
  const missing = async (count: number): Promise<any> => {
    await write(upstream, 'not heard', { count });
    await advance(600);
    return compare(id);
  };
  expect((await missing(3)).stats).toMatchObject({ recovered: 3, missed: 3 });
  expect(await accountOf(id)).toMatchObject({ state: 'active', webhooks: { evidence: { missed: 3, sweeps: 1 } } });
  expect((await missing(4)).stats).toMatchObject({ recovered: 4, missed: 4 });
  await stack.timeline(id, 'webhooks_registered');
  const degraded = await accountOf(id);
  expect(degraded).toMatchObject({ state: 'degraded', reason: 'webhooks_missed', who: 'nobody' });
  expect(degraded.webhooks.evidence).toMatchObject({ missed: 7, messages: 7, sweeps: 2 });
  const [renewed] = await messageWebhooks();
  expect(degraded.webhooks.evidence.registrations).toContain(renewed.id);
  expect(Date.parse(degraded.webhooks.evidence.registered_at)).not.toBeNaN();

  // The login works: it is synced and sends.
  expect((await compare(id)).state).toBe('succeeded');
  const [conversation] = await conversationsOf(id);
  const sent = await stack.api.post(`/api/v1/conversations/${conversation.id}/messages`, { text: 'still here' });
  await eventually('the message', async () => {
    const { body } = await stack.api.get(`/api/v1/messages/${sent.body.id}`);
    return body.status === 'sent' || body.status === 'delivered';
  });
  // A status of the provider does not heal it.
  await query('update accounts set check_due_at = ? where id = ?', [new Date(0), id]);
  await eventually(
    'the check',
    async () => (await query('select 1 from accounts where id = ? and check_due_at > ?', [id, new Date(0)])).length,
  );
  expect((await accountOf(id)).state).toBe('degraded');
  // Without traffic neither.
  await compare(quiet.id);
  expect(await accountOf(quiet.id)).toMatchObject({ state: 'active', webhooks: { missed: [], evidence: null } });

  await dropping(0);
  await advance(120);
  const before = (await newsOf(id)).length;
  await write(upstream, 'heard again');
  await eventually('the webhook', async () => (await newsOf(id)).length > before);
  await advance(600);
  expect((await compare(id)).stats).toMatchObject({ recovered: 0, missed: 0 });
  await stack.api.account(id, 'active');
  expect((await accountOf(id)).webhooks.evidence).toBeNull();
  const steps = ['webhooks_missed', 'webhooks_registered', 'webhooks_arrive'];
  const told = (await timelineOf(id)).map(({ kind }) => kind).filter((kind) => steps.includes(kind));
  expect(told).toEqual(steps);
  expect(await stack.timeline(id, 'webhooks_missed')).toMatchObject({ data: { missed: 7, messages: 7 } });
}, 180_000);

it("our own downtime is told as such, and is no account's fault", async () => {
  const { id, upstream } = await connected('downtime');
  await dropping(1);
  await write(upstream, 'while Patchbay was down', { count: 6 });
  await dropping(0);
  await advance(600);
  // As if every process had been started only now.
  await query('update intake_uptime set up_from = up_to');
  const run = await compare(id);
  expect(run.stats).toMatchObject({ recovered: 6, missed: 0, during_downtime: 6 });
  expect(await stack.timeline(id, 'messages_recovered')).toMatchObject({
    text: '6 messages recovered. 6 were sent while Patchbay took no webhooks in.',
  });
  const { state, webhooks } = await accountOf(id);
  expect(state).toBe('active');
  expect(webhooks).toMatchObject({ missed: [{ missed: 0, during_downtime: 6 }], evidence: null });
});
