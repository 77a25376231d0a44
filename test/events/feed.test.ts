import { Tenant } from '../../db/entities/tenants.ts';
import { dropEventDays, ensureDays } from '../../db/queries/retention/days.ts';
import { eventTypes } from '../../domain/events.ts';
import { oneOfEach, postWebhook } from '../api/fixture.ts';
import { readDocument } from '../api/openapi.ts';
import { activate, connect, placeStep, startTestApi, unique, type TestApi } from '../api/support.ts';
import type { ApiClient } from '../support/client.ts';
import { runSql } from '../support/run-sql.ts';
import { seedMessages } from '../support/seed-messages.ts';
import { settled } from './settled.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());

interface Told {
  id: string;
  type: string;
  account_id: string;
  at: string;
  data: any;
}

async function now(client: ApiClient): Promise<string> {
  await settled(api);
  return (await client.get('/api/v1/events?after=now')).body.next;
}

/** All events after a place. */
async function eventsAfter(client: ApiClient, after: string, filter = ''): Promise<Told[]> {
  const all: Told[] = [];
  await settled(api);
  for (let next = after; ;) {
    const { status, body } = await client.get(`/api/v1/events?after=${next}&limit=3${filter}`);
    expect(status).toBe(200);
    if (!body.items.length && body.next === next) return all;
    all.push(...body.items);
    next = body.next;
  }
}

const typesOf = (events: readonly Told[]): string[] => events.map(({ type }) => type);

const system = <T>(statement: string, params: readonly unknown[] = []): Promise<T[]> =>
  api.context.db.system((em) => runSql<T>(em, statement, params));

