import type { SeenMessage } from '../../../domain/seen-messages.ts';
import type {
  MessageRef,
  OutgoingAttachment,
  OutgoingMessage,
  ProviderCall,
  UnknownSend,
} from '../../../providers/provider.ts';
import { wasender } from '../../../providers/wasender/index.ts';
import { readMessage } from '../../../providers/wasender/seen-messages.ts';
import { startWasenderSandbox, type WasenderSandbox } from '../../sandbox/wasender-sandbox.ts';
import { failureOf, startPeer, type Peer } from '../unipile/peer.ts';
import { callTo, linkedCall } from './calls.ts';

let world: WasenderSandbox;
let here: ProviderCall;
beforeAll(async () => {
  world = await startWasenderSandbox();
});
beforeEach(async () => {
  await world.control('POST', '/reset');
  here = await linkedCall(world);
});
afterAll(() => world?.close());

const { messages, conversations } = wasender;
const send = (message: OutgoingMessage, call = here) => messages.send(call, message);
const friend = '+33639989777';
const jid = '33639989777@s.whatsapp.net';
const to = { kind: 'phone', phone: friend } as const;
const ref = (...keys: string[]): MessageRef => ({ keys, conversationKeys: [jid] });

/** The messages that WASender's own log holds, the newest first. */
const logged = async (): Promise<{ to: string; content: Record<string, unknown> }[]> => {
  const { body } = await world.wasender('GET', `/whatsapp-sessions/${here.providerAccountId}/message-logs`);
  return body.data.data.map(({ to, content }: { to: string; content: string }) => ({
    to,
    content: JSON.parse(content),
  }));
};

/** A message from the friend; its ids. */
const receive = async (text: string, more: object = {}): Promise<{ number: string; id: string }> => {
  const { body } = await world.control('POST', '/messages', {
    session: here.providerAccountId,
    from: friend,
    text,
    ...more,
  });
  return { number: String(body.messages[0].message_id), id: body.messages[0].key_id };
};

