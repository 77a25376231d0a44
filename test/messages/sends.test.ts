import pg from 'pg';
import { ProviderFailure } from '../../domain/failures.ts';
import { applyFacts } from '../../services/messages/apply-facts.ts';
import type { Fact } from '../../services/messages/facts.ts';
import { runSql } from '../support/run-sql.ts';
import { Killed, killedAt, startSending, type KillPoint, type Sending } from './sending.ts';

let sending: Sending;
beforeAll(async () => {
  sending = await startSending();
});
afterAll(() => sending?.stop());
beforeEach(() => {
  const { upstream } = sending;
  Object.assign(upstream, {
    taken: [],
    calls: 0,
    looks: 0,
    plan: [],
    keepsList: true,
    during: () => Promise.resolve(),
    answers: () => Promise.resolve(),
  });
});

const texts = (): string[] => sending.upstream.taken.map(({ text }) => text);

it('C4: saves a message at once, sends it, and writes the outcome into the same row', async () => {
  const account = await sending.account();
  const message = await sending.send(account.id, 'Hello');
  expect(message).toMatchObject({ status: 'queued', direction: 'out', text: 'Hello', send: { state: 'queued' } });
  expect(await sending.drain(account)).toEqual({ sent: 1, failed: 0, more: false, waitMs: null });
  expect(texts()).toEqual(['Hello']);
  expect(await sending.message(message.id)).toMatchObject({
    status: 'sent',
    state: 'sent',
    provider_message_id: sending.upstream.taken[0]?.id,
  });
});

/** Lets workers drain the queue, time going on, until nothing moves any more without a person. */
async function drainAll(account: { id: string; tenantId: string }): Promise<void> {
  for (let n = 0; n < 200; n += 1) {
    const { waitMs, more } = await sending.drain(account);
    if (waitMs === null && !more) return;
    if (waitMs !== null) sending.api.clock.advance(waitMs);
  }
  throw new Error('The queue does not come to an end.');
}

const people = ['+33639980001', '+33639980002', '+33639980003', '+33639980004'];
const sizes = { sends: 20, killEvery: 3 };

async function queueMany(account: { id: string }): Promise<string[]> {
  const ids: string[] = [];
  const queueOne = async (person: number): Promise<void> => {
    for (let n = person; n < sizes.sends; n += people.length) {
      const text = `${person}/${String(n).padStart(3, '0')}`;
      ids.push((await sending.send(account.id, text, { recipients: [people[person]] })).id);
    }
  };
  await Promise.all(people.map((_, person) => queueOne(person)));
  return ids;
}

/** Kills each worker at one of its first sends, until the queue is empty. Returns how many were killed. */
async function drainUnderKills(account: { id: string; tenantId: string }, point: KillPoint): Promise<number> {
  for (let kills = 0; ; kills += 1) {
    const worker = killedAt(sending, point, sizes.killEvery);
    sending.upstream.during = worker.atCall;
    try {
      const { waitMs } = await sending.drain(account, worker.context);
      sending.upstream.during = () => Promise.resolve();
      if (waitMs !== null) sending.api.clock.advance(waitMs);
      await drainAll(account);
      return kills;
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      // The lease of the dead worker ends.
      sending.api.clock.advance(61_000);
    }
  }
}

