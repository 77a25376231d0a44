import fc from 'fast-check';
import { openDatabase, type Database } from '../../db/connect.ts';
import { isDatabaseBusy } from '../../db/database-down.ts';
import { prepareKeys } from '../../db/data-keys.ts';
import { ensureTenant } from '../../db/queries/tenants/api-keys.ts';
import { createVault } from '../../db/vault.ts';
import type { SeenMessage, SeenPerson } from '../../domain/seen-messages.ts';
import type { ToldConversation } from '../../domain/webhook-events.ts';
import { newId } from '../../platform/ids.ts';
import { parseKeyRing } from '../../platform/master-keys.ts';
import { applyFacts } from '../../services/messages/apply-facts.ts';
import type { Fact } from '../../services/messages/facts.ts';
import { insertRow, tablesOf } from '../db/seed.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testKey } from '../support/key.ts';
import { eventually } from '../support/eventually.ts';
import { runSql } from '../support/run-sql.ts';

const vault = createVault(parseKeyRing(testKey, ''));
let test: TestDatabase;
let db: Database;
beforeAll(async () => {
  test = await createTestDatabase();
  db = await openDatabase(test.url, { pool: { app: 2, system: 4 } });
  await prepareKeys(db, vault.masterKeys);
});
afterAll(async () => {
  await db?.close();
  await test?.drop();
});

interface Of {
  tenantId: string;
  accountId: string;
}
const newAccount = (): Promise<Of> =>
  db.system(async (em) => {
    const { id: tenantId } = await ensureTenant(em, vault, 'ours', new Date());
    const accounts = (await tablesOf(em)).find(({ name }) => name === 'accounts')!;
    const row = { tenant_id: tenantId, provider: 'wasender', provider_account_id: newId() };
    return { tenantId, accountId: await insertRow(em, accounts, row) };
  });

type Told = Fact['told'];
const at = Date.UTC(2026, 4, 4, 10);
const apply = (of: Of, told: readonly Told[], more: Partial<Fact> = {}): Promise<unknown> =>
  db.system((em) =>
    applyFacts(
      em,
      vault,
      told.map((one) => ({ ...of, teller: 'webhook', isLive: true, receivedAt: at, told: one, ...more })),
      new Date(at),
    ),
  );

const person = (n: number): SeenPerson => ({
  keys: [`3363998000${n}@s.whatsapp.net`],
  name: `Person ${n}`,
  phone: `+3363998000${n}`,
  isSelf: null,
  pictureUrl: null,
  pictureSource: null,
});
const message = (n: number, more: Partial<SeenMessage> = {}): Told => ({
  kind: 'message',
  message: {
    keys: [`M${n}`],
    conversationKeys: [`C${n % 3}`],
    direction: n % 4 ? 'in' : 'out',
    sender: person(n % 4),
    text: `text ${n}`,
    sentAt: at + (n >> 1) * 1_000,
    status: n % 4 ? null : 'sent',
    deleted: false,
    quotedKey: null,
    attachments: [],
    reactions: [],
    ...more,
  },
  conversation: { keys: [`C${n % 3}`], kind: n % 3 ? 'person' : 'group', attendees: [person(n % 4)] },
});
type Effect = Extract<Told, { kind: 'effect' }>['effect'];
/** What is told of a conversation, some seconds after `at`. */
const about = (key: string, seconds: number, more: Partial<ToldConversation>): Told => ({
  kind: 'conversation',
  conversation: { keys: [key], kind: 'group', ...more },
  at: at + seconds * 1_000,
});
const watermark = (key: string, status: 'delivered' | 'read', seconds: number): Told => ({
  kind: 'watermark',
  conversationKeys: [key],
  status,
  upTo: at + seconds * 1_000,
});
const effect = (n: number, one: Effect): Told => ({ kind: 'effect', messageKeys: [`M${n}`], effect: one });