describe('a message', () => {
  const file = (kind: OutgoingAttachment['kind'], type: string, fileName?: string): OutgoingAttachment => ({
    kind,
    bytes: new Blob(['a'], { type }),
    ...(fileName !== undefined && { fileName }),
  });
  const address = expect.stringContaining('/media/');
  const kinds: [string, OutgoingMessage, object][] = [
    ['a text', { to, text: 'Hello 👋' }, { text: 'Hello 👋' }],
    [
      'an image with its caption',
      { to, text: 'See', attachments: [file('image', 'image/png')] },
      { text: 'See', imageUrl: address },
    ],
    ['a video', { to, attachments: [file('video', 'video/mp4')] }, { videoUrl: address }],
    [
      'a file',
      { to, attachments: [file('document', 'application/pdf', 'a.pdf')] },
      { documentUrl: address, fileName: 'a.pdf' },
    ],
    ['a voice note', { to, attachments: [file('audio', 'audio/ogg')] }, { audioUrl: address }],
    ['a sticker', { to, attachments: [file('sticker', 'image/webp')] }, { stickerUrl: address }],
  ];
  it.each(kinds)('is handed over as %s, and its id is told', async (_what, message, content) => {
    const sent = await send(message);
    expect(sent).toEqual({ keys: [expect.stringMatching(/^\d+$/)], conversationKeys: [jid] });
    expect((await logged())[0]).toMatchObject({ to: friend, content });
  });

  it('has its bytes uploaded', async () => {
    const bytes = new Blob(['%PDF-1.7'], { type: 'application/pdf' });
    await send({ to, attachments: [{ kind: 'document', bytes, fileName: 'a.pdf' }] });
    const address = String((await logged())[0]?.content.documentUrl);
    const file = await fetch(address);
    expect([file.headers.get('content-type'), await file.text()]).toEqual(['application/pdf', '%PDF-1.7']);
  });

  it.each(['33639989777', jid, '33639989777:12@s.whatsapp.net', '33639989777@c.us'])(
    'reaches %s by the number',
    async (id) => {
      await send({ to: { kind: 'identity', id }, text: 'Hello' });
      await send({ to: { kind: 'conversation', keys: ['900000000000001@lid', id] }, text: 'Hello' });
      expect((await logged()).map((one) => one.to)).toEqual([friend, friend]);
    },
  );

  it('answers another one, also an incoming one, of which WhatsApp’s id alone is known', async () => {
    const { keys } = await send({ to, text: 'One' });
    await send({ to, text: 'Two', replyTo: { keys, conversationKeys: [] } });
    expect((await logged())[0]?.content.replyTo).toBe(Number(keys[0]));
    const { id, number } = await receive('Three');
    await send({ to, text: 'Four', replyTo: { keys: [id], conversationKeys: [] } });
    expect((await logged())[0]?.content.replyTo).toBe(Number(number));
  });

  it('has no id where WASender tells none', async () => {
    await world.variant('send_answer', 'message');
    expect(await send({ to, text: 'Hello' })).toEqual({ keys: [], conversationKeys: [] });
  });

  it('is found with both of its ids by either', async () => {
    const { keys } = await send({ to, text: 'Hello' });
    const seen = (await messages.one(here, ref(...keys)))!;
    expect(seen).toMatchObject({ direction: 'out', text: 'Hello', status: 'sent', conversationKeys: [jid] });
    expect(seen.keys).toEqual([expect.stringMatching(/^3EB0/), keys[0]]);
    expect(await messages.one(here, ref(seen.keys[0]!))).toEqual(seen);
    expect(await messages.one(here, ref('999'))).toBeNull();
  });

  it.each(['snake', 'camel'])('is sent, found and read with fields spelled in %s case', async (spelling) => {
    await world.variant('field_case', spelling);
    const sent = await send({ to, text: 'Hello' });
    expect(await messages.one(here, sent)).toMatchObject({
      keys: [expect.stringMatching(/^3EB0/), sent.keys[0]],
      conversationKeys: [jid],
      direction: 'out',
      text: 'Hello',
      sentAt: expect.any(Number),
    });
    const since = Date.now() - 2_000;
    const lookup = { since, endedAt: since, known: [] };
    expect(await messages.findSent({ ...here, now: since + 600_000 }, { to, text: 'Hello' }, lookup)).toMatchObject({
      outcome: 'found',
      message: { keys: expect.arrayContaining([...sent.keys]) },
    });
  });

  it('is edited, then deleted for everybody', async () => {
    const sent = await send({ to, text: 'Hello' });
    await messages.edit(here, sent, 'Good day');
    expect((await messages.one(here, sent))?.text).toBe('Good day');
    await messages.remove(here, sent);
    expect(await messages.one(here, sent)).toBeNull();
    expect(await failureOf(messages.edit(here, sent, 'Once more'))).toMatchObject({ code: 'not_found' });
    expect(await failureOf(messages.edit(here, sent, ' '))).toMatchObject({ code: 'request_refused' });
  });

  it('that came in is marked as read by WhatsApp’s id', async () => {
    const { id, number } = await receive('Hello');
    await messages.markRead(here, ref(number, id));
    expect(await failureOf(messages.markRead(here, ref(number)))).toMatchObject({ code: 'request_refused' });
  });

  it('is announced by typing', async () => {
    for (const activity of ['writing', 'recording', 'stopped'] as const) await messages.typing(here, to, activity);
    const { body } = await world.control('GET', '/calls');
    expect(body).toContainEqual(
      expect.objectContaining({ route: expect.stringContaining('/send-presence-update'), count: 3 }),
    );
  });
});

