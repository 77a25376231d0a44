import type { SeenConversation, SeenMessage } from '../../../domain/seen-messages.ts';
import type { ProviderCall } from '../../../providers/provider.ts';
import { unipile } from '../../../providers/unipile/index.ts';
import { readChat } from '../../../providers/unipile/seen-conversations.ts';
import { readMessage } from '../../../providers/unipile/seen-messages.ts';
import { readAttendee } from '../../../providers/unipile/seen-people.ts';
import { startTestSandbox, type TestSandbox } from '../../sandbox/test-sandbox.ts';
import { callTo, failureOf, startPeer, type Peer } from './peer.ts';

const { conversations } = unipile;

describe('at the sandbox', () => {
  let world: TestSandbox;
  let here: ProviderCall;
  beforeAll(async () => {
    world = await startTestSandbox();
  });
  beforeEach(async () => {
    await world.control('POST', '/reset');
    const account = await world.whatsapp('+33639980001');
    // A second account, whose conversations are not this one's.
    await world.whatsapp('+33639980777');
    here = callTo(world.unipileUrl, { channel: 'whatsapp', providerAccountId: account });
  });
  afterAll(() => world?.close());

  const receive = async (text: string, more: object = {}): Promise<{ chat_id: string; messages: any[] }> =>
    (
      await world.control('POST', '/messages', {
        account_id: here.providerAccountId,
        from: '+33639981234',
        text,
        ...more,
      })
    ).body;

  async function everyConversation(since?: number): Promise<SeenConversation[]> {
    const all: SeenConversation[] = [];
    let cursor: string | null = null;
    do {
      const page = await conversations.list(here, cursor, since);
      all.push(...page.items);
      ({ cursor } = page);
    } while (cursor !== null);
    return all;
  }

  it('conversations come newest first, the account’s own alone, from a time on where one is given', async () => {
    const { chat_id: chat } = await receive('Hello');
    const all = await everyConversation();
    expect(all.length).toBeGreaterThan(10);
    expect(all[0]).toEqual({
      keys: [chat, '33639981234@s.whatsapp.net'],
      kind: 'person',
      name: null,
      unreadCount: 1,
      archived: false,
      mutedUntil: null,
      pinned: false,
      readOnly: false,
      lastMessageAt: expect.any(Number),
      attendees: [expect.objectContaining({ keys: ['33639981234@s.whatsapp.net'], phone: '+33639981234' })],
    });
    const times = all.map(({ lastMessageAt }) => lastMessageAt ?? 0);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    expect(all.some(({ kind, pictureSource }) => kind === 'group' && pictureSource)).toBe(true);
    const since = all[1]!.lastMessageAt!;
    expect((await everyConversation(since)).map(({ keys }) => keys[0])).toEqual([chat]);
  });

  it('a history is read page by page, newest first, and between two times', async () => {
    await receive('One', { count: 130 });
    const first = await conversations.messages(here, ['33639981234@s.whatsapp.net'], null);
    const second = await conversations.messages(here, ['33639981234@s.whatsapp.net'], first.cursor);
    expect([first.delivered, second.delivered, second.cursor]).toEqual([100, 30, null]);
    const all: SeenMessage[] = [...first.items, ...second.items];
    expect(all.map(({ text }) => text)).toEqual(Array.from({ length: 130 }, (_, n) => `One ${130 - n}`));
    const [newest, oldest] = [all[0]!.sentAt!, all.at(-1)!.sentAt!];
    const between = await conversations.messages(here, all[0]!.conversationKeys, null, {
      after: oldest,
      before: newest,
    });
    expect([between.items[0]?.text, between.items.length, typeof between.cursor]).toEqual(['One 129', 100, 'string']);
  });

  it('a message has every id, its sender, its answer, its file and its reactions', async () => {
    const { messages: sent } = await receive('See', {
      attachments: [{ file_name: 'a.pdf', mimetype: 'application/pdf', size: 12 }],
    });
    const { message_id: id, provider_message_id: providerId } = sent[0];
    await world.control('POST', '/reactions', {
      account_id: here.providerAccountId,
      message_id: id,
      from: 'me',
      value: '👍',
    });
    const { items } = await conversations.messages(here, ['33639981234@s.whatsapp.net'], null);
    expect(items).toEqual([
      expect.objectContaining({
        keys: [id, providerId],
        direction: 'in',
        text: 'See',
        status: null,
        sender: expect.objectContaining({
          keys: ['33639981234@s.whatsapp.net'],
          isSelf: false,
          pictureSource: { picture: expect.any(String) },
        }),
        attachments: [
          expect.objectContaining({
            kind: 'document',
            fileName: 'a.pdf',
            size: 12,
            url: null,
            source: { message: id, attachment: expect.any(String) },
          }),
        ],
        reactions: [
          { emoji: '👍', by: expect.objectContaining({ keys: ['33639980001@s.whatsapp.net'], isSelf: true }) },
        ],
      }),
    ]);
  });

  it('attendees have their numbers, LIDs and pictures where they show', async () => {
    await world.control('PUT', '/variants', { provider: 'unipile', name: 'attendee_specifics', value: true });
    const group = (await everyConversation()).find(({ kind }) => kind === 'group')!;
    const people = await conversations.attendees(here, group.keys);
    expect(people.filter(({ isSelf }) => isSelf)).toHaveLength(1);
    expect(people.length).toBeGreaterThan(2);
    for (const { keys, pictureSource } of people) {
      expect(keys.some((key) => /^\d+@lid$/.test(key))).toBe(true);
      expect(pictureSource).toEqual({ picture: expect.any(String) });
    }
  });

  it('one conversation is found by either id, and an unknown one is null', async () => {
    const { chat_id: chat } = await receive('Hello');
    for (const keys of [[chat], ['33639981234@s.whatsapp.net'], ['33639981234@s.whatsapp.net', chat]])
      expect(await conversations.one(here, keys)).toMatchObject({ keys: [chat, '33639981234@s.whatsapp.net'] });
    expect(await conversations.one(here, ['33639985555@s.whatsapp.net'])).toBeNull();
    expect(await conversations.one(here, [])).toBeNull();
  });

  it('states are changed there', async () => {
    const { chat_id: chat } = await receive('Hello');
    const until = Date.parse('2027-01-02T03:04:05.678Z');
    for (const [change, seen] of [
      [{ read: true }, { unreadCount: 0 }],
      [{ read: false }, { unreadCount: 1 }],
      [{ archived: true }, { archived: true }],
      [{ pinned: true }, { pinned: true }],
      [{ mutedUntil: 'forever' }, { mutedUntil: 'forever' }],
      [{ mutedUntil: until }, { mutedUntil: until }],
      [{ mutedUntil: null }, { mutedUntil: null }],
    ] as const) {
      await conversations.setState(here, [chat], change);
      expect(await conversations.one(here, [chat])).toMatchObject(seen);
    }
  });
});

