import { Account } from '../../db/entities/accounts.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { ToldConversation } from '../../domain/webhook-events.ts';
import { newId } from '../../platform/ids.ts';
import type { ConversationChange } from '../../providers/contract/conversations.ts';
import type { MessageRef } from '../../providers/contract/messages.ts';
import { installedProviders } from '../../services/boot.ts';
import type { Context } from '../../services/context.ts';
import { applyFacts } from '../../services/messages/apply-facts.ts';
import { drainSends } from '../../services/messages/drain-sends.ts';
import { queues } from '../../services/reconcile/stalled.ts';
import { activate, connect, startTestApi, unique, type TestApi } from '../api/support.ts';
import { runSql } from '../support/run-sql.ts';
import { seedMessages, type MessageSeed } from '../support/seed-messages.ts';

/** What the provider was told, in order, and what it does with the next calls; `during` runs within each. */
const upstream = {
  told: [] as unknown[],
  plan: [] as (ProviderFailure | 'lost')[],
  during: (): Promise<unknown> => Promise.resolve(),
};
const lost = () => new ProviderFailure('provider_unavailable', 'No answer.', { effect: 'unknown' });

async function take(what: unknown): Promise<void> {
  const turn = upstream.plan.shift();
  await upstream.during();
  if (turn instanceof ProviderFailure) throw turn;
  upstream.told.push(what);
  if (turn === 'lost') throw lost();
}

let api: TestApi;
beforeAll(async () => {
  const { unipile, wasender } = installedProviders;
  const setState = (_call: unknown, _keys: readonly string[], change: ConversationChange) => take(change);
  const markRead = (_call: unknown, { keys }: MessageRef) => take({ read: keys });
  api = await startTestApi(
    {},
    {
      providers: {
        ...installedProviders,
        unipile: { ...unipile!, conversations: { ...unipile!.conversations!, setState } },
        wasender: { ...wasender!, messages: { ...wasender!.messages!, markRead } },
      },
    },
  );
});
afterAll(() => api?.stop());
beforeEach(() => Object.assign(upstream, { told: [], plan: [], during: () => Promise.resolve() }));

interface Ref {
  id: string;
  tenantId: string;
}

const query = (statement: string, params: unknown[] = []): Promise<any[]> =>
  api.context.db.system((em) => runSql<any>(em, statement, params));
const refOf = (id: string): Promise<Ref> =>
  api.context.db.system(async (em) => {
    const row = await em.findOneOrFail(Account, { id });
    return { id, tenantId: row.tenantId };
  });
async function account(body?: object): Promise<Ref> {
  const { id } = (await connect(api.client, body)).account;
  await activate(api, id, `up-${unique()}`);
  return refOf(id);
}
let numbers = 0;
const wasender = (): Promise<Ref> =>
  account({
    provider: 'wasender',
    channel: 'whatsapp',
    owner: 'maya',
    credentials: { phone_number: `+3363997${String((numbers += 1)).padStart(4, '0')}` },
  });
const seed = <T>(of: Ref, work: (to: MessageSeed) => T): Promise<T> =>
  api.context.db.system((em) => seedMessages(em, of.id, work));
const minute = (n: number): Date => new Date(Date.UTC(2026, 2, 1, 10, n));
/** A conversation with one message of the other person. */
const conversation = (of: Ref, given = {}) =>
  seed(of, (to) => {
    const one = to.conversation({ unreadCount: 1, ...given });
    const message = to.message(one, { sentAt: minute(1) });
    return { id: one.id, row: one, key: one.providerConversationId, message: message.providerMessageId ?? '' };
  });

const get = async (id: string): Promise<any> => (await api.client.get(`/api/v1/conversations/${id}`)).body;
async function patch(id: string, body: object): Promise<any> {
  const { status, body: answer } = await api.client.patch(`/api/v1/conversations/${id}`, body);
  expect({ status, answer }).toMatchObject({ status: 200 });
  return answer;
}
/** The states of what was changed, by field. */
const states = ({ changes }: any): Record<string, string> =>
  Object.fromEntries(changes.map(({ field, state }: any) => [field, state]));
const changeOf = async (id: string, field: string): Promise<any> =>
  (await get(id)).changes.find((one: any) => one.field === field);

/** Drains the account's queue as a fresh worker does. */
const drain = ({ id, tenantId }: Ref, context: Context = api.context) => {
  const run = newId();
  const ref = { accountId: id, tenantId, now: context.clock.now().getTime() };
  return drainSends(context, ref, { run, id: `${run}/1/1`, signal: new AbortController().signal });
};
const setState = (of: Ref, state: string): Promise<unknown> =>
  query('update accounts set state = ? where id = ?', [state, of.id]);
