import { MessageReceipt } from '../../db/entities/messages.ts';
import { runSql } from '../support/run-sql.ts';
import { seedMessages, type MessageSeed } from '../support/seed-messages.ts';
import { activate, connect, startTestApi, unique, type TestApi } from './support.ts';

let api: TestApi;
let own: string;
beforeAll(async () => {
  api = await startTestApi();
  own = (await connect(api.client)).account.id;
  await activate(api, own, `up-${unique()}`);
});
afterAll(() => api?.stop());

const get = async (path: string): Promise<any> => (await api.client.get(`/api/v1${path}`)).body;
const seed = <T>(work: (to: MessageSeed) => T): Promise<T> =>
  api.context.db.system((em) => seedMessages(em, own, work));
const minute = (n: number): Date => new Date(Date.UTC(2026, 2, 1, 10, n));
const ids = (body: any): string[] => body.items.map(({ id }: any) => id);

async function pages(path: string, limit: number): Promise<string[]> {
  const found: string[] = [];
  for (let cursor = ''; ;) {
    const body = await get(`${path}${path.includes('?') ? '&' : '?'}limit=${limit}${cursor}`);
    found.push(...ids(body));
    if (body.next_cursor === null) return found;
    cursor = `&cursor=${encodeURIComponent(body.next_cursor)}`;
  }
}

describe('C3: the messages of a conversation', () => {
  let id: string;
  let expected: string[];
  beforeAll(async () => {
    [id, expected] = (await seed((to) => {
      const one = to.conversation({});
      const made = [
        { sentAt: minute(1), sortKey: 'a' },
        { sentAt: minute(2), sortKey: 'a' },
        { sentAt: minute(2), sortKey: 'c' },
        { sentAt: minute(2), sortKey: 'b' },
        { sentAt: minute(3), sortKey: 'a' },
      ].map((given) => to.message(one, given).id);
      const [first, a, c, b, last] = made as [string, string, string, string, string];
      return [one.id, [last, c, b, a, first]] as const;
    })) as [string, string[]];
  });

  it.each([1, 2, 3, 5])('are listed newest first, in pages of %s', async (limit) =>
    expect(await pages(`/conversations/${id}/messages`, limit)).toEqual(expected),
  );

  it('have an order to the microsecond', async () => {
    const thread = await seed((to) => {
      const one = to.conversation({});
      return { id: one.id, made: [1, 2, 3].map((n) => to.message(one, { sortKey: `${n}` }).id) };
    });
    await api.context.db.system((em) =>
      runSql(
        em,
        `update messages set sent_at = timestamptz '2026-03-01T10:00:00.000Z' + (3 - sort_key::int) * interval '1 microsecond'
         where conversation_id = ?`,
        [thread.id],
      ),
    );
    expect(await pages(`/conversations/${thread.id}/messages`, 1)).toEqual(thread.made);
  });

  it('are of a time', async () => {
    const [before, after] = [minute(3).toISOString(), minute(1).toISOString()];
    expect(ids(await get(`/conversations/${id}/messages?before=${before}&after=${after}`))).toEqual(
      expected.slice(1, 4),
    );
    for (const query of ['before=yesterday', 'cursor=x', 'since=1'])
      expect((await api.client.get(`/api/v1/conversations/${id}/messages?${query}`)).status).toBe(422);
  });

  it('are listed across conversations too', async () => {
    const other = await seed((to) => to.message(to.conversation({}), { sentAt: minute(2) }).id);
    const all = await pages(`/messages?account=${own}`, 2);
    expect(all).toEqual(expect.arrayContaining([other, ...expected]));
    expect(new Set(all).size).toBe(all.length);
    expect(await pages('/messages', 3)).toEqual(all);
    const times = await Promise.all(all.map(async (one) => (await get(`/messages/${one}`)).sent_at as string));
    expect(times).toEqual(times.toSorted().reverse());
  });
});