describe('what cannot be sent', () => {
  const file = (kind: 'image' | 'sticker' | 'audio', size: number, type: string) => ({
    kind,
    bytes: new Blob([new Uint8Array(size)], { type }),
  });
  it.each<[string, OutgoingMessage]>([
    ['nothing', { to }],
    ['blanks', { to, text: ' \n' }],
    ['70,000 characters', { to, text: 'a'.repeat(70_000) }],
    ['to nobody', { to: { kind: 'identity', id: 'Ana' }, text: 'Hello' }],
    ['to a person by a sentence', { to: { kind: 'handle', handle: 'Ana and Bo' }, text: 'Hello' }],
    ['to a conversation of no known form', { to: { kind: 'conversation', keys: ['Ana'] }, text: 'Hello' }],
    ['a reply to what WASender gave no number', { to, text: 'Hello', replyTo: ref('3EB0') }],
    ['to a number that is not on WhatsApp', { to: { kind: 'phone', phone: '+33639980000' }, text: 'Hello' }],
    ['two files', { to, attachments: [file('image', 1, 'image/png'), file('image', 1, 'image/png')] }],
    ['a file that is too large', { to, attachments: [file('sticker', 102_401, 'image/webp')] }],
    ['an empty file', { to, attachments: [file('image', 0, 'image/png')] }],
    ['a file of another type', { to, attachments: [file('image', 1, 'image/svg+xml')] }],
    ['a voice note with a text', { to, text: 'Hi', attachments: [file('audio', 1, 'audio/ogg; codecs=opus')] }],
  ])('%s is refused, and nothing goes out', async (_what, message) => {
    const { code, effect } = await failureOf(send(message));
    expect([['request_refused', 'not_found'].includes(code), effect]).toEqual([true, 'none']);
    expect(await logged()).toEqual([]);
  });

  it('is told by the limit and its wait', async () => {
    await world.wasender('PUT', `/whatsapp-sessions/${here.providerAccountId}`, { account_protection: true });
    await send({ to, text: 'One' });
    const failure = await failureOf(send({ to, text: 'Two' }));
    expect(failure).toMatchObject({ code: 'rate_limited', effect: 'none' });
    expect(failure.retryAfterMs).toBeGreaterThan(0);
  });

  it('is a lost login while the phone is away, and unknown when the answer is an error of the server', async () => {
    await world.control('PUT', '/faults', { provider: 'wasender', rate_500: 1 });
    expect(await failureOf(send({ to, text: 'One' }))).toMatchObject({
      code: 'provider_unavailable',
      effect: 'unknown',
    });
    // A file that was not taken has sent nothing.
    const bytes = new Blob(['a'], { type: 'image/png' });
    expect(await failureOf(send({ to, attachments: [{ kind: 'image', bytes }] }))).toMatchObject({
      code: 'provider_unavailable',
      effect: 'none',
    });
    await world.control('PUT', '/faults', { provider: 'wasender' });
    await world.control('POST', '/drop', { session: here.providerAccountId, status: 'logged_out' });
    expect((await failureOf(send({ to, text: 'Two' }))).code).toBe('login_lost');
  });
});