const stalled = async (of: Ref): Promise<boolean> => {
  const { find } = queues(api.context, 'stalled');
  const found = await api.context.db.system((em) => find(em, '00000000-0000-0000-0000-000000000000'));
  return found.some(({ id }) => id === of.id);
};

describe('C5: a change of a conversation goes to the provider', () => {
  it('is pending, then synced, for each field that the provider has; labels are kept here', async () => {
    const own = await account();
    const { id } = await conversation(own);
    const until = new Date(api.context.clock.now().getTime() + 3_600_000);
    const change = { read: true, muted: until.toISOString(), archived: true, pinned: true, labels: ['vip'] };
    const asked = await patch(id, change);
    const kept = { labels: 'local' };
    expect(states(asked)).toEqual({
      ...kept,
      read: 'pending',
      muted: 'pending',
      archived: 'pending',
      pinned: 'pending',
    });
    expect(asked.kept_locally).toEqual(['labels']);
    expect(await drain(own)).toMatchObject({ sent: 0, failed: 0, more: false, waitMs: null });
    expect(upstream.told).toHaveLength(4);
    expect(upstream.told).toEqual(
      expect.arrayContaining([{ read: true }, { mutedUntil: until.getTime() }, { archived: true }, { pinned: true }]),
    );
    expect(states(await get(id))).toEqual({
      ...kept,
      read: 'synced',
      muted: 'synced',
      archived: 'synced',
      pinned: 'synced',
    });
    await patch(id, { read: false, muted: false });
    await drain(own);
    expect(upstream.told.slice(4)).toEqual(expect.arrayContaining([{ read: false }, { mutedUntil: null }]));
    await patch(id, { muted: true });
    await drain(own);
    expect(upstream.told.at(-1)).toEqual({ mutedUntil: 'forever' });
  });

  it('shows in lists, and on the documented path', async () => {
    const own = await account();
    const { id } = await conversation(own);
    const put = await api.client.put(`/api/v1/communications/whatsapp/chats/${id}/`, { pinned: true });
    expect(states(put.body)).toEqual({ pinned: 'pending' });
    const { body } = await api.client.get(`/api/v1/conversations?account=${own.id}`);
    expect(body.items.map(states)).toEqual([{ pinned: 'pending' }]);
  });

  it('marks messages as read up to the one that was read, where the provider marks messages', async () => {
    const own = await wasender();
    const { id, row, message } = await conversation(own);
    const asked = await patch(id, { read: true, archived: true });
    expect(states(asked)).toEqual({ archived: 'local', read: 'pending' });
    expect(asked.changes[0]).toMatchObject({ field: 'archived', reason: 'unsupported', next_try_at: null });
    // A message that comes before the provider is told stays unread there.
    await seed(own, (to) => to.message(row, { sentAt: minute(2) }));
    await query('update conversations set unread_count = 1 where id = ?', [id]);
    await drain(own);
    expect(upstream.told).toEqual([{ read: [message] }]);
    expect(states(await get(id))).toEqual({ archived: 'local', read: 'synced' });
    expect(states(await patch(id, { read: false }))).toEqual({ archived: 'local', read: 'local' });
  });

  it('leaves a newer message unread where the provider marks whole conversations, and says so', async () => {
    const own = await account();
    const { id } = await conversation(own);
    await patch(id, { read: true });
    await query('update conversations set unread_count = 1 where id = ?', [id]);
    await drain(own);
    expect(upstream.told).toEqual([]);
    expect(await changeOf(id, 'read')).toMatchObject({ state: 'local', reason: 'superseded' });
  });

  it('has room while messages wait for their limits', async () => {
    const own = await account();
    const { id } = await conversation(own);
    const hold = new Date(api.context.clock.now().getTime() + 3_600_000);
    await query(
      "insert into send_queues (account_id, tenant_id, sleeps, holds_until, holds_for) values (?, ?, false, ?, 'budget')",
      [own.id, own.tenantId, hold],
    );
    await patch(id, { pinned: true });
    expect(api.temporal.sends).toContain(own.id);
    api.clock.advance(5_000);
    await query('update send_queues set lease = null, lease_until = null where account_id = ?', [own.id]);
    expect(await stalled(own)).toBe(true);
    await drain(own);
    expect(upstream.told).toEqual([{ pinned: true }]);
  });
});

