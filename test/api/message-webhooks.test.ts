import pg from 'pg';
import { Account } from '../../db/entities/accounts.ts';
import { Conversation } from '../../db/entities/conversations.ts';
import { Message, MessageEffect } from '../../db/entities/messages.ts';
import { WebhookEvent } from '../../db/entities/events.ts';
import { purgeAccount } from '../../db/queries/accounts/purge-account.ts';
import { claimEvents } from '../../services/webhooks/claim-events.ts';
import { drainMessages } from '../../services/webhooks/drain-messages.ts';
import { activate, connect, startTestApi, unique, webhookOf, type TestApi } from './support.ts';
import { unipile } from '../../providers/unipile/index.ts';
import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());

const system = <T>(work: Parameters<typeof api.context.db.system<T>>[0]): Promise<T> => api.context.db.system(work);

async function send(body: object): Promise<void> {
  const { address, secret } = await webhookOf(api);
  const response = await fetch(address, {
    method: 'POST',
    // UniPile sends JSON under this type.
    headers: { 'content-type': 'application/x-www-form-urlencoded', [unipile.webhooks.header]: secret },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
}

async function newAccount(): Promise<{ id: string; upstream: string }> {
  const { account } = await connect(api.client);
  const upstream = `up-${unique()}`;
  await activate(api, account.id, upstream);
  return { id: account.id, upstream };
}

const peer = '33639980001@s.whatsapp.net';
const at = Date.UTC(2026, 4, 4, 10);
const event = (upstream: string, id: string, more: object = {}): object => ({
  event: 'message_received',
  account_id: upstream,
  account_type: 'WHATSAPP',
  chat_id: 'chat-1',
  provider_chat_id: peer,
  message_id: `unipile-${id}`,
  provider_message_id: id,
  message: `text ${id}`,
  timestamp: new Date(at).toISOString(),
  is_sender: false,
  sender: { attendee_id: 'a1', attendee_provider_id: peer, attendee_name: 'Ana' },
  attendees: [],
  attachments: [],
  ...more,
});

const messagesOf = (accountId: string): Promise<Message[]> =>
  system((em) => em.find(Message, { accountId }, { orderBy: { sentAt: 'asc', sortKey: 'asc' } }));
const conversationsOf = (accountId: string): Promise<Conversation[]> =>
  system((em) => em.find(Conversation, { accountId }));

it('C1: a message is in PostgreSQL, with its conversation and its people, before its webhook is acknowledged', async () => {
  const { id, upstream } = await newAccount();
  await send(event(upstream, 'A'));
  await send(event(upstream, 'B', { is_sender: true, timestamp: new Date(at + 1_000).toISOString() }));
  await send(event(upstream, 'A'));
  const [first, second, ...others] = await messagesOf(id);
  expect(others).toEqual([]);
  expect(first).toMatchObject({ providerMessageId: 'A', direction: 'in', text: 'text A', status: 'delivered' });
  expect(second).toMatchObject({ providerMessageId: 'B', direction: 'out', text: 'text B', status: 'sent' });
  expect(await conversationsOf(id)).toEqual([
    expect.objectContaining({
      kind: 'person',
      unreadCount: 0,
      lastMessageId: second!.id,
      lastMessageAt: new Date(at + 1_000),
    }),
  ]);
  const people = await system((em) =>
    runSql<any>(em, 'select name, phone_number from attendees where account_id = ?', [id]),
  );
  expect(people).toContainEqual({ name: 'Ana', phone_number: '+33639980001' });
});

it.each([
  ['/api/v1/webhooks/unipile/', 'message.received'],
  ['/api/unipile/webhook', 'new_message'],
])("C1: %s understands the descriptions' own name %s", async (path, name) => {
  const { id, upstream } = await newAccount();
  const { secret } = await webhookOf(api);
  const answer = await fetch(api.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', [unipile.webhooks.header]: secret },
    body: JSON.stringify(event(upstream, name, { event: name })),
  });
  expect(answer.status).toBe(200);
  expect(await messagesOf(id)).toMatchObject([{ direction: 'in', text: `text ${name}` }]);
});

it('an edit, a reaction, a read and a deletion change the message that they name, also before it came', async () => {
  const { id, upstream } = await newAccount();
  const about = (name: string, message: string, more: object = {}): object =>
    event(upstream, message, { event: name, timestamp: new Date(at + 5_000).toISOString(), ...more });
  await send(about('message_edited', 'A', { message: 'edited' }));
  const reaction = { reaction: '👍', reaction_sender: { attendee_id: 'a1', attendee_provider_id: peer } };
  await send(about('message_reaction', 'A', reaction));
  await send(about('message_read', 'B', { is_sender: true }));
  expect(await messagesOf(id)).toEqual([]);
  await send(event(upstream, 'A'));
  await send(event(upstream, 'B', { is_sender: true }));
  await send(event(upstream, 'C'));
  await send(about('message_deleted', 'C'));
  const [edited, read, deleted] = await messagesOf(id);
  expect(edited).toMatchObject({ text: 'edited', reactions: [{ emoji: '👍' }], editedAt: new Date(at + 5_000) });
  expect(read).toMatchObject({ status: 'read', text: 'text B' });
  // An unsigned webhook deletes nothing: the text is kept, and shown no more.
  expect(deleted).toMatchObject({ text: null, deletionConfirmed: false, versions: [{ text: 'text C', at: null }] });
  expect(await system((em) => em.count(MessageEffect, { accountId: id }))).toBe(0);
  expect((await conversationsOf(id))[0]?.unreadCount).toBe(1);
});

it('an event whose conversation another transaction holds is acknowledged, and applied later without Temporal', async () => {
  const { id, upstream } = await newAccount();
  await send(event(upstream, 'A'));
  const holder = new pg.Client(api.database.ownerUrl);
  await holder.connect();
  try {
    await holder.query('begin');
    await holder.query('select from conversations where account_id = $1 for update', [id]);
    await send(event(upstream, 'B', { timestamp: new Date(at + 1_000).toISOString() }));
    expect(await messagesOf(id)).toHaveLength(1);
    expect(await system((em) => em.count(WebhookEvent, { accountId: id, state: 'received' }))).toBe(1);
  } finally {
    await holder.query('rollback');
    await holder.end();
  }
  await eventually('the message', async () => (await messagesOf(id)).length === 2);
  // Messages concern no workflow.
  expect(api.temporal.signalled).not.toContain(id);
  expect((await conversationsOf(id))[0]?.unreadCount).toBe(2);
  expect(await system((em) => em.count(WebhookEvent, { accountId: id, state: 'received' }))).toBe(0);
});

it('messages that came before their account was known become its messages', async () => {
  const upstream = `early-${unique()}`;
  for (const name of ['A', 'B', 'C']) await send(event(upstream, name));
  const { account } = await connect(api.client);
  await system(async (em) => {
    const row = await em.findOneOrFail(Account, { id: account.id });
    row.providerAccountId = upstream;
    await em.flush();
    await claimEvents(api.context, em, row, new Date());
  });
  await drainMessages(api.context);
  expect((await messagesOf(account.id)).map(({ text }) => text)).toEqual(['text A', 'text B', 'text C']);
  expect(await system((em) => em.count(WebhookEvent, { accountId: account.id, state: 'processed' }))).toBe(3);
});

it('tells what a replay would change, before and after, and changes nothing', async () => {
  const { id, upstream } = await newAccount();
  await send(event(upstream, 'A'));
  await send(event(upstream, 'A', { event: 'message_edited', message: 'edited' }));
  const [first] = await messagesOf(id);
  const edit = await system((em) => em.findOneOrFail(WebhookEvent, { accountId: id, kind: 'edit' }));
  const dryRun = async (): Promise<any[]> => {
    const answer = await api.client.post(`/api/v1/webhook-events/${edit.id}/replay`, { dry_run: true });
    expect(answer.status).toBe(200);
    return answer.body.changes.filter(({ table }: { table: string }) => table !== 'webhook_events');
  };
  expect(await dryRun()).toEqual([]);
  await system((em) => em.nativeUpdate(Message, { id: first!.id }, { text: 'text A', versions: [], editedAt: null }));
  expect(await dryRun()).toEqual([
    {
      table: 'messages',
      id: first!.id,
      before: expect.objectContaining({ text: 'text A' }),
      after: expect.objectContaining({ text: 'edited' }),
    },
  ]);
  expect((await messagesOf(id))[0]).toMatchObject({ text: 'text A' });
});

it('what the owner wrote at the phone was read until then, in whatever order it comes', async () => {
  const { id, upstream } = await newAccount();
  const sent = (name: string, seconds: number, isOwn: boolean): object =>
    event(upstream, name, { is_sender: isOwn, timestamp: new Date(at + seconds * 1_000).toISOString() });
  await send(sent('C', 3, false));
  await send(sent('B', 2, true));
  await send(sent('A', 1, false));
  await send(sent('D', 2, false));
  expect(await conversationsOf(id)).toMatchObject([{ unreadCount: 2, readUpTo: new Date(at + 1_999) }]);
});

it('replays an event: what it told is there once', async () => {
  const { id, upstream } = await newAccount();
  await send(event(upstream, 'A'));
  const row = await system((em) => em.findOneOrFail(WebhookEvent, { accountId: id }));
  await system((em) => em.nativeDelete(Message, { accountId: id }));
  for (let n = 0; n < 2; n += 1) {
    expect((await api.client.post(`/api/v1/webhook-events/${row.id}/replay`)).body.state).toBe('processed');
    expect(await messagesOf(id)).toHaveLength(1);
  }
});

it('a purge leaves nothing of an account, and nothing of another one goes with it', async () => {
  const [one, other] = [await newAccount(), await newAccount()];
  for (const { upstream } of [one, other]) {
    await send(event(upstream, 'A'));
    await send(event(upstream, 'Z', { event: 'message_deleted' }));
  }
  await system(async (em) => {
    const account = await em.findOneOrFail(Account, { id: one.id });
    const attempt = (await runSql<any>(em, 'select id from connection_attempts where account_id = ?', [one.id]))[0];
    await purgeAccount(em, account, attempt.id);
  });
  const left = (accountId: string): Promise<number[]> =>
    Promise.all(
      ['conversations', 'attendees', 'messages', 'provider_keys', 'message_effects'].map((table) =>
        system(async (em) => {
          const [row] = await runSql<any>(em, `select count(*)::int as n from ${table} where account_id = ?`, [
            accountId,
          ]);
          return row.n as number;
        }),
      ),
    );
  expect(await left(one.id)).toEqual([0, 0, 0, 0, 0]);
  for (const n of await left(other.id)) expect(n).toBeGreaterThan(0);
});
