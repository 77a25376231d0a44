import { MockActivityEnvironment } from '@temporalio/testing';
import { syncActivities } from '../../activities/syncs.ts';
import type { Conversations } from '../../providers/provider.ts';
import { installedProviders } from '../../services/boot.ts';
import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { upstreamOf } from '../support/unipile-account.ts';

let stack: TestStack;
/** Whether the provider gives messages of any time, whatever it is asked for. */
let ignoresPeriods = false;
beforeAll(async () => {
  const { unipile } = installedProviders;
  const { list, messages, ...verbs } = unipile!.conversations!;
  const conversations: Conversations = {
    ...verbs,
    list: (call, cursor, since) => list!(call, cursor, ignoresPeriods ? undefined : since),
    messages: (call, keys, cursor, period) => messages!(call, keys, cursor, ignoresPeriods ? {} : period),
  };
  stack = await startTestStack({}, { ...installedProviders, unipile: { ...unipile!, conversations } });
});
afterEach(() => losing(0));
afterAll(() => stack?.stop());

const query = (statement: string, params: unknown[] = []): Promise<any[]> =>
  stack.worker.context.db.system((em) => runSql<any>(em, statement, params));

interface Connected {
  id: string;
  upstream: string;
  /** The first sync, once it has ended. */
  first: any;
}

async function connected(size: number, seed: string, owner = 'maya'): Promise<Connected> {
  const { body } = await stack.api.post('/api/v1/accounts', { provider: 'unipile', channel: 'whatsapp', owner });
  const { id } = body.account;
  const upstream = await upstreamOf(stack.api, id);
  await stack.control.put('/address-book', { account_id: upstream, size, seed });
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(id, 'active');
  return { id, upstream, first: await newestRun(id) };
}

/** The newest run of conversations, once it has ended. */
const newestRun = (id: string, since: string | null = null): Promise<any> =>
  eventually('the end of the sync', async () => {
    const { body } = await stack.api.get(`/api/v1/accounts/${id}/syncs?kind=conversations&limit=1`);
    const [run] = body.items;
    return !run || run.id === since || run.state === 'running' ? null : run;
  });

async function sync(id: string, body: object = {}): Promise<any> {
  const answer = await stack.api.post(`/api/v1/accounts/${id}/syncs?wait=20`, { kind: 'conversations', ...body });
  expect(answer.status).toBe(200);
  return answer.body;
}

const stored = (id: string): Promise<any[]> =>
  query(
    `select m.provider_message_id as id, m.text, m.is_live, m.told_by, c.id as conversation, c.unread_count
     from messages m join conversations c on c.id = m.conversation_id where m.account_id = ? order by m.sent_at desc`,
    [id],
  );
const write = (upstream: string, text: string, more: object = {}): Promise<any> =>
  stack.control.post('/messages', { account_id: upstream, from: '+33639980777', text, ...more });
const losing = (share: number): Promise<unknown> =>
  stack.control.put('/faults', share ? { provider: 'unipile', webhook_drop: share } : { provider: 'unipile' });

const textsOf = (messages: readonly { text: string | null }[]): string[] =>
  messages.map(({ text }) => text ?? '').toSorted();

/** What the provider shows of an account's messages. */
async function theirs(upstream: string): Promise<string[]> {
  const chats = (await stack.provider('GET', `/chats?account_id=${upstream}&limit=250`)).body.items;
  const pages = await Promise.all(
    chats.map((chat: any) => stack.provider('GET', `/chats/${chat.id}/messages?limit=250`)),
  );
  return textsOf(pages.flatMap(({ body }) => body.items));
}

it('C6: reads the history after a connection without a request; nothing of it is news', async () => {
  const { id, upstream, first } = await connected(30, 'first');
  const rows = await stored(id);
  expect(textsOf(rows)).toEqual(await theirs(upstream));
  expect(rows.length).toBeGreaterThan(90);
  expect(rows.every((one) => !one.is_live && one.unread_count === 0 && one.told_by === 'provider')).toBe(true);
  expect(first).toMatchObject({ kind: 'conversations', state: 'succeeded', progress: 1, reason: null, scope: null });
  expect(first.stats).toMatchObject({ messages: rows.length, unchanged: 0, recovered: 0, skipped: 0, failed: 0 });
  const { body: inbox } = await stack.api.get(`/api/v1/conversations?account=${id}&limit=100`);
  expect(inbox.items).toHaveLength(first.stats.conversations);
  expect(inbox.items.every((one: any) => one.history.coverage === 1)).toBe(true);
  const { last_sync_at: at } = (await stack.api.get(`/api/v1/accounts/${id}`)).body;
  expect(at).not.toBeNull();
  // A second one asks for the list alone.
  await stack.control.delete('/calls');
  const again = await sync(id);
  expect(again.stats).toMatchObject({ conversations: first.stats.conversations, messages: 0, recovered: 0 });
  expect(await stack.control.count('GET', '/api/v1/chats/:id/messages')).toBe(0);
});