describe('the feed', () => {
  it('tells of an account, its attempts and their steps', async () => {
    const client = await api.clientOf('of accounts');
    const start = await now(client);
    const { account, attempt } = await connect(client);
    const step = await placeStep(api, attempt.id, { kind: 'code', source: 'sms' });
    await activate(api, account.id, `up-${unique()}`);
    await client.patch(`/api/v1/accounts/${account.id}`, { label: 'Sales phone' });
    await system(
      "update accounts set state = 'reconnect_required', who = 'owner', reason = 'login_lost' where id = ?",
      [account.id],
    );
    const events = await eventsAfter(client, start);
    expect(new Set(events.map(({ account_id: id }) => id))).toEqual(new Set([account.id]));
    const told = Object.fromEntries(events.map(({ type, data }) => [type, data]));
    expect(told).toMatchObject({
      'account.created': { state: 'connecting' },
      'account.attempt_started': { attempt: 1, operation: 'connect' },
      'account.step_changed': { attempt: 1, step_id: step, kind: 'code' },
      'account.attempt_ended': { attempt: 1, operation: 'connect', state: 'succeeded', reason: null },
      'account.state_changed': { before: 'active', state: 'reconnect_required', reason: 'login_lost', who: 'owner' },
      'account.action_required': {
        state: 'reconnect_required',
        reason: 'login_lost',
        who: 'owner',
        reminder: false,
        ends_at: null,
      },
      'account.updated': { changed: ['label'] },
    });
  });

  it('tells of messages that a webhook brings, their edits, reactions, receipts and deletions', async () => {
    const { account } = await connect(api.client);
    const upstream = `up-${unique()}`;
    await activate(api, account.id, upstream);
    const start = await now(api.client);
    const sender = { attendee_provider_id: 'person', attendee_name: 'Ana' };
    const message = {
      account_id: upstream,
      chat_id: `chat-${unique()}`,
      message_id: unique(),
      message: 'hello',
      sender,
      attendees: [sender],
      timestamp: '2026-05-04T10:00:00.000Z',
    };
    const post = async (body: object): Promise<void> => {
      expect((await postWebhook(api, { ...message, ...body })).status).toBe(200);
    };
    await post({ event: 'message_received' });
    await post({ event: 'message_edited', message: 'hello again', timestamp: '2026-05-04T10:01:00.000Z' });
    await post({ event: 'message_reaction', reaction: '👍', reaction_sender: sender });
    const events = await eventsAfter(api.client, start, `&account=${account.id}`);
    const { items } = (await api.client.get(`/api/v1/messages?account=${account.id}`)).body;
    const ids = { message_id: items[0].id, conversation_id: items[0].conversation };
    expect(events.filter(({ type }) => type.startsWith('message.')).map(({ type, data }) => ({ type, data }))).toEqual([
      {
        type: 'message.created',
        data: { ...ids, direction: items[0].direction, status: items[0].status, history: false },
      },
      { type: 'message.updated', data: { ...ids, status: items[0].status, changed: ['text'] } },
      { type: 'message.reactions_changed', data: ids },
    ]);
    expect(typesOf(events)).toContain('conversation.created');
    expect(JSON.stringify(events)).not.toMatch(/hello|Ana/);
  });

  it('tells of receipts, read marks, contacts and syncs, and of what is removed', async () => {
    const client = await api.clientOf('of the rest');
    const start = await now(client);
    const ids = await oneOfEach(api, client);
    await system("insert into message_receipts select ?, ?, tenant_id, 'delivered', now() from accounts where id = ?", [
      ids.message,
      ids.attendee,
      ids.account,
    ]);
    await system("update message_receipts set status = 'read' where message_id = ?", [ids.message]);
    await client.patch(`/api/v1/conversations/${ids.conversation}`, { archived: true });
    await client.patch(`/api/v1/contacts/${ids.contact}`, { company: 'Acme' });
    await client.post(`/api/v1/syncs/${ids.sync}/cancel`);
    await system('delete from conversations where id = ?', [ids.conversation]);
    await system('delete from contacts where id = ?', [ids.twin]);
    const events = await eventsAfter(client, start);
    const of = (type: string) => events.filter((one) => one.type === type).map(({ data }) => data);
    const ofMessage = { message_id: ids.message, conversation_id: ids.conversation };
    expect(of('message.receipt')).toEqual(
      ['delivered', 'read'].map((status) => ({ ...ofMessage, attendee_id: ids.attendee, status })),
    );
    expect(of('conversation.updated')).toContainEqual({
      conversation_id: ids.conversation,
      unread_count: 0,
      changed: ['archived'],
    });
    expect(of('contact.updated')).toContainEqual({ contact_id: ids.contact, changed: ['company'] });
    const created = of('contact.created').flatMap(({ contact_ids: some }) => some as string[]);
    expect(new Set(created)).toEqual(new Set([ids.contact, ids.twin]));
    expect(of('sync.ended')).toContainEqual({
      sync_id: ids.sync,
      kind: 'details',
      state: 'cancelled',
      reason: 'cancelled',
    });
    expect(of('message.removed')).toEqual([ofMessage]);
    expect(of('conversation.removed')).toEqual([{ conversation_id: ids.conversation }]);
    expect(of('contact.removed')).toEqual([{ contact_id: ids.twin }]);
    const document = await readDocument(api);
    const listEvents = document.operations.find(({ path }) => path === '/api/v1/events')!;
    expect(document.wrongWith(listEvents, 200, { items: events, next: events[0]!.id })).toBeNull();
  });

  it('is empty for a change that no answer shows, and keeps its place', async () => {
    const { account } = await connect(api.client);
    const start = await now(api.client);
    await system('update accounts set check_due_at = now(), updated_at = now() where id = ?', [account.id]);
    expect((await api.client.get(`/api/v1/events?after=${start}`)).body).toEqual({ items: [], next: start });
  });

  it('shows nothing of another tenant', async () => {
    const [one, other] = [await api.clientOf('of one'), await api.clientOf('of another')];
    const start = await now(one);
    const { account } = await connect(one);
    expect(await eventsAfter(other, start)).toEqual([]);
    expect((await other.get(`/api/v1/events?account=${account.id}`)).status).toBe(404);
    const ours = await eventsAfter(one, start);
    expect(ours.length).toBeGreaterThan(1);
    // A place is no secret, and tells nothing.
    expect(await eventsAfter(other, ours[0]!.id)).toEqual([]);
  });

  it('goes on after any event, and filters by type and account past what it leaves out', async () => {
    const client = await api.clientOf('with filters');
    const start = await now(client);
    const [first, second] = [await connect(client), await connect(client)];
    const all = await eventsAfter(client, start);
    for (const [n, { id }] of all.entries()) expect(await eventsAfter(client, id)).toEqual(all.slice(n + 1));
    const ofSecond = await eventsAfter(client, start, `&account=${second.account.id}`);
    expect(ofSecond).toEqual(all.filter(({ account_id: id }) => id === second.account.id));
    expect(await eventsAfter(client, start, '&types=account.created')).toMatchObject([
      { account_id: first.account.id },
      { account_id: second.account.id },
    ]);
    const none = (await client.get(`/api/v1/events?after=${start}&types=sync.ended`)).body;
    expect(none).toEqual({ items: [], next: all.at(-1)!.id });
  });

  it.each([
    ['after=then', 'after: must be the next of an answer'],
    ['types=account.created,news', `types: must be some of ${eventTypes[0]}`],
    ['wait=26', 'wait'],
  ])('refuses %s', async (query, detail) => {
    const { status, body } = await api.client.get(`/api/v1/events?${query}`);
    expect([status, body.code]).toEqual([422, 'invalid_request']);
    expect(body.detail).toContain(detail);
  });

  it('answers a waiting reader with the event that it waits for', async () => {
    const client = await api.clientOf('that waits');
    const { account } = await connect(client);
    const start = await now(client);
    const answer = client.get(`/api/v1/events?after=${start}&types=account.updated&wait=25`);
    // What the filter leaves out does not end the wait.
    await system("update accounts set state = 'active', who = 'nobody' where id = ?", [account.id]);
    await system("update accounts set label = 'Sales' where id = ?", [account.id]);
    const { items } = (await answer).body;
    expect(items).toMatchObject([{ type: 'account.updated', account_id: account.id, data: { changed: ['label'] } }]);
  });

  it('answers a waiting reader without events at the end of its wait', async () => {
    const client = await api.clientOf('that waits in vain');
    const start = await now(client);
    expect((await client.get(`/api/v1/events?after=${start}&wait=0.3`)).body).toEqual({ items: [], next: start });
  });
});