/** What the API shows of an account's messages, without our own ids. */
const shown = (of: Of): Promise<any[]> =>
  db.system((em) =>
    runSql<any>(
      em,
      `select k.key as conversation, c.name, c.archived, c.pinned, c.muted, c.muted_until, c.marked_unread, c.unread_count, c.read_up_to, c.last_message_at,
         c.last_action_at, c.delivered_up_to, c.seen_up_to,
         (select l.provider_message_id from messages l where l.id = c.last_message_id) as last,
         (select jsonb_agg(a.provider_attendee_id || ' ' || a.name order by a.provider_attendee_id) from conversation_attendees ca
          join attendees a on a.id = ca.attendee_id where ca.conversation_id = c.id) as attendees,
         (select jsonb_agg(jsonb_build_array(m.provider_message_id, m.text, m.versions, m.status, m.direction, m.sent_at,
              m.edited_at, m.deleted_at, s.provider_attendee_id,
              (select jsonb_agg(jsonb_build_array(r.x ->> 'emoji', ra.provider_attendee_id) order by ra.provider_attendee_id)
               from jsonb_array_elements(m.reactions) as r (x) left join attendees ra on ra.id = (r.x ->> 'by')::uuid),
              (select jsonb_agg(jsonb_build_array(t.status, t.at, ta.provider_attendee_id) order by ta.provider_attendee_id)
               from message_receipts t join attendees ta on ta.id = t.attendee_id where t.message_id = m.id), m.extras)
            order by m.sent_at, m.sort_key)
          from messages m left join attendees s on s.id = m.sender_id where m.conversation_id = c.id) as messages,
         (select count(*)::int from messages m where m.conversation_id = c.id and m.direction = 'in' and m.is_live
            and m.deleted_at is null and m.event is null and m.sent_at > coalesce(c.read_up_to, '-infinity')) as recount
       from conversations c join provider_keys k on k.target_id = c.id
       where c.account_id = ? order by k.key`,
      [of.accountId],
    ),
  );

/** What a phone tells of a conversation's state. */
const words: readonly Partial<ToldConversation>[] = [
  { archived: true },
  { archived: false, pinned: true },
  { pinned: false },
  { mutedUntil: 'forever' },
  { mutedUntil: at + 1 },
  { mutedUntil: null },
  { markedUnread: true },
  { unreadCount: 0, markedUnread: false },
  { unreadCount: 0, markedUnread: false, lastMessageAt: at + 2_000 },
  { name: 'Hikers' },
  { name: 'Walkers' },
];
const told = fc.oneof(
  { weight: 3, arbitrary: fc.nat(9).map((n) => message(n)) },
  fc
    .tuple(fc.nat(9), fc.nat(3), fc.nat(3))
    .map(([n, text, time]) => effect(n, { kind: 'edit', text: `edit ${text}`, at: at + 60_000 + time })),
  fc
    .tuple(fc.nat(9), fc.nat(2))
    .map(([n, time]) => effect(n, { kind: 'delete', at: at + time, confirmed: n % 2 === 0 })),
  fc
    .tuple(fc.nat(9), fc.constantFrom('sent', 'delivered', 'read', 'failed'), fc.option(fc.nat(3)), fc.nat(3))
    .map(([n, status, by, time]) =>
      effect(n, { kind: 'status', status, by: by === null ? null : person(by), at: at + time }),
    ),
  fc.tuple(fc.nat(9), fc.nat(2), fc.constantFrom('failed', 'sent', 'delivered')).map(([n, time, status]) =>
    effect(n, {
      kind: 'status',
      status,
      by: null,
      at: at + time,
      ...(status === 'failed' && { failure: { reason: 'window_closed', detail: `told at ${time}` } }),
      pricing: { billable: true, model: status, type: null, category: null },
    }),
  ),
  fc
    .tuple(fc.integer({ min: 1, max: 2 }), fc.nat(6), fc.constantFrom('delivered', 'read'))
    .map(([n, seconds, status]) => watermark(`C${n}`, status, seconds)),
  fc
    .tuple(fc.nat(9), fc.option(fc.constantFrom('👍', '❤️')), fc.nat(3), fc.nat(3))
    .map(([n, emoji, by, time]) => effect(n, { kind: 'reaction', emoji, by: person(by), at: at + time })),
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(2), fc.nat(3), fc.constantFrom('attendees', 'departed'), fc.nat(6))
      .map(([n, by, list, seconds]) => about(`C${n}`, seconds, { [list]: [person(by)] })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(2), fc.nat(4), fc.constantFrom(...words))
      .map(([n, seconds, word]) => about(`C${n}`, seconds, word)),
  },
);

it('rows do not depend on the order of events, on repeats, or on how they are split into transactions', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(told, { minLength: 1, maxLength: 30 }).chain((events) =>
        fc.tuple(
          fc.constant(events),
          fc.shuffledSubarray([...events, ...events.slice(0, 5)], {
            minLength: Math.min(events.length + 5, events.length * 2),
          }),
          fc.integer({ min: 1, max: 7 }),
        ),
      ),
      async ([events, shuffled, size]) => {
        const [inOrder, mixed] = [await newAccount(), await newAccount()];
        await apply(inOrder, events);
        for (let n = 0; n < shuffled.length; n += size) await apply(mixed, shuffled.slice(n, n + size));
        const [expected, found] = [await shown(inOrder), await shown(mixed)];
        expect(found).toEqual(expected);
        for (const one of found) expect(one.unread_count).toBe(one.recount);
      },
    ),
    { numRuns: 25 },
  );
});