it('C11: finds what webhooks missed, counts it as unread, and the timeline says how much', async () => {
  const { id, upstream } = await connected(5, 'missed');
  const before = (await stored(id)).length;
  await write(upstream, 'heard');
  await eventually('the webhook', async () => (await stored(id)).length === before + 1);
  await losing(1);
  await write(upstream, 'missed', { count: 3 });
  await write(upstream, 'of another person', { from: '+33639980778' });
  await losing(0);
  await write(upstream, 'heard again');
  await eventually('the webhook', async () => (await stored(id)).length === before + 2);
  const run = await sync(id);
  expect(run.stats).toMatchObject({ messages: 4, recovered: 4 });
  const rows = await stored(id);
  expect(rows).toHaveLength(before + 6);
  expect(rows.filter((one) => one.is_live).map((one) => one.unread_count)).toEqual([5, 1, 5, 5, 5, 5]);
  const line = await stack.timeline(id, 'messages_recovered');
  expect(line).toMatchObject({ text: '4 messages recovered.', data: { messages: 4 } });
});

it('C11: the safety net finds by itself what webhooks missed', async () => {
  const { id, upstream } = await connected(2, 'net');
  await losing(1);
  await write(upstream, 'missed', { count: 2 });
  await losing(0);
  const before = (await stored(id)).length;
  await query('update accounts set history_due_at = now() where id = ?', [id]);
  expect(await stack.visit(id)).toMatchObject({ outcome: 'ok', found: 2, behind: 0 });
  await eventually('the missed ones', async () => (await stored(id)).length === before + 2);
  expect(await stack.timeline(id, 'messages_recovered')).toMatchObject({ text: '2 messages recovered.' });
  const [{ due }] = await query('select history_due_at > now() as due from accounts where id = ?', [id]);
  expect(due).toBe(true);
});

it('reads as deep as the tenant wants: days, and messages of a conversation; more when it wants more', async () => {
  const { body: tenant } = await stack.api.get('/api/v1/tenant');
  expect(tenant).toMatchObject({ history_days: 30, history_messages: 200 });
  await stack.api.patch('/api/v1/tenant', { history_messages: 2 });
  const { id, upstream } = await connected(6, 'depth');
  const counts = await query('select count(*)::int as n from messages where account_id = ? group by conversation_id', [
    id,
  ]);
  // A page is stored whole: the provider's are of 100.
  expect(counts.every(({ n }) => n >= 2)).toBe(true);
  await stack.api.patch('/api/v1/tenant', { history_messages: 200 });
  await sync(id);
  expect(textsOf(await stored(id))).toEqual(await theirs(upstream));
  for (const wrong of [{ history_days: 0 }, { history_messages: 0.5 }])
    expect((await stack.api.patch('/api/v1/tenant', wrong)).status).toBe(422);
});

it('members that leave a group leave its attendees when it is read, and join them again', async () => {
  const [bo, cy] = ['+33639980771', '+33639980772'];
  const { id, upstream } = await connected(2, 'members');
  const { chat_id: chat } = await stack.control.post('/groups', {
    account_id: upstream,
    name: 'Hikers',
    members: [bo, cy],
  });
  await write(upstream, 'Who comes?', { from: bo, chat });
  const said = await eventually('the message', async () =>
    (await stored(id)).find(({ text }) => text === 'Who comes?'),
  );
  const members = async (): Promise<string[]> => {
    const { body } = await stack.api.get(`/api/v1/attendees?conversation=${said.conversation}`);
    return body.items.filter((one: any) => !one.is_self).map((one: any) => one.phone_number);
  };
  const change = async (body: object, event: string): Promise<void> => {
    await stack.control.patch('/groups', { account_id: upstream, chat, ...body });
    await eventually(event, async () => {
      const found = 'select id from messages where conversation_id = ? and event = ?';
      return (await query(found, [said.conversation, event])).length > 0;
    });
    expect(await sync(id)).toMatchObject({ state: 'succeeded', stats: { failed: 0 } });
  };
  expect((await members()).toSorted()).toEqual([bo, cy]);
  await change({ remove: [bo] }, 'participant_removed');
  expect(await members()).toEqual([cy]);
  const { body: thread } = await stack.api.get(`/api/v1/conversations/${said.conversation}/messages`);
  const written = thread.items.find(({ text }: any) => text === 'Who comes?');
  expect((await stack.api.get(`/api/v1/attendees/${written.sender.id}`)).body.phone_number).toBe(bo);
  await change({ add: [bo] }, 'participant_added');
  expect((await members()).toSorted()).toEqual([bo, cy]);
});

