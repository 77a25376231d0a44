import { purgeAccount } from '../../db/queries/accounts/purge-account.ts';
import { lockAccount } from '../../db/queries/accounts/lock-accounts.ts';
import { joinConversations } from '../../db/queries/messages/join-rows.ts';
import { removeOldMessages } from '../../db/queries/retention/message-retention.ts';
import { newId } from '../../platform/ids.ts';
import { eventually } from '../support/eventually.ts';
import { seedMessages } from '../support/seed-messages.ts';
import { startCounted, type Counted } from './fixture.ts';
import { recount, storedDays } from './recount.ts';

let counted: Counted;
beforeAll(async () => {
  counted = await startCounted();
});
afterAll(() => counted?.stop());

const at = (text: string): Date => new Date(text);
const hour = 3_600_000;

interface Given {
  sentAt: Date;
  direction?: 'in' | 'out' | null;
}

/** A conversation with these messages; answers its id and theirs. */
const talk = (accountId: string, messages: readonly Given[]): Promise<{ id: string; messages: string[] }> =>
  counted.db.system((em) =>
    seedMessages(em, accountId, (to) => {
      const conversation = to.conversation({});
      return { id: conversation.id, messages: messages.map((one) => to.message(conversation, one).id) };
    }),
  );

/** The stored figures of a tenant by date, without its accounts. */
const byDate = async (tenantId: string): Promise<Record<string, any>> =>
  Object.fromEntries(
    Object.entries(await storedDays(counted.db, tenantId)).map(([key, figures]) => [key.split(' ')[1], figures]),
  );
const marks = (accountId: string): Promise<any[]> =>
  counted.query('select hour::text, claim from analytics_marks where account_id = ? order by hour', [accountId]);

const totalOf = async (accountId: string): Promise<number> =>
  (await counted.query('select sum(messages_total)::int as n from account_days where account_id = ?', [accountId]))[0]
    .n;