describe('answers of another kind', () => {
  let peer: Peer;
  let here: ProviderCall;
  beforeAll(async () => {
    peer = await startPeer();
    here = callTo(peer.dsn, { channel: 'whatsapp', providerAccountId: 'acc' });
  });
  afterAll(() => peer?.close());

  const unavailable = { code: 'provider_unavailable', effect: 'none' };

  it.each<[string, unknown]>([
    ['no items', { object: 'ChatList' }],
    ['a text for items', { items: 'none' }],
    ['a number for a cursor', { items: [], cursor: 7 }],
    ['a bare list', []],
  ])('a list with %s is a failure', async (_, body) => {
    peer.says(200, body);
    expect(await failureOf(conversations.list(here, null))).toMatchObject(unavailable);
    expect(await failureOf(conversations.messages(here, ['Y2hhdF9udW1iZXJfb25lX1'], null))).toMatchObject(unavailable);
  });

  it('a list that leads to itself is a failure', async () => {
    peer.says(200, { items: [], cursor: 'again' });
    expect(await failureOf(conversations.list(here, 'again'))).toMatchObject(unavailable);
  });

  it('entries that cannot be read, or are another account’s, are counted and left out', async () => {
    const items = [null, 7, {}, { id: 'a', account_id: 'other' }, { id: 'b', account_id: 'acc' }, { provider_id: 'c' }];
    peer.says(200, { items, cursor: null });
    const { items: read, delivered } = await conversations.list(here, null);
    expect([read.map(({ keys }) => keys), delivered]).toEqual([[['b'], ['c']], 6]);
  });

  it('a chat of another account is none of this one', async () => {
    peer.says(200, { id: 'a', account_id: 'other' });
    expect(await conversations.one(here, ['a'])).toBeNull();
  });

  it('an account without a login is asked nothing', async () => {
    const call = { ...here, providerAccountId: null };
    peer.answer = () => {
      throw new Error('asked');
    };
    expect(await failureOf(conversations.list(call, null))).toMatchObject({ code: 'not_found' });
  });
});

