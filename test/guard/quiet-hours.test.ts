import { applyFacts } from '../../services/messages/apply-facts.ts';
import type { Fact } from '../../services/messages/facts.ts';
import { startSending, type Sending } from '../messages/sending.ts';

const minute = 60_000;
const hour = 60 * minute;

let sending: Sending;
beforeAll(async () => {
  sending = await startSending();
});
afterAll(() => sending?.stop());
beforeEach(async () => {
  sending.upstream.taken = [];
  await tenant({ time_zone: 'Europe/Berlin', quiet_hours: null });
});

const texts = (): string[] => sending.upstream.taken.map(({ text }) => text);
const tenant = async (change: object): Promise<void> => {
  const { status, body } = await sending.api.client.patch('/api/v1/tenant', change);
  expect([status, body.code]).toEqual([200, undefined]);
};
/** Moves the clock, which never goes back. */
const goTo = (time: string): void => {
  const ahead = Date.parse(time) - sending.context.clock.now().getTime();
  expect(ahead).toBeGreaterThan(0);
  sending.api.clock.advance(ahead);
};
const shown = async (id: string): Promise<any> => (await sending.api.client.get(`/api/v1/messages/${id}`)).body.send;

/** The person at this number writes to the account. */
const writes = (account: { id: string; tenantId: string }, phone: string): Promise<unknown> => {
  const at = sending.context.clock.now().getTime();
  const chat = `${phone}@s.whatsapp.net`;
  const fact: Fact = {
    accountId: account.id,
    tenantId: account.tenantId,
    teller: 'webhook',
    isLive: true,
    receivedAt: at,
    told: {
      kind: 'message',
      message: {
        keys: [`in-${phone}-${at}`],
        conversationKeys: [chat],
        direction: 'in',
        sender: {
          keys: [chat],
          name: 'Ana',
          phone: `+${phone}`,
          isSelf: false,
          pictureUrl: null,
          pictureSource: null,
        },
        text: 'Are you there?',
        sentAt: at,
        status: 'delivered',
        deleted: false,
        quotedKey: null,
        attachments: [],
        reactions: [],
      },
      conversation: { keys: [chat] },
    },
  };
  return sending.context.db.system((em) => applyFacts(em, sending.context.vault, [fact], sending.context.clock.now()));
};