describe('a message whose outcome is unknown', () => {
  const message: OutgoingMessage = { to, text: 'Hello\n  you ' };
  /** Long after the call. */
  const settled = (since: number, more: Partial<UnknownSend> = {}): [ProviderCall, UnknownSend] => [
    { ...here, now: since + 600_000 },
    { since, endedAt: since + 60_000, known: [], ...more },
  ];
  const find = (more: Partial<UnknownSend> = {}, what = message) => {
    const [call, unknown] = settled(more.since ?? Date.now() - 2_000, more);
    return messages.findSent(call, what, unknown);
  };

  it('is found with its ids where WASender took it and the answer was lost', async () => {
    await world.control('PUT', '/faults', {
      provider: 'wasender',
      route: 'POST /api/send-message',
      after_effect: 1,
      times: 1,
    });
    await send({ to, text: 'Something else' }).catch(() => null);
    await world.control('PUT', '/faults', { provider: 'wasender', route: 'POST /api/send-message', after_effect: 1 });
    expect((await failureOf(send(message))).effect).toBe('unknown');
    const found = await find();
    expect(found).toMatchObject({ outcome: 'found', status: 'sent', message: { conversationKeys: [jid] } });
    if (found.outcome !== 'found') throw new Error('not found');
    expect(found.message.keys).toHaveLength(2);
    expect(await messages.one(here, found.message)).toMatchObject({ text: message.text });
  });

  it('was certainly not sent where the log shows nothing, once there was time for it', async () => {
    await send({ to, text: 'Something else' });
    await send({ to: { kind: 'phone', phone: '+33639981111' }, text: message.text! });
    expect(await find()).toEqual({ outcome: 'not_sent' });
    const since = Date.now();
    const [, unknown] = settled(since);
    expect(await messages.findSent({ ...here, now: since + 61_000 }, message, unknown)).toEqual({
      outcome: 'unclear',
      checkAgainAt: since + 90_000,
    });
  });

  it('is none of those that are known', async () => {
    const { keys } = await send(message);
    expect(await find({ known: keys })).toEqual({ outcome: 'not_sent' });
  });

  it('is unclear where an equal one is older, where messages are not logged, and without the right to the log', async () => {
    await send(message);
    const unclear = { outcome: 'unclear', checkAgainAt: null };
    expect(await find({ since: Date.now() + 60_000 })).toEqual(unclear);
    for (const log_messages of [false, true]) {
      await world.wasender('PUT', `/whatsapp-sessions/${here.providerAccountId}`, { log_messages });
      if (!log_messages) await send({ to, text: 'Unlogged' });
      expect(await find({}, { to, text: 'Never sent' })).toEqual(unclear);
    }
    const [call, unknown] = settled(Date.now());
    const settings = { ...call.settings, api_token: here.keys!.apiKey! };
    expect(await messages.findSent({ ...call, settings }, message, unknown)).toEqual(unclear);
  });

  it('has failed where the log says so', async () => {
    const failing: OutgoingMessage = { to: { kind: 'phone', phone: '+33639989999' }, text: 'Hello' };
    await send(failing);
    expect(await find({}, failing)).toMatchObject({ outcome: 'found', status: 'failed' });
  });

  it('is told by its file where it has no text', async () => {
    const bytes = new Blob(['a'], { type: 'image/png' });
    const image: OutgoingMessage = { to, attachments: [{ kind: 'image', bytes }] };
    await send(image);
    expect(await find({}, image)).toMatchObject({ outcome: 'found' });
    const other: OutgoingMessage = { to, attachments: [{ kind: 'document', bytes }] };
    expect(await find({}, other)).toEqual({ outcome: 'not_sent' });
  });

  it('is unclear where a LID and a number stand against each other', async () => {
    await send(message);
    const byLid: OutgoingMessage = { ...message, to: { kind: 'identity', id: '900000000000001@lid' } };
    expect(await find({}, byLid)).toEqual({ outcome: 'unclear', checkAgainAt: null });
  });

  describe('in a log of another kind', () => {
    let peer: Peer;
    beforeAll(async () => {
      peer = await startPeer();
    });
    afterAll(() => peer?.close());
    const says = (body: unknown): void => {
      const session = { success: true, data: { id: 1, status: 'connected', log_messages: true } };
      peer.answer = (response, { url }) => {
        const isLog = url?.includes('/message-logs');
        response.setHeader('content-type', 'application/json').end(JSON.stringify(isLog ? body : session));
      };
    };
    const since = Date.parse('2026-02-03T09:00:00Z');
    const look = () => {
      const call = callTo(peer.dsn, { providerAccountId: '1', keys: { apiKey: 'key' }, now: since + 600_000 });
      return messages.findSent(call, { to, text: 'Hello' }, { since, endedAt: since, known: [] });
    };
    const entry = {
      to: '+33639989777',
      content: '{"text":"Hello"}',
      status: 'SENT',
      created_at: '2026-02-03 09:00:01',
    };
    const log = (...data: unknown[]) => ({ success: true, data: { data, last_page: 1 } });

    it.each<[string, unknown, object]>([
      ['without ids', log(entry), { outcome: 'found', status: 'sent', message: { keys: [], conversationKeys: [jid] } }],
      ['with content that cannot be read', log({ ...entry, content: 'Hello' }), { outcome: 'unclear' }],
      ['without times', log({ ...entry, created_at: null }), { outcome: 'unclear' }],
      [
        'oldest first',
        log({ ...entry, to: null, created_at: '2026-02-03 08:00:00' }, { ...entry, to: '+331' }),
        { outcome: 'unclear' },
      ],
      ['in another zone', log({ ...entry, created_at: '2026-02-03 04:00:01' }), { outcome: 'unclear' }],
      ['that is empty', log(), { outcome: 'not_sent' }],
      ['that is null', { success: true, data: null }, { outcome: 'not_sent' }],
    ])('%s', async (_, body, result) => {
      says(body);
      expect(await look()).toMatchObject(result);
    });

    it('that is no list is a failure', async () => {
      says({ success: true, data: 'none' });
      expect(await failureOf(look())).toMatchObject({ code: 'provider_unavailable' });
    });
  });
});