it('two transactions at once make one conversation, and lose neither a message nor its effect', async () => {
  const of = await newAccount();
  await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      n % 2
        ? apply(of, [message(3, { keys: ['M3', `also-${n}`] })])
        : apply(of, [effect(3, { kind: 'reaction', emoji: '👍', by: person(n % 4), at: at + n })]),
    ).map((one) => one.catch((error: unknown) => String(error))),
  );
  await apply(of, [message(3)]);
  const [conversation, ...others] = await shown(of);
  expect(others).toEqual([]);
  expect(conversation.messages).toHaveLength(1);
  expect(conversation.messages[0][9]).toHaveLength(2);
});

it('ids that turn out to be of one message, conversation or person make their rows one', async () => {
  const of = await newAccount();
  const [jid, lid] = ['33639980001@s.whatsapp.net', '900000000000001@lid'];
  const of1 = (key: string, id: string, n: number): Told => ({
    ...(message(n, {
      keys: [id],
      conversationKeys: [key],
      sender: { ...person(1), keys: [key] },
      direction: 'in',
    }) as any),
    conversation: { keys: [key], kind: 'person', attendees: [{ ...person(1), keys: [key] }] },
  });
  await apply(of, [of1(jid, 'A', 1)]);
  await apply(of, [of1(lid, 'B', 2)]);
  await apply(of, [effect(9, { kind: 'edit', text: 'edited', at: at + 1 })]);
  const both: Told = {
    ...(message(4, {
      keys: ['A', 'B', 'M9'],
      conversationKeys: [jid, lid],
      sender: { ...person(1), keys: [jid, lid] },
      direction: 'in',
    }) as any),
    conversation: { keys: [jid, lid], kind: 'person', attendees: [{ ...person(1), keys: [jid, lid] }] },
  };
  await apply(of, [both]);
  const found = await shown(of);
  expect(new Set(found.map(({ conversation }) => conversation))).toEqual(new Set([jid, lid]));
  expect(found[0].messages).toHaveLength(1);
  expect(found[0].messages[0][1]).toBe('edited');
  expect(found[0].unread_count).toBe(1);
  const people = await db.system((em) =>
    runSql<any>(
      em,
      'select count(*) filter (where merged_into is null)::int as n from attendees where account_id = ?',
      [of.accountId],
    ),
  );
  expect(people[0].n).toBe(1);
});

it('what the phone read is read up to then: a message that came later stays unread, whenever that is told', async () => {
  const one = (n: number, seconds: number): Told => message(n, { direction: 'in', sentAt: at + seconds * 1_000 });
  const facts = [one(1, 1), one(4, 2), one(7, 3), about('C1', 3, { unreadCount: 0 })];
  for (const order of ordersOf(facts)) {
    const of = await newAccount();
    for (const fact of order) await apply(of, [fact], { receivedAt: at + 3_600_000 });
    expect(await shown(of)).toMatchObject([{ unread_count: 1 }]);
  }
});

it('a message that comes while its conversation goes into another one is refused for now, and then is in that one', async () => {
  const of = await newAccount();
  const inChat = (n: number, key: string): Told => ({
    ...(message(n, { conversationKeys: [key] }) as any),
    conversation: { keys: [key], kind: 'group' },
  });
  await apply(of, [inChat(1, 'older')]);
  await apply(of, [inChat(2, 'newer')]);
  const both: Told = { kind: 'conversation', conversation: { keys: ['older', 'newer'], kind: 'group' }, at };
  const [joined, goOn] = [Promise.withResolvers<string>(), Promise.withResolvers<void>()];
  const joining = db.system(async (em) => {
    await applyFacts(em, vault, [{ ...of, teller: 'webhook', isLive: true, receivedAt: at, told: both }], new Date(at));
    const [{ id }] = await runSql<any>(em, 'select pg_current_xact_id()::xid::text as id');
    joined.resolve(id);
    await goOn.promise;
  });
  const transaction = await joined.promise;
  const late = apply(of, [inChat(3, 'newer')]).catch((error: unknown) => error);
  await eventually('the message to wait', async () => {
    const waiting = 'select from pg_locks where not granted and transactionid = ?::xid';
    return (await db.system((em) => runSql(em, waiting, [transaction]))).length > 0;
  });
  goOn.resolve();
  await joining;
  expect(isDatabaseBusy(await late)).toBe(true);
  await apply(of, [inChat(3, 'newer')]);
  const counts = await db.system((em) =>
    runSql<any>(
      em,
      `select (select count(*)::int from messages m where m.conversation_id = c.id) as messages from conversations c
       where account_id = ?`,
      [of.accountId],
    ),
  );
  expect(counts).toEqual([{ messages: 3 }]);
});