describe('the newest change of a field', () => {
  it('is the only one that is told', async () => {
    const own = await account();
    const { id } = await conversation(own);
    for (const pinned of [true, false, true]) await patch(id, { pinned });
    await drain(own);
    expect(upstream.told).toEqual([{ pinned: true }]);
  });

  it('is told after the one that is being told, and never before', async () => {
    const own = await account();
    const { id } = await conversation(own);
    await patch(id, { archived: true });
    upstream.during = async () => {
      upstream.during = () => Promise.resolve();
      await patch(id, { archived: false });
    };
    await drain(own);
    expect(upstream.told).toEqual([{ archived: true }, { archived: false }]);
    expect(await changeOf(id, 'archived')).toMatchObject({ state: 'synced' });
  });

  it('waits until a call without an answer can no longer take effect', async () => {
    const own = await account();
    const { id } = await conversation(own);
    await patch(id, { archived: true });
    upstream.plan = ['lost'];
    await drain(own);
    // Late enough for another try, too early for another value.
    api.clock.advance(30_000);
    await query('update conversation_changes set next_try_at = unsure_until where conversation_id = ?', [id]);
    await patch(id, { archived: false });
    await drain(own);
    expect(upstream.told).not.toContainEqual({ archived: false });
    api.clock.advance(60_000);
    await drain(own);
    expect(upstream.told.at(-1)).toEqual({ archived: false });
    expect(upstream.told.filter((one) => JSON.stringify(one) === '{"archived":false}')).toHaveLength(1);
  });
});

/** A process that is killed: from then on it does nothing any more. */
function killedAt(point: 'taking' | 'call' | 'answer'): Context {
  let isDead = false;
  const die = (): never => {
    isDead = true;
    throw new Error(`killed at ${point}`);
  };
  let isTaken = false;
  const tenant: Context['db']['tenant'] = (tenantId, work) => {
    if (isDead || (point === 'answer' && isTaken)) return Promise.reject(new Error('killed')).catch(die);
    return api.context.db.tenant(tenantId, async (em) => {
      const answer = await work(em);
      isTaken ||= (answer as { kind?: string } | undefined)?.kind === 'change';
      if (point === 'taking' && isTaken) die();
      return answer;
    });
  };
  upstream.during = () => (point === 'call' && !isDead ? Promise.resolve().then(die) : Promise.resolve());
  return { ...api.context, db: { ...api.context.db, tenant } };
}

describe('a worker', () => {
  it.each(['taking', 'call', 'answer'] as const)(
    'that is killed at %s leaves the change to another one',
    async (point) => {
      const own = await account();
      const { id } = await conversation(own);
      await patch(id, { pinned: true });
      await drain(own, killedAt(point)).catch(() => undefined);
      upstream.during = () => Promise.resolve();
      await patch(id, { archived: true });
      // The lease of the dead worker ends, then the reconciler starts another one.
      api.clock.advance(63_000);
      expect(await stalled(own)).toBe(true);
      await drain(own);
      expect(states(await get(id))).toEqual({ archived: 'synced', pinned: 'synced' });
      expect(new Set(upstream.told.map((one) => JSON.stringify(one)))).toEqual(
        new Set(['{"pinned":true}', '{"archived":true}']),
      );
    },
  );

  it('tries again with longer rests, and says why; after a day it gives up', async () => {
    const own = await account();
    const { id } = await conversation(own);
    await patch(id, { pinned: true });
    const down = new ProviderFailure('provider_unavailable', 'Down.');
    upstream.plan = [down, down, down];
    const calls: number[] = [];
    upstream.during = async () => {
      calls.push(api.context.clock.now().getTime());
      if (calls.length < 2) return;
      expect(await changeOf(id, 'pinned')).toMatchObject({
        state: 'pending',
        reason: 'provider_unavailable',
        detail: 'Down.',
        next_try_at: expect.any(String),
      });
    };
    for (let waitMs = await drain(own).then((one) => one.waitMs); waitMs !== null;) {
      api.clock.advance(waitMs);
      ({ waitMs } = await drain(own));
    }
    const rests = calls.slice(1).map((at, n) => at - (calls[n] ?? 0));
    expect(rests.map((ms, n) => ms >= 2_000 * 2 ** n)).toEqual([true, true, true]);
    upstream.during = () => Promise.resolve();
    expect(await changeOf(id, 'pinned')).toMatchObject({ state: 'synced', reason: null, detail: null });
    await patch(id, { pinned: false });
    upstream.plan = [down, down];
    await drain(own);
    api.clock.advance(25 * 3_600_000);
    await drain(own);
    expect(await changeOf(id, 'pinned')).toMatchObject({ state: 'failed', reason: 'provider_unavailable' });
    expect(await get(id)).toMatchObject({ pinned: false });
  });

  it('keeps here what the provider refuses, with the reason', async () => {
    const own = await account();
    const { id } = await conversation(own);
    await patch(id, { pinned: true, archived: true });
    upstream.plan = [
      new ProviderFailure('request_refused', 'At most three can be pinned.'),
      new ProviderFailure('unsupported', 'Not on this channel.'),
    ];
    await drain(own);
    const { changes, pinned, archived } = await get(id);
    expect([pinned, archived]).toEqual([true, true]);
    expect(changes.map(({ state, reason }: any) => `${state} ${reason}`).toSorted()).toEqual([
      'failed request_refused',
      'local unsupported',
    ]);
  });

  it('rests with all changes of an account where the provider asks for a pause', async () => {
    const own = await account();
    const [one, other] = [await conversation(own), await conversation(own)];
    await patch(one.id, { pinned: true });
    await patch(other.id, { pinned: true });
    upstream.plan = [new ProviderFailure('rate_limited', 'Slow down.', { retryAfterMs: 45_000 })];
    expect((await drain(own)).waitMs).toBeGreaterThan(30_000);
    expect(upstream.told).toEqual([]);
    api.clock.advance(45_000);
    await drain(own);
    expect(upstream.told).toHaveLength(2);
  });
});