describe.each(['begin', 'mark', 'call', 'answer', 'commit'] as const)('killed at "%s"', (point) => {
  it('sends each message once, in the order of its conversation, where the provider can be asked', async () => {
    const account = await sending.account();
    const ids = await queueMany(account);
    const kills = await drainUnderKills(account, point);
    expect(kills).toBeGreaterThan(5);
    expect(texts().toSorted()).toHaveLength(sizes.sends);
    expect(new Set(texts()).size).toBe(sizes.sends);
    for (const n of people.keys()) {
      const own = texts().filter((text) => text.startsWith(`${n}/`));
      expect(own).toEqual(own.toSorted());
    }
    const messages = await Promise.all(ids.map(sending.message));
    expect(messages.filter(({ state, status }) => state !== 'sent' || status !== 'sent')).toEqual([]);
  });

  it('doubles none where the provider cannot be asked, and lists each that is unclear', async () => {
    sending.upstream.keepsList = false;
    const account = await sending.account();
    const ids = await queueMany(account);
    await drainUnderKills(account, point);
    expect(new Set(texts()).size).toBe(texts().length);
    const messages = await Promise.all(ids.map(sending.message));
    const [sent, unclear, queued] = ['sent', 'unclear', 'queued'].map((state) =>
      messages.filter((one) => one.state === state),
    );
    expect([sent, unclear, queued].flat()).toHaveLength(sizes.sends);
    const missing = sent!.filter(({ text }) => !texts().includes(text));
    expect(missing).toEqual([]);
    const untold = texts().filter((text) => messages.find((one) => one.text === text)?.state === 'queued');
    expect(untold).toEqual([]);
    expect(unclear!.every(({ status, reason }) => status === 'unclear' && reason === 'outcome_unknown')).toBe(true);
    const doubtful = point === 'mark' || point === 'call' || point === 'answer';
    expect(unclear!.length > 0).toBe(doubtful);
  });
});

/** Sends that the provider answers in this way; the message as it is then. */
async function sendWith(turn: Sending['upstream']['plan'][number]): Promise<{ account: any; id: string }> {
  const account = await sending.account();
  sending.upstream.plan = [turn];
  const { id } = await sending.send(account.id, 'Hello');
  return { account, id };
}

it('sends once where the answer is lost after the provider took it', async () => {
  const { account, id } = await sendWith('lost');
  await drainAll(account);
  expect(texts()).toEqual(['Hello']);
  expect(await sending.message(id)).toMatchObject({ state: 'sent', tries: 1, status: 'sent' });
});

it('sends once where the message never arrived', async () => {
  const { account, id } = await sendWith('cut');
  await drainAll(account);
  expect(texts()).toEqual(['Hello']);
  expect(await sending.message(id)).toMatchObject({ state: 'sent', tries: 2, status: 'sent' });
});

it.each([
  ['busy', '55P03'],
  ['gone for a moment', '57P01'],
])('keeps a known outcome while PostgreSQL is %s, where the provider cannot be asked', async (_name, code) => {
  const { api, upstream } = sending;
  upstream.keepsList = false;
  const account = await sending.account();
  const message = await sending.send(account.id, 'Hello');
  const owner = new pg.Client(api.database.ownerUrl);
  await owner.connect();
  try {
    // A sequence counts what is rolled back, too.
    await owner.query(`
      create sequence refusals;
      create function refuse_twice() returns trigger language plpgsql security definer as $$
      begin
        if nextval('refusals') <= 2 then raise exception 'not now' using errcode = '${code}'; end if;
        return new;
      end $$;
      create trigger refuse_twice before update on message_sends for each row
        when (new.state = 'sent') execute function refuse_twice();`);
    expect(await sending.drain(account)).toMatchObject({ sent: 1 });
    expect(await sending.message(message.id)).toMatchObject({ status: 'sent', state: 'sent' });
    expect([texts(), upstream.looks]).toEqual([['Hello'], 0]);
  } finally {
    await owner.query('drop trigger refuse_twice on message_sends; drop function refuse_twice; drop sequence refusals');
    await owner.end();
  }
});

it('says why a message was refused, and what to do', async () => {
  const { account, id } = await sendWith(new ProviderFailure('request_refused', 'Not on WhatsApp.'));
  await drainAll(account);
  expect(sending.upstream.calls).toBe(1);
  const { body } = await sending.api.client.post(`/api/v1/messages/${id}/cancel`);
  expect(body).toMatchObject({ status: 409, code: 'send_ended' });
  expect(await sending.message(id)).toMatchObject({ state: 'failed', status: 'failed', reason: 'request_refused' });
});