it('two conversations that turn out to be one have the newest words on both, and what was read of either is read', async () => {
  const told = [
    about('C1', 1, { archived: true, name: 'Hikers' }),
    about('C2', 2, { archived: false, pinned: true, unreadCount: 0 }),
    about('C1', 3, { keys: ['C1', 'C2'] }),
  ];
  for (const order of ordersOf(told)) {
    const of = await newAccount();
    for (const fact of order) await apply(of, [fact]);
    const joined = { name: 'Hikers', archived: false, pinned: true };
    expect(await shown(of)).toMatchObject([joined, joined]);
    for (const { read_up_to } of await shown(of)) expect(new Date(read_up_to)).toEqual(new Date(at + 1_999));
  }
});

/** Each message's id and status, in the order in which they were sent. */
const statuses = async (of: Of): Promise<string[]> => [
  ...new Set((await shown(of)).flatMap(({ messages }) => (messages ?? []).map((one: any[]) => `${one[0]} ${one[3]}`))),
];

describe('what was sent up to a time was read', () => {
  const own = (id: string, key: string, seconds: number, more: Partial<SeenMessage> = {}): Told =>
    message(4, { keys: [id], conversationKeys: [key], sentAt: at + seconds * 1_000, ...more });
  const facts = [
    own('A', 'C1', 1),
    own('B', 'C1', 3),
    own('C', 'C1', 5),
    watermark('C1', 'delivered', 4),
    watermark('C1', 'read', 2),
  ];

  it('in every order', async () => {
    for (const order of ordersOf(facts)) {
      const of = await newAccount();
      for (const fact of order) await apply(of, [fact]);
      expect([order, await statuses(of)]).toEqual([order, ['A read', 'B delivered', 'C sent']]);
    }
  });

  it('also of a message whose own time comes later, by its echo', async () => {
    const of = await newAccount();
    await apply(of, [own('A', 'C1', 1, { sentAt: null })], { teller: 'us' });
    await apply(of, [watermark('C1', 'read', 3_600)]);
    expect(await statuses(of)).toEqual(['A sent']);
    await apply(of, [own('A', 'C1', 1)], { teller: 'signed' });
    expect(await statuses(of)).toEqual(['A read']);
  });

  it('also where two conversations turn out to be one', async () => {
    const told = [
      own('A', 'C1', 1),
      own('B', 'C2', 2),
      watermark('C1', 'read', 2),
      about('C1', 3, { keys: ['C1', 'C2'] }),
    ];
    for (const order of ordersOf(told)) {
      const of = await newAccount();
      for (const fact of order) await apply(of, [fact]);
      expect([order, await statuses(of)]).toEqual([order, ['A read', 'B read']]);
    }
  });

  it('also where messages and the time are told at once, by many', async () => {
    const of = await newAccount();
    await apply(of, [own('A', 'C1', 0)]);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 16 }, (_, n) => apply(of, n % 4 ? [own(`M${n}`, 'C1', n)] : [watermark('C1', 'read', n)])),
    );
    // Of transactions that wait for each other PostgreSQL gives up one, which its caller tries again.
    const failed = outcomes.flatMap((one, n) => (one.status === 'rejected' ? [n] : []));
    for (const n of failed) await apply(of, n % 4 ? [own(`M${n}`, 'C1', n)] : [watermark('C1', 'read', n)]);
    const found = await statuses(of);
    expect(found).toHaveLength(13);
    for (const one of found) {
      const seconds = Number(/\d+/.exec(one)?.[0] ?? 0);
      expect(one).toMatch(seconds <= 12 ? / read$/ : / sent$/);
    }
  });
});