describe('an account that cannot be told', () => {
  it.each(['reconnect_required', 'disconnected'])(
    'keeps the change while it is %s, and tells it afterwards',
    async (state) => {
      const own = await account();
      const { id } = await conversation(own);
      await setState(own, state);
      const asked = await patch(id, { archived: true });
      expect(asked.changes).toMatchObject([{ state: 'pending', reason: 'not_connected', next_try_at: null }]);
      expect(await drain(own)).toMatchObject({ waitMs: null });
      api.clock.advance(3 * 24 * 3_600_000);
      expect(await stalled(own)).toBe(false);
      await setState(own, 'active');
      expect(await stalled(own)).toBe(true);
      await drain(own);
      expect(upstream.told).toEqual([{ archived: true }]);
      expect(await changeOf(id, 'archived')).toMatchObject({ state: 'synced', reason: null });
    },
  );

  it('is told later where Temporal was down at the request', async () => {
    const own = await account();
    const { id } = await conversation(own);
    api.temporal.down = true;
    try {
      expect(states(await patch(id, { archived: true }))).toEqual({ archived: 'pending' });
    } finally {
      api.temporal.down = false;
    }
    // The start that failed holds the queue for a short while.
    api.clock.advance(20_000);
    expect(await stalled(own)).toBe(true);
    await drain(own);
    expect(upstream.told).toEqual([{ archived: true }]);
  });
});