it('B14: what a history delivers that is older than the tenant keeps is not stored, and the sync ends', async () => {
  const dayMs = 86_400_000;
  const sentBefore = async (upstream: string, olderThan: number): Promise<string[]> => {
    const before = new Date(olderThan).toISOString();
    const { body } = await stack.provider('GET', `/messages?account_id=${upstream}&limit=250&before=${before}`);
    return body.items.map(({ id }: any) => id);
  };
  await stack.api.patch('/api/v1/tenant', { message_retention_days: 1 });
  ignoresPeriods = true;
  try {
    // A conversation for each ten minutes.
    const { id, upstream, first } = await connected(160, 'retention');
    expect(first).toMatchObject({ state: 'succeeded', progress: 1, reason: null });
    expect(first.stats).toMatchObject({ recovered: 0, skipped: 0, failed: 0 });
    const rows = await stored(id);
    const kept = new Set(rows.map((row) => row.id));
    expect(first.stats.messages).toBe(rows.length);
    // All that was older when the sync began is missing; all that was younger when it had ended is here.
    const [began, ended] = [Date.parse(first.started_at), Date.parse(first.ended_at)];
    const older = await sentBefore(upstream, began - dayMs);
    expect(older.length).toBeGreaterThan(10);
    expect(older.filter((one) => kept.has(one))).toEqual([]);
    const all = (await theirs(upstream)).length;
    expect(rows.length).toBeGreaterThanOrEqual(all - (await sentBefore(upstream, ended - dayMs)).length);
    const { body: inbox } = await stack.api.get(`/api/v1/conversations?account=${id}&limit=100`);
    expect(inbox.items.every((one: any) => one.history.coverage === 1)).toBe(true);
    await stack.control.delete('/calls');
    expect(await sync(id)).toMatchObject({ state: 'succeeded', stats: { messages: 0, recovered: 0 } });
    expect(await stack.control.count('GET', '/api/v1/chats/:id/messages')).toBe(0);
  } finally {
    ignoresPeriods = false;
    await stack.api.patch('/api/v1/tenant', { message_retention_days: null });
  }
});

it('C6: reads one conversation anew by its id, by the route, the scope and the documented paths', async () => {
  const { id, upstream } = await connected(4, 'one');
  const [row] = await stored(id);
  await query('delete from messages where account_id = ?', [id]);
  const one = await stack.api.post(`/api/v1/conversations/${row.conversation}/syncs?wait=20`);
  expect(one).toMatchObject({
    status: 200,
    body: { state: 'succeeded', scope: { conversation_ids: [row.conversation] } },
  });
  const read = await stored(id);
  expect(new Set(read.map(({ conversation }) => conversation))).toEqual(new Set([row.conversation]));
  expect(read.length).toBeGreaterThan(2);
  await query('delete from messages where account_id = ?', [id]);
  const alias = await stack.api.post(`/api/v1/communications/whatsapp/chats/${row.conversation}/sync/`);
  expect(alias).toMatchObject({ status: 202, body: { success: true, run: { kind: 'conversations' } } });
  await newestRun(id);
  expect(await stored(id)).toHaveLength(read.length);
  const others = await query('select id from conversations where account_id = ? and id <> ?', [id, row.conversation]);
  const scope = { conversation_ids: others.map((other) => other.id) };
  expect(await sync(id, { scope })).toMatchObject({ state: 'succeeded', stats: { conversations: others.length } });
  expect(textsOf(await stored(id))).toEqual(await theirs(upstream));
});

it.each([
  ['/api/v1/communications/whatsapp/sync/', 'account_id'],
  ['/api/unipile/sync', 'accountId'],
  ['/api/unipile/start-sync', 'accountId'],
])('C6: syncs the data of an account, or of all, by %s', async (path, name) => {
  const { id } = await connected(1, path);
  const one = await stack.api.post(path, { [name]: id });
  expect(one).toMatchObject({ status: 202, body: { success: true, run: { account_id: id, kind: 'conversations' } } });
  const all = await stack.api.post(path);
  expect(all.status).toBe(202);
  expect(all.body.runs.map((run: any) => run.account_id)).toContain(id);
  expect(await newestRun(id)).toMatchObject({ state: 'succeeded' });
});

it('reads nothing of a person that was erased', async () => {
  const { id, upstream } = await connected(1, 'erased');
  const before = (await stored(id)).length;
  await write(upstream, 'of a person', { from: '+33639980790' });
  await eventually('the webhook', async () => (await stored(id)).length === before + 1);
  const { body: erasure } = await stack.api.post('/api/v1/erasures', { phone: '+33639980790' });
  await eventually(
    'the erasure',
    async () => (await stack.api.get(`/api/v1/erasures/${erasure.id}`)).body.state === 'done',
  );
  expect(await stored(id)).toHaveLength(before);
  const run = await sync(id);
  expect(run.stats).toMatchObject({ messages: 0, erased: 1 });
  expect(await stored(id)).toHaveLength(before);
});