it('waits as long as the provider asks, says until when, and sends then', async () => {
  const { account, id } = await sendWith(new ProviderFailure('rate_limited', 'Slowly.', { retryAfterMs: 90_000 }));
  const other = await sending.send(account.id, 'To another', { recipients: [people[1]] });
  const { waitMs } = await sending.drain(account);
  expect(sending.upstream.calls).toBe(1);
  expect(waitMs).toBeGreaterThan(80_000);
  const again = await sending.api.client.post(`/api/v1/messages/${other.id}/retry`);
  expect(again.body.send).toMatchObject({
    state: 'queued',
    waits_for: 'rate_limited',
    waits_until: expect.any(String),
  });
  await drainAll(account);
  expect(texts().toSorted()).toEqual(['Hello', 'To another']);
  expect(await sending.message(id)).toMatchObject({ state: 'sent' });
});

it('holds only its own conversation with a message that is unclear, until a person decides', async () => {
  sending.upstream.keepsList = false;
  const { account, id } = await sendWith('lost');
  const behind = await sending.send(account.id, 'Behind it');
  await sending.send(account.id, 'Elsewhere', { recipients: [people[1]] });
  await drainAll(account);
  expect(texts()).toEqual(['Hello', 'Elsewhere']);
  expect(await sending.message(id)).toMatchObject({ state: 'unclear', status: 'unclear', reason: 'outcome_unknown' });
  expect(await sending.message(behind.id)).toMatchObject({ state: 'queued' });
  const { body } = await sending.api.client.post(`/api/v1/messages/${id}/cancel`);
  expect(body).toMatchObject({ status: 'failed', send: { state: 'cancelled', reason: 'outcome_unknown' } });
  await drainAll(account);
  expect(texts()).toEqual(['Hello', 'Elsewhere', 'Behind it']);
});

it('sends an unclear message again when a person says so', async () => {
  sending.upstream.keepsList = false;
  const { account, id } = await sendWith('cut');
  await drainAll(account);
  expect(texts()).toEqual([]);
  const { status, body } = await sending.api.client.post(`/api/v1/messages/${id}/retry`);
  expect(status).toBe(202);
  expect(body).toMatchObject({ status: 'queued', send: { state: 'queued' } });
  await drainAll(account);
  expect(texts()).toEqual(['Hello']);
  const after = await sending.api.client.post(`/api/v1/messages/${id}/retry`);
  expect(after).toMatchObject({ status: 409, body: { code: 'send_ended' } });
});

it('cancels a message that waits, and sends a scheduled one at its time, behind nothing else', async () => {
  const account = await sending.account();
  const at = new Date(sending.context.clock.now().getTime() + 3_600_000).toISOString();
  const later = await sending.send(account.id, 'Later', { send_at: at });
  expect(later.send).toMatchObject({ send_at: at, waits_until: at, waits_for: 'schedule' });
  const cancelled = await sending.send(account.id, 'Never', { send_at: at });
  await sending.send(account.id, 'Now');
  const { body } = await sending.api.client.post(`/api/v1/messages/${cancelled.id}/cancel`);
  expect(body).toMatchObject({ status: 'failed', send: { state: 'cancelled', reason: 'cancelled' } });
  await drainAll(account);
  expect(texts()).toEqual(['Now']);
  sending.api.clock.advance(3_600_000);
  await drainAll(account);
  expect(texts()).toEqual(['Now', 'Later']);
});

it('keeps what is queued while the login is lost, and sends it once the account works again', async () => {
  const account = await sending.account();
  const setState = (state: string): Promise<unknown> =>
    sending.context.db.system((em) => runSql(em, 'update accounts set state = ? where id = ?', [state, account.id]));
  await setState('reconnect_required');
  const { id } = await sending.send(account.id, 'Hello');
  await drainAll(account);
  expect(sending.upstream.calls).toBe(0);
  expect(await sending.message(id)).toMatchObject({ state: 'queued', status: 'queued' });
  await setState('active');
  await drainAll(account);
  expect(texts()).toEqual(['Hello']);
});