describe('a chat as it comes', () => {
  it('has whatever can be read of it', () => {
    const chat = {
      id: 'one',
      provider_id: '900000000000001@lid',
      attendee_provider_id: '900000000000001@lid',
      attendee_public_identifier: '15550123@s.whatsapp.net',
      type: '0',
      name: '  ',
      timestamp: null,
      unread_count: '3',
      archived: false,
      muted_until: '-1',
      read_only: 2,
    };
    expect(readChat('whatsapp', chat)).toMatchObject({
      keys: ['one', '900000000000001@lid', '15550123@s.whatsapp.net'],
      kind: 'person',
      name: null,
      unreadCount: 3,
      archived: false,
      mutedUntil: 'forever',
      readOnly: true,
      lastMessageAt: null,
      attendees: [{ keys: ['900000000000001@lid', '15550123@s.whatsapp.net'], phone: '+15550123' }],
    });
    expect(readChat('whatsapp', { id: 'one' })).toEqual({
      keys: ['one'],
      kind: 'person',
      name: null,
      lastMessageAt: null,
    });
  });

  it('is of its kind by number, else by its id', () => {
    expect(readChat('whatsapp', { id: 'a', type: 2 })?.kind).toBe('channel');
    expect(readChat('whatsapp', { id: 'a', type: 9, provider_id: '1203@g.us' })?.kind).toBe('group');
  });

  it('of a person elsewhere is not known by that person’s id: they may have several', () => {
    const chat = { id: 'one', provider_id: '2-abc', attendee_provider_id: 'ACoAAA', type: 0 };
    expect(readChat('linkedin', chat)).toMatchObject({ keys: ['one', '2-abc'], attendees: [{ keys: ['ACoAAA'] }] });
  });
});