it('refuses what cannot be synced, each by one clear problem', async () => {
  const { id } = await connected(1, 'refused');
  const post = (path: string, body: object = {}) => stack.api.post(`/api/v1${path}`, body);
  const kind = 'conversations';
  const none = '0197c0de-7d6e-7b1c-9f4e-2a5d8c3b1f00';
  expect(await post(`/accounts/${id}/syncs`, { kind, scope: { phone: '+33639980001' } })).toMatchObject({
    status: 422,
  });
  expect(await post(`/accounts/${id}/syncs`, { kind, scope: { conversation_ids: [none] } })).toMatchObject({
    status: 404,
  });
  expect(await post(`/conversations/${none}/syncs`)).toMatchObject({ status: 404, body: { code: 'not_found' } });
  const { body } = await post('/accounts', {
    provider: 'wasender',
    channel: 'whatsapp',
    owner: 'maya',
    credentials: { phone_number: '+33639984444' },
  });
  const refused = await post(`/accounts/${body.account.id}/syncs`, { kind });
  expect(refused.body).toMatchObject({
    code: 'unsupported',
    detail: 'wasender keeps no history of conversations.',
    fix: 'Use accounts at: unipile, meta.',
  });
});

it('goes on after a worker died in the middle, at the conversation and page where it was', async () => {
  const { id, upstream } = await connected(12, 'died');
  await query('delete from conversations where account_id = ?', [id]);
  const { context } = stack.worker;
  const [{ tenant_id: tenantId }] = await query('select tenant_id from accounts where id = ?', [id]);
  await query(
    `insert into sync_runs (id, tenant_id, account_id, kind, scope, state, dry_run, again, stats, started_at, lease, lease_until)
     values (gen_random_uuid(), ?, ?, 'conversations', '', 'running', false, false, '{}', now(), 'test', now() + interval '1 hour')`,
    [tenantId, id],
  );
  await query(`update sync_runs set lease = null, lease_until = null where account_id = ? and state = 'running'`, [id]);
  const ref = { tenantId, accountId: id, scope: '', now: Date.now() };
  const dying = new MockActivityEnvironment();
  const shown: any[] = [];
  dying.on('heartbeat', (counts: any) => {
    shown.push(counts);
    if (shown.length === 4) dying.cancel();
  });
  await expect(dying.run(syncActivities(context).syncConversations, ref)).rejects.toThrow();
  expect(shown.at(-1).messages).toBeGreaterThan(0);
  await stack.control.delete('/calls');
  const end = await new MockActivityEnvironment().run(syncActivities(context).syncConversations, ref);
  expect(end).toMatchObject({ state: 'succeeded', counts: { unchanged: 0, recovered: 0 } });
  expect(textsOf(await stored(id))).toEqual(await theirs(upstream));
});

it('is fenced: a page that comes after a disconnection is dropped, and the run is cancelled', async () => {
  const { id } = await connected(2, 'fenced');
  await stack.control.put('/faults', { provider: 'unipile', rate_500: 1, route: 'GET /api/v1/chats' });
  const { body: run } = await stack.api.post(`/api/v1/accounts/${id}/syncs`, { kind: 'conversations' });
  await stack.api.delete(`/api/v1/accounts/${id}`);
  await stack.api.account(id, 'disconnected');
  await stack.control.put('/faults', { provider: 'unipile' });
  const ended = await newestRun(id);
  expect(ended).toMatchObject({ id: run.id, state: 'cancelled' });
});

/** As after an incident at the provider: it sends the states of accounts alone. */
async function forgetMessageWebhooks(): Promise<void> {
  const { body } = await stack.provider('GET', '/webhooks');
  const ids = body.items.flatMap((one: any) => (one.source === 'messaging' ? one.id : []));
  expect(ids.length).toBeGreaterThan(0);
  for (const id of ids) await stack.provider('DELETE', `/webhooks/${id}`);
}

it('A5: a reconnection recovers what was missed meanwhile, without a request', async () => {
  const { id, upstream, first } = await connected(3, 'reconnected');
  await stack.control.post('/drop', { account_id: upstream, status: 'CREDENTIALS' });
  await stack.api.account(id, 'reconnect_required');
  await forgetMessageWebhooks();
  await write(upstream, 'while away', { count: 2 });
  await stack.api.post(`/api/v1/accounts/${id}/reconnect`);
  await stack.api.step(id, 'qr');
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(id, 'active');
  const run = await newestRun(id, first.id);
  expect(run.stats).toMatchObject({ recovered: 2 });
  expect((await stored(id)).filter((one) => one.is_live)).toHaveLength(2);
  expect(await stack.timeline(id, 'messages_recovered')).toMatchObject({ text: '2 messages recovered.' });
});