it('what the provider tells of a delivery is kept: why it failed, and its price', async () => {
  const of = await newAccount();
  const failure = { reason: 'window_closed', detail: 'Meta told error 131047.' } as const;
  const pricing = { billable: true, model: 'PMP', type: 'regular', category: 'utility' };
  const failed = effect(4, { kind: 'status', status: 'failed', by: null, at: at + 1, failure });
  await apply(of, [failed]);
  await apply(of, [message(4)]);
  expect(await shown(of)).toMatchObject([{ messages: [expect.arrayContaining(['M4', 'failed'])] }]);
  await apply(of, [effect(4, { kind: 'status', status: 'sent', by: null, at: at + 2, pricing })]);
  const [{ messages }] = (await shown(of)) as [any];
  expect([messages[0][3], messages[0].at(-1)]).toEqual([
    'failed',
    { failure: { ...failure, at: at + 1 }, pricing: { ...pricing, at: at + 2 } },
  ]);
  await apply(of, [effect(4, { kind: 'status', status: 'delivered', by: null, at: at + 3 })]);
  expect(await statuses(of)).toEqual(['M4 delivered']);
});

it('the person opens the window by what they write, and by what else they do', async () => {
  const of = await newAccount();
  const opened = async () => (await shown(of)).map(({ last_action_at: one }) => one && Date.parse(one) - at);
  await apply(of, [message(4)]);
  expect(await opened()).toEqual([null]);
  await apply(of, [message(1, { sentAt: at + 5_000 })]);
  await apply(of, [
    message(7, { sentAt: at + 3_000 }),
    message(7, { keys: ['E'], sentAt: at + 9_000, event: 'id_changed' }),
  ]);
  expect(await opened()).toEqual([5_000]);
  await apply(of, [about('C1', 7, { lastActionAt: at + 7_000 })]);
  expect(await opened()).toEqual([7_000]);
});

describe('members of a group that leave', () => {
  const [jid, lid] = ['33639980001@s.whatsapp.net', '900000000000001@lid'];
  const one = (...keys: string[]): SeenPerson => ({ ...person(1), keys });
  const wrote = (id: string, seconds: number, sender: SeenPerson): Told => {
    const told = message(1, { keys: [id], conversationKeys: ['G'], sender, sentAt: at + seconds * 1_000 });
    return { ...told, conversation: { keys: ['G'], kind: 'group' } } as Told;
  };
  const left = (seconds: number, who: SeenPerson): Told => about('G', seconds, { departed: [who] });
  const joined = (seconds: number, who: SeenPerson): Told => about('G', seconds, { attendees: [who] });
  /** Members as the API shows them. */
  const members = async ({ accountId }: Of): Promise<number> => {
    const [found] = await db.system((em) =>
      runSql<{ n: number }>(
        em,
        `select count(distinct coalesce(a.merged_into, a.id))::int as n from conversation_attendees o
         join attendees a on a.id = o.attendee_id where a.account_id = ?`,
        [accountId],
      ),
    );
    return found!.n;
  };

  it.each<[string, Told[], number]>([
    ['left after their last message', [wrote('A', 1, one(jid)), left(2, one(jid))], 0],
    ['wrote in the second in which they left', [wrote('A', 2, one(jid)), left(2, one(jid))], 0],
    ['came back by a message', [left(2, one(jid)), wrote('A', 3, one(jid))], 1],
    ['were added again', [joined(1, one(jid)), left(2, one(jid)), joined(3, one(jid))], 1],
    ['left twice', [left(2, one(jid)), joined(3, one(jid)), left(4, one(jid))], 0],
    ['left by another address', [wrote('A', 1, one(jid)), left(2, one(lid)), joined(0, one(jid, lid))], 0],
    [
      'left and wrote later by another address',
      [left(2, one(lid)), wrote('A', 3, one(jid)), joined(0, one(jid, lid))],
      1,
    ],
  ])('are those that count, in every order: %s', async (_name, told, expected) => {
    for (const order of ordersOf(told))
      for (const size of [1, told.length]) {
        const of = await newAccount();
        for (let n = 0; n < order.length; n += size) await apply(of, order.slice(n, n + size));
        await apply(of, order.slice(0, 1));
        expect({ order, size, members: await members(of) }).toEqual({ order, size, members: expected });
      }
  });

  it('keep what they wrote', async () => {
    const of = await newAccount();
    await apply(of, [wrote('A', 1, one(jid)), left(2, one(jid))]);
    const [{ attendees, messages }] = (await shown(of)) as [any];
    expect([attendees, messages.map((told: any[]) => [told[0], told[8]])]).toEqual([null, [['A', jid]]]);
  });
});

/** Every order of a few items. */
function ordersOf<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, n) => ordersOf(items.toSpliced(n, 1)).map((rest) => [item, ...rest]));
}