it('C8, C10: a message shows its sender, direction, display, reactions, receipts, files, answer and versions', async () => {
  const made = await seed((to) => {
    const [maya, bo] = ['Maya', 'Bo'].map((name, n) =>
      to.attendee({ name, providerAttendeeId: `3363998020${n}@s.whatsapp.net` }),
    ) as [ReturnType<MessageSeed['attendee']>, ReturnType<MessageSeed['attendee']>];
    const self = to.attendee({ name: 'Me', isSelf: true, providerAttendeeId: '90001@lid' });
    const group = to.conversation({ kind: 'group', name: 'Team' }, [maya, bo, self]);
    const first = to.message(group, {
      senderId: maya.id,
      text: 'first',
      providerMessageId: 'wa-first',
      sentAt: minute(1),
    });
    const second = to.message(group, {
      direction: 'out',
      senderId: self.id,
      status: 'read',
      text: 'see @33639980201 and @90001',
      quotedKey: 'wa-first',
      sentAt: minute(2),
      editedAt: minute(3),
      versions: [
        { text: 'see', at: null },
        { text: 'see @33639980201 and @90001', at: minute(3).getTime() },
      ],
      reactions: [
        { by: bo.id, emoji: '👍', at: minute(4).getTime() },
        { by: maya.id, emoji: null, at: minute(5).getTime() },
      ],
    });
    to.attachment(second, {
      kind: 'document',
      fileName: 'plan.pdf',
      mimeType: 'application/pdf',
      size: 12_345,
      source: 'v2.sealed',
    });
    const dangling = to.message(group, {
      quotedKey: 'wa-unknown',
      direction: null,
      sentAtKnown: false,
      event: 'name_changed',
    });
    return {
      maya: maya.id,
      bo: bo.id,
      self: self.id,
      group: group.id,
      first: first.id,
      second: second.id,
      dangling: dangling.id,
    };
  });
  await api.context.db.system(async (em) => {
    const { tenant_id: tenantId } = (
      await runSql<{ tenant_id: string }>(em, 'select tenant_id from accounts where id = ?', [own])
    )[0]!;
    em.persist(
      em.create(MessageReceipt, {
        messageId: made.second,
        attendeeId: made.bo,
        tenantId,
        status: 'read',
        at: minute(6),
      }),
    );
  });
  const shown = await get(`/messages/${made.second}`);
  expect(shown).toMatchObject({
    account_id: own,
    conversation: made.group,
    sender: { id: made.self, name: 'Me', is_self: true },
    direction: 'out',
    status: 'read',
    text: 'see @33639980201 and @90001',
    display: [
      { text: 'see ' },
      { text: '@Bo', mention: { attendee: made.bo, name: 'Bo' } },
      { text: ' and ' },
      { text: '@Me', mention: { attendee: made.self, name: 'Me' } },
    ],
    sent_at: minute(2).toISOString(),
    sent_at_known: true,
    edited_at: minute(3).toISOString(),
    deleted_at: null,
    reactions: [{ emoji: '👍', attendee: { id: made.bo, name: 'Bo' }, at: minute(4).toISOString() }],
    receipts: [{ attendee: { id: made.bo }, status: 'read', at: minute(6).toISOString() }],
    attachments: [
      {
        kind: 'document',
        file_name: 'plan.pdf',
        size: 12_345,
        media_id: null,
        url: expect.stringMatching(/\/api\/v1\/attachments\/[\w-]+\/content$/),
      },
    ],
    reply_to: { id: made.first, provider_message_id: 'wa-first' },
    event: null,
    versions: [
      { text: 'see', edited_at: null },
      { text: 'see @33639980201 and @90001', edited_at: minute(3).toISOString() },
    ],
  });
  expect(JSON.stringify(shown)).not.toContain('sealed');
  expect(await get(`/messages/${made.dangling}`)).toMatchObject({
    sender: null,
    direction: null,
    sent_at_known: false,
    event: 'name_changed',
    reply_to: { id: null, provider_message_id: 'wa-unknown' },
  });
  const first = await get(`/messages/${made.first}`);
  expect(first).toMatchObject({ sender: { id: made.maya, name: 'Maya', is_self: false }, reply_to: null });
  expect(first).not.toHaveProperty('receipts');
  expect(first).not.toHaveProperty('versions');
});

it('a deleted message keeps its place, and shows neither text, versions, files nor reactions', async () => {
  const { thread, id } = await seed((to) => {
    const one = to.conversation({});
    const actor = to.attendee({});
    const gone = to.message(one, {
      text: null,
      versions: [
        { text: 'secret', at: null },
        { text: 'secret too', at: 1 },
      ],
      deletedAt: minute(9),
      reactions: [{ by: actor.id, emoji: '🤫', at: 1 }],
    });
    to.attachment(gone, { fileName: 'secret.pdf' });
    return { thread: one.id, id: gone.id };
  });
  const shown = await get(`/messages/${id}`);
  expect(shown).toMatchObject({
    text: null,
    display: [],
    deleted_at: minute(9).toISOString(),
    reactions: [],
    attachments: [],
  });
  expect(JSON.stringify([shown, await get(`/conversations/${thread}/messages`)])).not.toMatch(/secret|🤫/);
});