/** A transaction that has written a message and stays open. */
async function openWriter(accountId: string, sentAt: Date): Promise<{ commit(): Promise<void> }> {
  const [wrote, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const ended = counted.db.system(async (em) => {
    await seedMessages(em, accountId, (to) => void to.message(to.conversation({}), { sentAt }));
    wrote.resolve();
    await gate.promise;
  });
  await Promise.race([wrote.promise, ended]);
  return {
    commit: () => {
      gate.resolve();
      return ended;
    },
  };
}

describe('marks', () => {
  it('are one for an hour of an account, whatever is written in it, and none for what changes no figure', async () => {
    const { accounts } = await counted.tenant('one mark', 1);
    const [id] = accounts;
    const { messages } = await talk(id, [
      { sentAt: at('2026-05-04T10:10:00Z') },
      { sentAt: at('2026-05-04T10:50:00Z') },
    ]);
    await talk(id, [{ sentAt: at('2026-05-04T10:20:00Z') }]);
    expect(await marks(id)).toEqual([{ hour: expect.stringContaining('10:00:00'), claim: null }]);
    await counted.count();
    expect(await marks(id)).toEqual([]);
    await counted.query("update messages set text = 'edited', status = 'read' where id = ?", [messages[0]]);
    expect(await marks(id)).toEqual([]);
    await counted.query('update messages set deleted_at = now() where id = ?', [messages[0]]);
    expect(await marks(id)).toHaveLength(1);
  });

  it('keep no writer waiting for another one of the same hour', async () => {
    const { accounts } = await counted.tenant('no waiting', 1);
    const sentAt = at('2026-05-04T10:10:00Z');
    const open = await openWriter(accounts[0], sentAt);
    // A lock of the writer before would end this with an error.
    await counted.db.system(
      async (em) => {
        await seedMessages(em, accounts[0], (to) => void to.message(to.conversation({}), { sentAt }));
      },
      { lock_timeout: '500ms' },
    );
    await open.commit();
    await counted.count();
    expect(await totalOf(accounts[0])).toBe(2);
  });

  it('are claimed only once every writer has ended that found its hour marked', async () => {
    const { accounts } = await counted.tenant('late commit', 1);
    const [id] = accounts;
    await talk(id, [{ sentAt: at('2026-05-04T10:10:00Z') }]);
    const open = await openWriter(id, at('2026-05-04T10:20:00Z'));
    expect(await marks(id)).toHaveLength(1);
    const counting = counted.count();
    await eventually('the claim', async () => (await marks(id))[0]?.claim);
    // Counting waits, however often it is looked at.
    for (let n = 0; n < 10; n += 1) expect(await marks(id)).toHaveLength(1);
    await open.commit();
    await counting;
    expect(await totalOf(id)).toBe(2);
  });

  it('are claimed once more where a run ended before it counted them', async () => {
    const { accounts } = await counted.tenant('left over', 1);
    await talk(accounts[0], [{ sentAt: at('2026-05-04T10:10:00Z') }]);
    await counted.query('update analytics_marks set claim = ? where account_id = ?', [newId(), accounts[0]]);
    await counted.count();
    expect(await totalOf(accounts[0])).toBe(1);
  });
});

describe('a day', () => {
  it('begins when it does in the zone, also where clocks change at midnight or the offset is no whole hour', async () => {
    for (const [zone, times] of Object.entries({
      // Clocks go from 24:00 to 01:00 on the 24th of April, and from 24:00 back to 23:00 on the 29th of October.
      'Africa/Cairo': ['2026-04-23T21:59:59Z', '2026-04-23T22:00:00Z', '2026-10-29T20:30:00Z', '2026-10-29T21:30:00Z'],
      'Asia/Kathmandu': ['2026-05-03T18:14:59Z', '2026-05-03T18:15:00Z'],
      // The 30th of December 2011 is missing there.
      'Pacific/Apia': ['2011-12-30T09:59:59Z', '2011-12-30T10:00:00Z'],
      'America/Havana': ['2026-11-01T03:30:00Z', '2026-11-01T04:30:00Z', '2026-11-01T05:30:00Z'],
    })) {
      const { tenantId, accounts } = await counted.tenant(zone, 1);
      await counted.query('update tenants set time_zone = ? where id = ?', [zone, tenantId]);
      await talk(
        accounts[0],
        times.map((time) => ({ sentAt: at(time) })),
      );
      await counted.count();
      const expected = await recount(counted.db, tenantId);
      expect(await storedDays(counted.db, tenantId)).toEqual(expected);
    }
  });

  it('has the first answer to its first message, also one of a later day, and loses it with that', async () => {
    const { tenantId, accounts } = await counted.tenant('answers', 1);
    const [asked, answered] = [at('2026-05-04T10:00:00Z'), at('2026-05-06T10:00:00Z')];
    const { id } = await talk(accounts[0], [{ sentAt: asked }, { sentAt: at('2026-05-05T10:00:00Z') }]);
    await counted.count();
    const open = { conversations_unanswered: 1, response_seconds: [] };
    expect(await byDate(tenantId)).toMatchObject({ '2026-05-04': open, '2026-05-05': open });
    await counted.query(
      `insert into messages (id, tenant_id, account_id, conversation_id, sort_key, direction, versions, status, sent_at,
         sent_at_known, deletion_confirmed, told_by, is_live, reactions, created_at, updated_at)
       select ?, tenant_id, account_id, id, 'z', 'out', '[]', 'sent', ?, true, false, 'webhook', true, '[]', now(), now()
       from conversations where id = ?`,
      [newId(), answered, id],
    );
    await counted.count();
    expect(await byDate(tenantId)).toMatchObject({
      '2026-05-04': { conversations_unanswered: 0, response_seconds: [48 * 3_600] },
      '2026-05-05': { conversations_unanswered: 0, response_seconds: [24 * 3_600] },
      '2026-05-06': { messages_outgoing: 1 },
    });
    await counted.query("update messages set deleted_at = now() where direction = 'out' and conversation_id = ?", [id]);
    await counted.count();
    expect(await byDate(tenantId)).toMatchObject({ '2026-05-04': open, '2026-05-05': open });
    expect(await storedDays(counted.db, tenantId)).toEqual(await recount(counted.db, tenantId));
  });

  it('counts sends by what became of them, and follows when that changes', async () => {
    const { tenantId, accounts } = await counted.tenant('sends', 1);
    const { messages } = await talk(
      accounts[0],
      [0, 1, 2, 3].map((n) => ({
        sentAt: new Date(at('2026-05-04T10:00:00Z').getTime() + n * hour),
        direction: 'out',
      })),
    );
    const states = ['sent', 'failed', 'unclear', 'queued'];
    for (const [n, id] of messages.entries())
      await counted.query(
        `insert into message_sends (message_id, tenant_id, account_id, conversation_id, position, state, next_try_at, tries,
           looks, recipients, created_at)
         select id, tenant_id, account_id, conversation_id, ?, ?, now(), 0, 0, '[]', now() from messages where id = ?`,
        [n, states[n], id],
      );
    await counted.count();
    const day = { sends_sent: 1, sends_failed: 1, sends_unclear: 1, sends_cancelled: 0 };
    expect(await byDate(tenantId)).toMatchObject({ '2026-05-04': day });
    await counted.query("update message_sends set state = 'cancelled' where message_id = ?", [messages[3]]);
    await counted.query("update message_sends set state = 'sent' where message_id = ?", [messages[2]]);
    await counted.count();
    expect(await byDate(tenantId)).toMatchObject({
      '2026-05-04': { ...day, sends_sent: 2, sends_unclear: 0, sends_cancelled: 1 },
    });
  });
});

describe('figures outlive messages', () => {
  it('that retention removes, in steps, with later messages of the same day, and under another zone', async () => {
    const { tenantId, accounts } = await counted.tenant('retention', 1);
    const [id] = accounts;
    const start = at('2026-05-04T08:00:00Z').getTime();
    const { id: conversation } = await talk(id, [
      { sentAt: new Date(start) },
      { sentAt: new Date(start + hour), direction: 'out' },
      { sentAt: new Date(start + 2 * hour) },
      { sentAt: new Date(start + 30 * hour) },
    ]);
    await counted.count();
    const before = await byDate(tenantId);
    expect(before).toMatchObject({ '2026-05-04': { messages_total: 3, response_seconds: [3_600] } });
    await counted.query('update tenants set message_retention_days = 10 where id = ?', [tenantId]);
    // The day is removed in three steps.
    for (const hours of [0.5, 1.5, 2.5]) {
      const now = new Date(start + hours * hour + 240 * hour);
      while (await counted.db.system((em) => removeOldMessages(em, now)));
      expect(await byDate(tenantId)).toEqual(before);
      await counted.count();
      expect(await byDate(tenantId)).toEqual(before);
    }
    expect(await counted.query('select from messages where account_id = ?', [id])).toHaveLength(1);
    await counted.query("update tenants set time_zone = 'Asia/Tokyo' where id = ?", [tenantId]);
    await counted.count();
    expect(await byDate(tenantId)).toMatchObject({
      '2026-05-04': before['2026-05-04'],
      '2026-05-05': { messages_total: 1 },
    });
    // What is removed together with its conversation, as for an erased person, is in no figure.
    await counted.query('delete from conversations where id = ?', [conversation]);
    await counted.count();
    expect(await byDate(tenantId)).toEqual({});
  });

  it('and follow conversations that turn out to be one', async () => {
    const { tenantId, accounts } = await counted.tenant('joined', 1);
    const time = at('2026-05-04T08:00:00Z');
    const [one, two] = [await talk(accounts[0], [{ sentAt: time }]), await talk(accounts[0], [{ sentAt: time }])];
    await counted.count();
    await counted.query('update tenants set message_retention_days = 10 where id = ?', [tenantId]);
    while (await counted.db.system((em) => removeOldMessages(em, at('2026-07-01T00:00:00Z'))));
    await counted.count();
    expect(await byDate(tenantId)).toMatchObject({ '2026-05-04': { messages_total: 2, conversations: 2 } });
    await counted.db.system((em) => joinConversations(em, [{ loser: one.id, survivor: two.id }]));
    await counted.count();
    expect(await byDate(tenantId)).toMatchObject({ '2026-05-04': { messages_total: 2, conversations: 1 } });
  });

  it('but not those of an account that is purged, nor of a tenant that is deleted', async () => {
    const { tenantId, accounts } = await counted.tenant('purged', 2);
    for (const id of accounts) await talk(id, [{ sentAt: at('2026-05-04T08:00:00Z') }]);
    await counted.count();
    await counted.db.system(async (em) => {
      const account = await lockAccount(em, accounts[0]);
      await purgeAccount(em, account!, newId());
    });
    const left = (): Promise<any[]> =>
      counted.query('select account_id from account_days where tenant_id = ?', [tenantId]);
    expect(await left()).toEqual([{ account_id: accounts[1] }]);
    await counted.count();
    expect(await left()).toEqual([{ account_id: accounts[1] }]);
    await counted.query('delete from tenants where id = ?', [tenantId]);
    for (const table of ['account_days', 'conversation_days', 'analytics_marks'])
      expect([table, await counted.query(`select from ${table} where tenant_id = ?`, [tenantId])]).toEqual([table, []]);
  });
});

it('one account that cannot be counted keeps no other from it, and stays marked', async () => {
  const { accounts } = await counted.tenant('one fails', 3);
  const [, failing = ''] = accounts;
  for (const id of accounts) await talk(id, [{ sentAt: at('2026-05-04T08:00:00Z') }]);
  // More than an integer holds.
  await counted.query(
    `insert into missed_webhooks (account_id, day, tenant_id, missed, during_downtime)
     select id, '2026-05-04', tenant_id, 2147483647, 1 from accounts where id = ?`,
    [failing],
  );
  await expect(counted.count()).rejects.toThrow('1 accounts could not be counted');
  expect(await Promise.all(accounts.map(totalOf))).toEqual([1, null, 1]);
  expect(await marks(failing)).toHaveLength(1);
  await counted.query('delete from missed_webhooks where account_id = ?', [failing]);
  await counted.count();
  expect(await Promise.all(accounts.map(totalOf))).toEqual([1, 1, 1]);
});