describe('retention', () => {
  const day = 86_400_000;

  it('drops whole days, and tells a reader that has missed some to read anew', async () => {
    const [client, quiet] = [await api.clientOf('kept for days'), await api.clientOf('quiet')];
    const first = await now(client);
    const { account } = await connect(client);
    const [event] = await eventsAfter(client, first);
    const { tenant_id: tenant } = (
      await system<{ tenant_id: string }>('select tenant_id from accounts where id = ?', [account.id])
    )[0]!;
    const before = new Date(Date.now() - 8 * day);
    await api.context.db.system((em) => ensureDays(em, before));
    await system('update events set at = ? where tenant_id = ?', [before, tenant]);
    const atEnd = (await client.get('/api/v1/events?limit=200')).body.next;
    expect(await api.context.db.system((em) => dropEventDays(em, new Date(Date.now() - 7 * day)))).toBeGreaterThan(0);
    for (const after of [first, event!.id]) {
      const { status, body } = await client.get(`/api/v1/events?after=${after}`);
      expect([status, body.code]).toEqual([410, 'resync']);
    }
    // Both have missed nothing.
    expect((await client.get(`/api/v1/events?after=${atEnd}`)).body.items).toEqual([]);
    expect((await quiet.get(`/api/v1/events?after=${first}`)).body.items).toEqual([]);
    expect((await client.get('/api/v1/events')).body.items).toEqual([]);
  });

  it('takes a place that a restored database has not reached as one that is not kept', async () => {
    const { status, body } = await api.client.get('/api/v1/events?after=ffffffffffff-000000000001');
    expect([status, body.code]).toEqual([410, 'resync']);
  });

  it('follows the time of the installation', async () => {
    const client = await api.clientOf('ahead of time');
    api.clock.advance(2 * day);
    const start = await now(client);
    await connect(client);
    const [event] = await eventsAfter(client, start);
    expect(Math.abs(Date.parse(event!.at) - Date.now() - 2 * day)).toBeLessThan(day / 2);
  });

  it('ends with the tenant', async () => {
    const client = await api.clientOf('that ends');
    const ids = await oneOfEach(api, client);
    const { id } = await api.context.db.system((em) => em.findOneOrFail(Tenant, { name: 'that ends' }));
    await api.context.db.system((em) =>
      seedMessages(em, ids.account, (to) => to.message(to.conversation({}), { text: 'text' })),
    );
    await system('delete from tenants where id = ?', [id]);
    expect(await system('select from events where tenant_id = ?', [id])).toEqual([]);
  });
});