it('ends what is queued, with a reason, where the account is disconnected', async () => {
  const account = await sending.account();
  const { id } = await sending.send(account.id, 'Hello');
  await sending.context.db.system((em) =>
    runSql(em, "update accounts set state = 'disconnected', provider_account_id = null where id = ?", [account.id]),
  );
  await drainAll(account);
  expect(sending.upstream.calls).toBe(0);
  expect(await sending.message(id)).toMatchObject({ state: 'cancelled', status: 'failed', reason: 'not_connected' });
  const { status, body } = await sending.api.client.post('/api/v1/messages', {
    account: account.id,
    recipients: [people[0]],
    text: 'Again',
  });
  expect([status, body.code]).toEqual([409, 'account_not_connected']);
});

it('joins the echo of a message that comes before its answer, and keeps the own id', async () => {
  const account = await sending.account();
  const { id, conversation } = await sending.send(account.id, 'Hello');
  const { context, upstream } = sending;
  upstream.answers = async (key) => {
    await context.db.system((em) => applyFacts(em, context.vault, [echoOf(account, key)], context.clock.now()));
  };
  await drainAll(account);
  const rows = await context.db.system((em) =>
    runSql<any>(em, 'select id, status, conversation_id from messages where account_id = ?', [account.id]),
  );
  expect(rows).toEqual([{ id, status: 'delivered', conversation_id: conversation }]);
});

const echoOf = ({ id: accountId, tenantId }: { id: string; tenantId: string }, key: string): Fact => ({
  accountId,
  tenantId,
  teller: 'webhook',
  isLive: true,
  receivedAt: sending.context.clock.now().getTime(),
  told: {
    kind: 'message',
    message: {
      keys: [key],
      conversationKeys: ['33639980001@s.whatsapp.net'],
      direction: 'out',
      sender: null,
      text: 'Hello',
      sentAt: sending.context.clock.now().getTime(),
      status: 'delivered',
      deleted: false,
      quotedKey: null,
      attachments: [],
      reactions: [],
    },
    conversation: { keys: ['33639980001@s.whatsapp.net'] },
  },
});

it('finds a message whose answer was lost by its echo, where the provider cannot be asked', async () => {
  sending.upstream.keepsList = false;
  const { account, id } = await sendWith('lost');
  await sending.drain(account);
  const { context, upstream } = sending;
  await context.db.system((em) =>
    applyFacts(em, context.vault, [echoOf(account, upstream.taken[0]?.id ?? '')], context.clock.now()),
  );
  await drainAll(account);
  expect(texts()).toEqual(['Hello']);
  expect(await sending.message(id)).toMatchObject({ state: 'sent', status: 'delivered' });
});

it('sends no more than the limits of the account allow in any minute, and says until when a message waits', async () => {
  const account = await sending.account();
  const { client, clock } = sending.api;
  const limits = { per_minute: 5, per_hour: null, per_day: null, spacing_seconds: null };
  const { body: changed } = await client.patch(`/api/v1/accounts/${account.id}`, { rate_limits: limits });
  expect(changed.code).toBeUndefined();
  for (let n = 0; n < 12; n += 1) await sending.send(account.id, `Message ${n}`);
  const last = await sending.send(account.id, 'The last');
  const { waitMs, sent } = await sending.drain(account);
  expect(sent).toBe(5);
  const { body: waiting } = await client.post(`/api/v1/messages/${last.id}/retry`);
  expect(waiting.send).toMatchObject({ state: 'queued', waits_for: 'budget', waits_until: expect.any(String) });
  clock.advance(waitMs ?? 0);
  await drainAll(account);
  const { taken } = sending.upstream;
  expect(taken).toHaveLength(13);
  const within = taken.map(({ at }) => taken.filter((one) => one.at >= at && one.at < at + 60_000).length);
  expect(Math.max(...within)).toBe(5);
});

it('shows the limits in force with the account, and takes others from keys with the scope admin alone', async () => {
  const account = await sending.account();
  const writer = await sending.api.clientOf('ours', ['read', 'write']);
  const refused = await writer.patch(`/api/v1/accounts/${account.id}`, { rate_limits: { per_day: 10 } });
  expect(refused).toMatchObject({ status: 403, body: { code: 'missing_scope' } });
});