describe('M6: quiet hours', () => {
  it('hold messages until their end, by the clock on the wall of a night that is an hour shorter', async () => {
    const account = await sending.account();
    // 28 March 2027, 00:30 in Berlin; the clock is put forward at 02:00.
    goTo('2027-03-27T23:30:00Z');
    await tenant({ quiet_hours: { from: '22:00', to: '07:00' } });
    const { id } = await sending.send(account.id, 'Good morning');
    expect(await sending.drain(account)).toMatchObject({ sent: 0, waitMs: null });
    expect(await shown(id)).toMatchObject({
      state: 'queued',
      waits_for: 'quiet_hours',
      waits_until: '2027-03-28T05:00:00.000Z',
    });
    goTo('2027-03-28T04:59:00Z');
    await sending.drain(account);
    expect(texts()).toEqual([]);
    goTo('2027-03-28T05:00:00Z');
    await sending.drain(account);
    expect(texts()).toEqual(['Good morning']);
  });

  it('let answers to people through who wrote lately, in their order, and nothing else', async () => {
    const account = await sending.account();
    goTo('2027-03-28T20:30:00Z');
    await tenant({ quiet_hours: { from: '22:00', to: '07:00', replies_within_minutes: 30 } });
    await sending.send(account.id, 'Campaign', { recipients: ['+33639980002'] });
    await sending.drain(account);
    expect(texts()).toEqual([]);
    await writes(account, '33639980001');
    sending.api.clock.advance(10 * minute);
    const answer = await sending.send(account.id, 'Yes');
    // The queue is held for the others, and is drained for this one.
    expect(sending.api.temporal.sends.at(-1)).toBe(account.id);
    await sending.send(account.id, 'What can I do?');
    await sending.drain(account);
    expect(texts()).toEqual(['Yes', 'What can I do?']);
    expect(await shown(answer.id)).toMatchObject({ state: 'sent' });
    sending.api.clock.advance(30 * minute);
    const late = await sending.send(account.id, 'Anything else?');
    await sending.drain(account);
    expect(await shown(late.id)).toMatchObject({ waits_for: 'quiet_hours', waits_until: '2027-03-29T05:00:00.000Z' });
    goTo('2027-03-29T05:00:00Z');
    await sending.drain(account);
    expect(texts().slice(2).toSorted()).toEqual(['Anything else?', 'Campaign']);
  });

  it('of an account take the place of its tenant’s, and a change of either counts at once', async () => {
    const { client } = sending.api;
    const [own, none, usual] = [await sending.account(), await sending.account(), await sending.account()];
    goTo('2027-03-29T21:00:00Z');
    await tenant({ quiet_hours: { from: '22:00', to: '07:00' } });
    const set = async (id: string, quiet_hours: unknown): Promise<any> =>
      (await client.patch(`/api/v1/accounts/${id}`, { quiet_hours })).body.quiet_hours;
    const early = { from: '20:00', to: '23:30', replies_within_minutes: 0 };
    expect(await set(own.id, early)).toEqual(early);
    expect(await set(none.id, 'none')).toBe('none');
    const sent = await Promise.all(
      [own, none, usual].map(async (account, n) => {
        const { id } = await sending.send(account.id, `${n}`);
        await sending.drain(account);
        return shown(id);
      }),
    );
    expect(sent.map(({ state, waits_until }) => [state, waits_until])).toEqual([
      ['queued', '2027-03-29T21:30:00.000Z'],
      ['sent', null],
      ['queued', '2027-03-30T05:00:00.000Z'],
    ]);
    expect((await client.get(`/api/v1/accounts/${own.id}`)).body.guard.quiet_hours).toEqual({
      ...early,
      time_zone: 'Europe/Berlin',
      until: '2027-03-29T21:30:00.000Z',
    });
    expect(await set(own.id, null)).toBeNull();
    await tenant({ quiet_hours: null });
    for (const account of [own, usual]) await sending.drain(account);
    expect(texts().toSorted()).toEqual(['0', '1', '2']);
  });

  it('are set by admins alone', async () => {
    const account = await sending.account();
    const writer = await sending.api.clientOf('ours', ['read', 'write']);
    const path = `/api/v1/accounts/${account.id}`;
    for (const change of [{ quiet_hours: 'none' }, { login_limits: { per_hour: 1_000 } }])
      expect((await writer.patch(path, change)).body.code).toBe('missing_scope');
  });

  it('hold neither read marks nor what a person takes back', async () => {
    const account = await sending.account();
    goTo('2027-03-30T20:00:00Z');
    const first = await sending.send(account.id, 'Hello');
    await sending.drain(account);
    await writes(account, '33639980001');
    await tenant({ quiet_hours: { from: '22:00', to: '07:00', replies_within_minutes: 0 } });
    sending.api.clock.advance(hour);
    await sending.send(account.id, 'Waits');
    await sending.drain(account);
    sending.upstream.changes = [];
    await sending.api.client.patch(`/api/v1/conversations/${first.conversation}`, { read: true });
    await sending.drain(account);
    expect(sending.upstream.changes).toHaveLength(1);
    expect((await sending.api.client.delete(`/api/v1/messages/${first.id}`)).status).toBe(200);
    expect(texts()).toEqual(['Hello']);
    await tenant({ quiet_hours: null });
    await sending.drain(account);
  });
});

it('M6: quiet hours end an hour later in a night that is an hour longer', async () => {
  const account = await sending.account();
  // 31 October 2027, 01:00 in Berlin; at 03:00 the clock is put back.
  goTo('2027-10-30T23:00:00Z');
  await tenant({ quiet_hours: { from: '22:00', to: '07:00' } });
  const { id } = await sending.send(account.id, 'Good morning');
  await sending.drain(account);
  expect(await shown(id)).toMatchObject({ waits_until: '2027-10-31T06:00:00.000Z' });
  goTo('2027-10-31T06:00:00Z');
  await sending.drain(account);
  expect(texts()).toEqual(['Good morning']);
});