describe('what the provider tells of a field that was changed here', () => {
  const tell = (of: Ref, told: ToldConversation, at = api.context.clock.now().getTime()): Promise<unknown> =>
    api.context.db.system((em) =>
      applyFacts(
        em,
        api.context.vault,
        [
          {
            accountId: of.id,
            tenantId: of.tenantId,
            teller: 'provider',
            isLive: false,
            receivedAt: at,
            told: { kind: 'conversation', conversation: told, at },
          },
        ],
        api.context.clock.now(),
      ),
    );

  it('changes nothing before the provider knows, nor while it may still show the value from before', async () => {
    const own = await account();
    const { id, key } = await conversation(own);
    await patch(id, { archived: true, muted: true });
    const before = { keys: [key], archived: false, mutedUntil: null };
    await tell(own, before);
    expect(await get(id)).toMatchObject({ archived: true, muted: true });
    await drain(own);
    await tell(own, before, api.context.clock.now().getTime() - 30_000);
    await tell(own, before);
    expect(await get(id)).toMatchObject({ archived: true, muted: true });
    expect(states(await get(id))).toEqual({ archived: 'synced', muted: 'synced' });
  });

  it('counts where the phone changed it later', async () => {
    const own = await account();
    const { id, key } = await conversation(own);
    await patch(id, { archived: true, read: false });
    await drain(own);
    api.clock.advance(180_000);
    await tell(own, { keys: [key], archived: true });
    expect(states(await get(id))).toEqual({ archived: 'synced', read: 'synced' });
    await tell(own, { keys: [key], archived: false, unreadCount: 0, lastMessageAt: minute(1).getTime() });
    expect(await get(id)).toMatchObject({ archived: false, marked_unread: false, changes: [] });
  });

  it('does not undo what is kept here alone, until it changes there', async () => {
    const own = await wasender();
    const { id, key } = await conversation(own);
    await patch(id, { archived: true, muted: true });
    api.clock.advance(600_000);
    await tell(own, { keys: [key], archived: false, mutedUntil: null });
    expect(await get(id)).toMatchObject({ archived: true, muted: true });
    await tell(own, { keys: [key], archived: true, mutedUntil: api.context.clock.now().getTime() + 86_400_000 });
    expect(states(await get(id))).toEqual({ archived: 'synced' });
    api.clock.advance(180_000);
    await tell(own, { keys: [key], archived: false });
    expect(await get(id)).toMatchObject({ archived: false, muted: true, muted_until: expect.any(String), changes: [] });
  });

  it('keeps a mark as unread that is here alone, until the phone has the same and reads it', async () => {
    const own = await wasender();
    const { id, key } = await conversation(own);
    await patch(id, { read: false });
    api.clock.advance(600_000);
    const read = { keys: [key], unreadCount: 0, markedUnread: false };
    await tell(own, read);
    expect(await get(id)).toMatchObject({ marked_unread: true });
    await tell(own, { keys: [key], markedUnread: true });
    expect(states(await get(id))).toEqual({ read: 'synced' });
    api.clock.advance(180_000);
    await tell(own, read);
    expect(await get(id)).toMatchObject({ marked_unread: false, changes: [] });
  });

  it('has the mark that the phone sets after it was read here', async () => {
    const own = await wasender();
    const { id, key } = await conversation(own);
    await patch(id, { read: true });
    await drain(own);
    await tell(own, { keys: [key], markedUnread: true });
    expect(await get(id)).toMatchObject({ marked_unread: false });
    api.clock.advance(180_000);
    await tell(own, { keys: [key], markedUnread: true });
    expect(await get(id)).toMatchObject({ marked_unread: true, unread_count: 0, changes: [] });
  });

  it('keeps the newest change of two conversations that are one', async () => {
    const own = await account();
    const [one, other] = [await conversation(own), await conversation(own)];
    await patch(one.id, { archived: true, pinned: true });
    api.clock.advance(1_000);
    await patch(other.id, { archived: false, labels: ['vip'] });
    await tell(own, { keys: [one.key, other.key] });
    const { body } = await api.client.get(`/api/v1/conversations?account=${own.id}`);
    expect(body.items).toMatchObject([{ archived: false, pinned: true, labels: ['vip'] }]);
    await drain(own);
    expect(upstream.told).toEqual(expect.arrayContaining([{ archived: false }, { pinned: true }]));
    expect(upstream.told).toHaveLength(2);
  });
});

describe('bad input', () => {
  it('a conversation of another tenant is not found, and nothing is written', async () => {
    const own = await account();
    const { id } = await conversation(own);
    const other = await api.clientOf('another');
    const { status, body } = await other.patch(`/api/v1/conversations/${id}`, { pinned: true });
    expect([status, body.code]).toEqual([404, 'not_found']);
    expect((await get(id)).changes).toEqual([]);
  });

  it('a conversation that is read-only can be read, muted, archived and pinned', async () => {
    const own = await account();
    const { id } = await conversation(own, { readOnly: true });
    await patch(id, { read: true, pinned: true });
    await drain(own);
    expect(states(await get(id))).toEqual({ pinned: 'synced', read: 'synced' });
  });

  it('a label that no conversation has finds none; any words are labels', async () => {
    const own = await account();
    const { id } = await conversation(own);
    expect((await api.client.get('/api/v1/conversations?label=never%20used')).body.items).toEqual([]);
    expect(states(await patch(id, { labels: ['never used before'] }))).toEqual({ labels: 'local' });
  });

  it('a conversation that its provider does not know yet is told of later', async () => {
    const own = await account();
    const body = { account: own.id, recipients: ['+33639980001'], text: 'Hello' };
    const { body: message } = await api.client.post('/api/v1/messages', body);
    const later = new Date(api.context.clock.now().getTime() + 3_600_000);
    await query('update message_sends set next_try_at = ? where message_id = ?', [later, message.id]);
    await patch(message.conversation, { pinned: true });
    await drain(own);
    expect(upstream.told).toEqual([]);
    expect(await changeOf(message.conversation, 'pinned')).toMatchObject({ state: 'pending', reason: 'not_found' });
  });
});