describe('a conversation', () => {
  it('with a group has its name and people', async () => {
    await world.control('PUT', '/address-book', { session: here.providerAccountId, size: 40 });
    const { body } = await world.wasender('GET', '/groups', undefined, here.keys!.apiKey);
    const { id, name } = body.data[0];
    const group = await conversations.one(here, [id]);
    expect(group).toMatchObject({ keys: [id], kind: 'group', name, pictureSource: { group: id } });
    expect(await conversations.attendees(here, [id])).toEqual(group?.attendees);
    expect(group?.attendees?.length).toBeGreaterThan(2);
    expect(await conversations.one(here, ['120363999999999999@g.us'])).toBeNull();
  });

  it('with a person is theirs', async () => {
    await receive('Hello', { name: 'Bo' });
    expect(await conversations.one(here, [jid])).toMatchObject({
      keys: [jid],
      kind: 'person',
      attendees: [{ keys: [jid], phone: friend, name: 'Bo', pictureSource: { person: jid } }],
    });
    expect(await conversations.one(here, ['33639985555@s.whatsapp.net'])).toBeNull();
  });
});

describe('a message as it comes', () => {
  const key = { id: '3EB0AA', fromMe: false, remoteJid: '900000000000001@lid', senderPn: '15550123@s.whatsapp.net' };
  const read = (message: object, more: object = {}): SeenMessage => readMessage({ key, message, ...more })!;

  it('has the people of its key in each form', () => {
    expect(read({ conversation: 'Hi' }, { pushName: 'Bo', messageTimestamp: '1770109260' })).toMatchObject({
      keys: ['3EB0AA'],
      conversationKeys: ['900000000000001@lid', '15550123@s.whatsapp.net'],
      direction: 'in',
      text: 'Hi',
      sentAt: 1_770_109_260_000,
      status: null,
      sender: { keys: ['900000000000001@lid', '15550123@s.whatsapp.net'], phone: '+15550123', name: 'Bo' },
    });
    const inGroup = { id: '3EB0', fromMe: false, remoteJid: '1203@g.us', participant: '15550124@s.whatsapp.net' };
    expect(readMessage({ key: inGroup })).toMatchObject({
      conversationKeys: ['1203@g.us'],
      sender: { keys: ['15550124@s.whatsapp.net'] },
    });
  });

  it.each<[string, object, object]>([
    [
      'a long text',
      { extendedTextMessage: { text: 'Hi', contextInfo: { stanzaId: '3EB0BB' } } },
      { text: 'Hi', quotedKey: '3EB0BB' },
    ],
    ['one that vanishes', { ephemeralMessage: { message: { conversation: 'Hi' } } }, { text: 'Hi' }],
    [
      'an image',
      { imageMessage: { caption: 'See', mediaKey: 'k', width: 40 } },
      { text: 'See', attachments: [{ kind: 'image', width: 40 }] },
    ],
    [
      'a file with a caption',
      {
        documentWithCaptionMessage: {
          message: { documentMessage: { fileName: 'a.pdf', fileLength: '12', caption: 'See' } },
        },
      },
      { text: 'See', attachments: [{ kind: 'document', fileName: 'a.pdf', size: 12, source: null }] },
    ],
    [
      'a voice note',
      { audioMessage: { ptt: true, seconds: 3 } },
      { attachments: [{ kind: 'audio', voice: true, duration: 3 }] },
    ],
    ['a card', { contactMessage: { displayName: 'Bo' } }, { text: 'Bo', attachments: [] }],
    ['an edited text', { editedMessage: { message: { conversation: 'Ho' } } }, { text: 'Ho', editedAt: null }],
    ['nothing', {}, { text: null, attachments: [] }],
  ])('is read as %s', (_, message, seen) => {
    expect(read(message)).toMatchObject(seen);
  });

  it('has the text under its own name before others, and times in two halves', () => {
    const more = { messageBody: 'Body', messageTimestamp: { low: 1_770_109_260, high: 0, unsigned: true } };
    expect(read({ conversation: 'Hi' }, more)).toMatchObject({ text: 'Body', sentAt: 1_770_109_260_000 });
  });

  it('without an id is none', () => {
    for (const one of [null, 'Hi', {}, { key: {} }, { key: { remoteJid: '1@g.us' } }])
      expect(readMessage(one)).toBeNull();
  });
});