describe('a message as it comes', () => {
  const sentAt = Date.parse('2026-02-03T09:00:00.000Z');

  it.each<[string, unknown, number | null]>([
    ['text', '2026-02-03T09:00:00.000Z', sentAt],
    ['seconds', sentAt / 1000, sentAt],
    ['milliseconds', sentAt, sentAt],
    ['digits', String(sentAt), sentAt],
    ['nothing', undefined, null],
    ['a word', 'yesterday', null],
  ])('has its time from %s', (_, timestamp, at) => {
    expect(readMessage('whatsapp', { id: 'a', timestamp })?.sentAt).toBe(at);
  });

  it.each([
    [{ is_sender: 1, seen: 1 }, 'out', 'read'],
    [{ is_sender: true, seen: false, delivered: true }, 'out', 'delivered'],
    [{ is_sender: '1' }, 'out', 'sent'],
    [{ is_sender: 0, seen: 1 }, 'in', null],
    [{}, null, null],
  ])('with %j goes %s with the status %s', (flags, direction, status) => {
    expect(readMessage('whatsapp', { id: 'a', ...flags })).toMatchObject({ direction, status });
  });

  it('keeps its marks: edited, deleted, an event, hidden, read by people', () => {
    const message = {
      id: 'a',
      edited: 1,
      deleted: 1,
      is_event: 1,
      event_type: 5,
      seen_by: { '15550123@s.whatsapp.net': '2026-02-03T09:00:00.000Z', '15550124@s.whatsapp.net': true, other: false },
    };
    expect(readMessage('whatsapp', message)).toMatchObject({
      editedAt: null,
      deleted: true,
      event: 'participant_added',
      readBy: [
        { by: '15550123@s.whatsapp.net', at: sentAt },
        { by: '15550124@s.whatsapp.net', at: null },
      ],
    });
    expect(readMessage('whatsapp', { id: 'a', hidden: 1 })?.event).toBe('unknown');
    expect(readMessage('whatsapp', { id: 'a', is_event: 1, event_type: 77 })?.event).toBe('unknown');
    expect(readMessage('whatsapp', { id: 'a' })).not.toHaveProperty('editedAt');
  });

  it('of Telegram is numbered by its chat', () => {
    const message = { id: 'a', provider_id: '5', chat_provider_id: '77', quoted: { provider_id: 4 } };
    expect(readMessage('telegram', message)).toMatchObject({ keys: ['a', '77:5'], quotedKey: '77:4' });
    // Digits are no number of a phone there.
    expect(readMessage('telegram', { id: 'a', sender_id: 123456789 })?.sender).toMatchObject({
      keys: ['123456789'],
      phone: null,
    });
  });

  it('has attachments of every kind, also keyed by number', () => {
    const attachments = {
      0: { id: 'i', type: 'img', sticker: true, size: { width: '40', height: 40 }, url: 'att://i' },
      1: {
        id: 'v',
        type: 'audio',
        duration: '3.5',
        voice_note: 1,
        url: 'https://a.test/v',
        url_expires_at: sentAt / 1000,
      },
      2: { type: 'video', unavailable: true, file_size: -1 },
      3: { id: 'l', type: 'linkedin_post' },
      4: null,
      5: { id: 'm', type: 'video_meeting' },
    };
    const read = readMessage('linkedin', { id: 'a', attachments })!.attachments;
    expect(read).toMatchObject([
      { key: 'i', kind: 'sticker', width: 40, height: 40, url: null, source: { message: 'a', attachment: 'i' } },
      { key: 'v', kind: 'audio', duration: 3.5, voice: true, url: 'https://a.test/v', urlExpiresAt: sentAt },
      { key: '2', kind: 'video', unavailable: true, size: null, source: null },
      { key: 'l', kind: 'link', source: null },
      { key: 'm', kind: 'link', source: null },
    ]);
  });

  it('holds nothing that a database refuses', () => {
    expect(readMessage('whatsapp', { id: 'a', text: 'a\0b\ud800' })?.text).toBe('ab\ufffd');
  });
});

describe('an attendee as it comes', () => {
  it.each<[string, object, object]>([
    [
      'a number and a LID',
      { provider_id: '900000000000001@lid', specifics: { phone_number: '+15550123', lid: '900000000000001@lid' } },
      { keys: ['900000000000001@lid', '15550123@s.whatsapp.net'], phone: '+15550123' },
    ],
    [
      'a hidden number',
      { provider_id: '900000000000001@lid', name: null, specifics: { phone_number: 'hidden', lid: null } },
      { keys: ['900000000000001@lid'], phone: null, name: null },
    ],
    ['itself', { provider_id: '15550100@s.whatsapp.net', is_self: 1, name: 'Bo' }, { isSelf: true, name: 'Bo' }],
  ])('with %s', (_, attendee, seen) => {
    expect(readAttendee('whatsapp', attendee)).toMatchObject(seen);
  });

  it('without an id is nobody', () => {
    for (const one of [null, {}, { name: 'Bo' }, 'Bo']) expect(readAttendee('whatsapp', one)).toBeNull();
  });
});
