import fc from 'fast-check';
import { subjectName } from '../../../domain/erasure.ts';
import { peopleIn } from '../../../domain/webhook-events.ts';
import type { ProviderCall } from '../../../providers/provider.ts';
import { wasender } from '../../../providers/wasender/index.ts';
import { startWasenderSandbox, type WasenderSandbox } from '../../sandbox/wasender-sandbox.ts';
import { startReceiver, type Received, type Receiver } from '../../sandbox/test-sandbox.ts';
import { expectLinear } from '../../support/linear.ts';
import { expectSound } from '../sound-events.ts';
import { callAfter, callTo, inputFor } from './calls.ts';
import { shownProof } from '../../../services/webhooks/proof.ts';

const { login, webhooks } = wasender;
const request = (body: unknown, headers: Record<string, string | string[] | undefined> = {}) => ({
  raw: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  headers,
});
const eventOf = (body: unknown) => webhooks.read(request(body)).events?.[0];
const kept = (body: unknown): string => webhooks.read(request(body)).body;
const key = 'ab'.repeat(32);

describe('C2: session.status', () => {
  const words = {
    connected: 'linked',
    connecting: 'degraded',
    need_scan: 'login_lost',
    need_passkey: 'login_lost',
    disconnected: 'login_lost',
    logged_out: 'login_lost',
    expired: 'login_lost',
    something_new: 'unknown',
  };

  it.each(Object.entries(words))('%s means %s, in any case and shape', (said, status) => {
    for (const one of [said, said.toUpperCase()])
      for (const body of [
        { event: 'session.status', timestamp: 1, sessionId: key, data: { status: one } },
        { event: 'session.status', session_id: key, data: { status: one, session_id: '12' } },
        { event: 'session.status', status: one },
      ])
        expect(eventOf(body)).toMatchObject({ kind: 'account_status', status, providerAccountId: null });
  });

  it.each([{}, { data: null }, { data: { status: 5 } }, { data: [] }])('without a word moves nothing: %j', (body) =>
    expect(eventOf({ event: 'session.status', ...body })).toMatchObject({
      type: 'session.status.unknown',
      status: 'unknown',
    }),
  );
});

describe('SECURITY 4: the key that events carry', () => {
  it.each([
    { event: 'session.status', sessionId: key, data: { status: 'connected' } },
    { event: 'session.status', session_id: key, data: {} },
    { sessionid: key, event: 'messages.update', data: { note: `again ${key}` } },
    { event: 'messages.update', data: { sessionId: key, text: 'kept' } },
  ])('is blotted out wherever it stands: %j', (body) => {
    expect(kept(body)).not.toContain(key);
    expect(JSON.parse(kept(body))).toHaveProperty('event', body.event);
    expect(JSON.stringify(eventOf(body))).not.toContain(key);
  });

  const json = JSON.stringify({ sessionId: key, event: 'x' });
  it.each([
    ['broken JSON', `{"sessionId" : "${key}", broken`],
    ['broken JSON with escapes', `{"session\\u0049d" : "${key}", broken`],
    ['a list', JSON.stringify([{ sessionId: key }])],
    ['a form', `event=x&sessionId=${key}&note=again%20${key}`],
    ['a form with escapes', `event=x&session%49d=${key}`],
    ['a form that holds JSON', new URLSearchParams({ event: 'x', payload: json }).toString()],
    ['JSON inside of JSON', JSON.stringify({ event: 'x', data: json })],
    ['JSON inside of JSON inside of JSON', JSON.stringify({ event: 'x', data: JSON.stringify({ data: json }) })],
    ['an escaped name', `{"event":"x","session\\u0049d":"${key}"}`],
    ['an escaped key', `{"event":"x","sessionId":"\\u0061${key.slice(1)}","note":"${key}"}`],
    ['two fields of one name', `{"event":"x","sessionId":"${key}","sessionId":"1"}`],
    ['another name', JSON.stringify({ event: 'x', data: { apiKey: key, other: [{ api_key: key }] } })],
    ['a list of keys', JSON.stringify({ event: 'x', apiKey: [key, { value: key }] })],
    [
      'more keys than are looked for',
      JSON.stringify(Array.from({ length: 50 }, (_, n) => ({ sessionId: `${key}${n}` }))),
    ],
    ['very deep JSON', `${'{"a":'.repeat(200)}{"sessionId":"${key}"}${'}'.repeat(200)}`],
  ])('is blotted out of %s', (_name, body) => {
    expect(kept(body)).not.toContain(key);
    expect(kept(body)).not.toContain(key.slice(1));
    expect(JSON.stringify(webhooks.read(request(body)))).not.toContain(key.slice(1));
  });

  it('leaves a text of somebody who writes about sessions', () => {
    const body = JSON.stringify({ event: 'x', data: { messageBody: 'what is my sessionId or api key?' } });
    expect(kept(body)).toBe(body);
  });

  it('leaves a session’s number, and everything else, as it came', () => {
    for (const body of [
      { event: 'x', sessionId: '123456' },
      { event: 'x', data: { text: key } },
    ])
      expect(kept(body)).toBe(JSON.stringify(body));
  });

  it('does not make another event of one that was kept', () => {
    const body = { event: 'messages.update', sessionId: key, data: { update: { status: 3 } } };
    expect(eventOf(kept(body))).toEqual(eventOf(body));
  });
});

it('equal bodies are one event, others are others', () => {
  const base = { event: 'messages.received', timestamp: 1, data: { messages: { key: { id: 'a' } } } };
  const others = [
    { ...base, event: 'messages.upsert' },
    { ...base, timestamp: 2 },
    { ...base, data: {} },
  ];
  expect(eventOf(base)).toEqual(eventOf({ ...base }));
  expect(new Set([base, ...others].map((one) => eventOf(one)?.dedupeKey)).size).toBe(4);
});

/** Where WASender puts what: half of it as it should be, half of it anything. */
const inPlace = (of: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> =>
  fc.record(Object.fromEntries(Object.entries(of).map(([name, one]) => [name, fc.oneof(one, fc.jsonValue())])), {
    requiredKeys: [],
  });
const address = fc.constantFrom(
  '15550123@s.whatsapp.net',
  '900000000000001@lid',
  '1@g.us',
  'status@broadcast',
  '15550123',
);
const hostileKey = inPlace({
  id: fc.string(),
  remoteJid: address,
  fromMe: fc.boolean(),
  participant: address,
  senderPn: address,
});
const rawMessage = fc.letrec<{ message: unknown }>((tie) => ({
  message: inPlace({
    conversation: fc.string(),
    extendedTextMessage: inPlace({ text: fc.string(), contextInfo: inPlace({ stanzaId: fc.string() }) }),
    imageMessage: inPlace({ mediaKey: fc.string(), fileLength: inPlace({ low: fc.integer(), high: fc.integer() }) }),
    locationMessage: inPlace({ degreesLatitude: fc.double(), degreesLongitude: fc.double() }),
    contactMessage: inPlace({ displayName: fc.string(), vcard: fc.string() }),
    pollCreationMessage: inPlace({ name: fc.string(), options: fc.array(fc.string()) }),
    protocolMessage: inPlace({ type: fc.constantFrom(0, 14), key: hostileKey, editedMessage: tie('message') }),
    reactionMessage: inPlace({ key: hostileKey, text: fc.string() }),
    ephemeralMessage: inPlace({ message: tie('message') }),
    editedMessage: inPlace({ message: tie('message') }),
  }),
})).message;
const hostileItem = inPlace({
  key: hostileKey,
  message: rawMessage,
  messageBody: fc.string(),
  messageTimestamp: fc.double(),
  update: inPlace({ status: fc.integer(), message: rawMessage, messageStubType: fc.integer({ max: 2 }) }),
  receipt: inPlace({ userJid: address, status: fc.string(), t: fc.double() }),
  reaction: inPlace({ text: fc.string(), key: hostileKey }),
  id: address,
  subject: fc.string(),
  participants: fc.array(address),
});
const hostile = fc.oneof(
  hostileItem,
  fc.array(hostileItem),
  inPlace({ messages: hostileItem, keys: fc.array(hostileKey) }),
);

it('throws nothing, and answers whole events, for any JSON and any bytes', () => {
  const events = [
    'session.status',
    'messages.upsert',
    'messages.update',
    'contacts.upsert',
    'chats.delete',
    'x',
  ].concat([
    'message.sent',
    'messages.reaction',
    'message-receipt.update',
    'messages.delete',
    'chats.update',
    'groups.upsert',
    'group-participants.update',
  ]);
  const body = fc.oneof(
    fc.json(),
    fc.string(),
    fc
      .tuple(
        fc.constantFrom(...events),
        fc.dictionary(fc.constantFrom('data', 'sessionId', 'status', 'key', 'apiKey'), fc.jsonValue()),
      )
      .map(([event, one]) => JSON.stringify({ event, ...one })),
    fc.tuple(fc.constantFrom(...events), hostile).map(([event, data]) => JSON.stringify({ event, data })),
  );
  fc.assert(
    fc.property(body, (raw) => {
      const read = webhooks.read(request(raw));
      expect(webhooks.read(request(read.body))).toEqual(read);
      for (const event of read.events ?? []) {
        expect(event.type).toMatch(/^[\w.-]+$/);
        expect(event.providerAccountId).toBeNull();
        expectSound(event);
      }
    }),
    { numRuns: 500 },
  );
});

describe('the people whom a body speaks of', () => {
  const names = (body: unknown): string[] => {
    const people = peopleIn(webhooks.read(request(body)));
    return people === 'too_many' ? [people] : people.map(subjectName).toSorted();
  };

  it('are everybody in a message, under each of their names once', () => {
    const sender = {
      id: '3EB0EE55FF66',
      fromMe: false,
      remoteJid: '900000000000001@lid',
      senderPn: '15550123@s.whatsapp.net',
      cleanedSenderPn: '15550123',
      senderLid: '900000000000001@lid',
    };
    const messages = { key: sender, messageBody: 'On my way', message: { conversation: 'On my way' } };
    expect(names({ event: 'messages.received', timestamp: 1770109260, data: { messages } })).toEqual([
      'jid:15550123@s.whatsapp.net',
      'lid:900000000000001@lid',
    ]);
    const digits = { key: { id: 'x', remoteJid: '120363000000000001@g.us', cleanedParticipantPn: '15550124' } };
    expect(names({ event: 'messages.upsert', data: { messages: [digits, messages] } })).toEqual([
      'jid:15550123@s.whatsapp.net',
      'jid:15550124@s.whatsapp.net',
      'lid:900000000000001@lid',
    ]);
  });

  it('are entries of contacts by whatever names them', () => {
    const data = [
      { id: '33639980001@s.whatsapp.net', notify: 'Ana' },
      { jid: '33639980002', lid: '900000000000002@lid' },
      { id: '900000000000003@lid', phoneNumber: '+33 639-98-00-03' },
    ];
    expect(names({ event: 'contacts.upsert', data })).toEqual([
      'jid:33639980001@s.whatsapp.net',
      'jid:33639980002@s.whatsapp.net',
      'jid:33639980003@s.whatsapp.net',
      'lid:900000000000002@lid',
      'lid:900000000000003@lid',
    ]);
  });

  it('are also those in texts and cards, and participants of groups', () => {
    expect(names({ event: 'x', data: { text: 'ask 33639980001@c.us, waid=33639980002:' } })).toEqual([
      'jid:33639980001@s.whatsapp.net',
      'jid:33639980002@s.whatsapp.net',
    ]);
    expect(names({ event: 'group-participants.update', data: { participants: ['33639980003'] } })).toEqual([
      'jid:33639980003@s.whatsapp.net',
    ]);
  });

  it('are nobody where it tells of a group, a number of its own or a time', () =>
    expect(
      names({ event: 'x', data: { remoteJid: '120363000000000001@g.us', messageTimestamp: 1770109260, id: 12345678 } }),
    ).toEqual([]));
});

const received = {
  id: '3EB0EE55FF66',
  fromMe: false,
  remoteJid: '900000000000001@lid',
  senderPn: '15550123@s.whatsapp.net',
  cleanedSenderPn: '15550123',
};

describe('SECURITY 26: 5 MB of any message', () => {
  const many = <T>(times: number, one: T): T[] => Array.from({ length: Math.floor(times) }, () => one);
  const event = (data: unknown, type = 'messages.upsert'): string => JSON.stringify({ event: type, data });
  it.each<[string, (size: number) => string]>([
    ['messages', (size) => event({ messages: many(size / 300, { key: received, messageBody: 'Hi' }) })],
    [
      'marks on one letter',
      (size) =>
        event([{ id: received.senderPn, verifiedName: `a${'\u0301\u0316'.repeat(size / 4)}` }], 'contacts.upsert'),
    ],
    ['choices', (size) => event({ key: received, message: { pollCreationMessage: { options: many(size / 5, 'a') } } })],
    ['a card', (size) => event({ key: received, message: { contactMessage: { vcard: 'TEL:'.repeat(size / 4) } } })],
    [
      'parts of a message',
      (size) =>
        event({ key: received, message: Object.fromEntries(many(size / 25, 0).map((_one, n) => [`a${n}`, { a: n }])) }),
    ],
    ['members', (size) => event({ id: '1@g.us', participants: many(size / 30, received.senderPn) }, 'groups.update')],
  ])('is read in linear time: %s', (_name, bodyOf) => expectLinear(bodyOf, (body) => webhooks.read(request(body))));
});

describe('the signature, which is the secret itself', () => {
  const signed = (value: string | string[] | undefined) => request('{}', { 'x-webhook-signature': value });

  it('is shown as it came', () => expect(shownProof(webhooks, signed('s').headers)).toBe('s'));

  it.each([[undefined], [''], [['new', 'new']]])('is none as %j', (value) =>
    expect(shownProof(webhooks, signed(value).headers)).toBeNull(),
  );
});

describe('P6: what the sandbox delivers', () => {
  let world: WasenderSandbox;
  let receiver: Receiver;
  let here: ProviderCall;
  beforeAll(async () => {
    world = await startWasenderSandbox();
  });
  beforeEach(async () => {
    await world.control('POST', '/reset');
    receiver = await startReceiver();
    const asked = callTo(world.wasenderUrl, { webhookAddress: receiver.url });
    here = callAfter(world, await login.begin(asked, inputFor('+33639980001')));
    await world.control('POST', '/scan', { session: here.providerAccountId });
  });
  afterEach(() => receiver.close());
  afterAll(() => world?.close());

  const read = ({ headers, text }: Received) => {
    const one = request(text, headers);
    expect(shownProof(webhooks, headers)).toBe(here.keys?.webhookSecret);
    return webhooks.read(one).events ?? [];
  };
  const variants: [string, unknown][] = [
    ['webhook_session_id', 'documented'],
    ['webhook_session_id', 'all'],
    ['webhook_session_id', 'none'],
    ['webhook_timestamp', 'seconds'],
    ['webhook_timestamp', 'milliseconds'],
    ['session_status_id', true],
    ['status_case', 'upper'],
    ['field_case', 'snake'],
    ['field_case', 'camel'],
  ];

  it.each(variants)('is read with %s %s, without a key', async (name, value) => {
    await world.variant(name, value);
    const session = here.providerAccountId;
    for (const status of ['connecting', 'connected', 'logged_out'])
      await world.control('POST', '/drop', { session, status });
    const told = await receiver.until(4, ({ body }) => body.event === 'session.status');
    expect(told.flatMap(read).map((one) => one.kind === 'account_status' && one.status)).toEqual([
      'linked',
      'degraded',
      'linked',
      'login_lost',
    ]);
    for (const { text } of told) expect(kept(text)).not.toContain(here.keys?.apiKey);
  });

  it.each([
    ['upsert_messages', 'object'],
    ['update_shape', 'array'],
    ['update_status', 'words'],
    ['contacts_shape', 'object'],
  ])('are messages, receipts and contacts, also with %s %s, a repeat being the same', async (name, value) => {
    await world.variant(name, value);
    await world.control('PUT', '/faults', { provider: 'wasender', webhook_duplicate: 1 });
    const session = here.providerAccountId;
    await world.control('POST', '/messages', { session, from: '+33639980002', text: 'Hello' });
    const own = await world.control('POST', '/messages', { session, chat: '+33639980002', from: 'me', text: 'Hi' });
    const message_id = own.body.messages?.[0]?.message_id;
    await world.control('POST', '/receipts', { session, message_id, status: 'read' });
    await world.control('PATCH', '/address-book', { session, change: 0.2 });
    const kinds = ['messages.received', 'messages.upsert', 'messages.update', 'contacts.update'];
    for (const kind of kinds) {
      const twice = await receiver.until(2, ({ body }) => body.event === kind);
      expect(new Set(twice.flatMap(read).map((one) => one.type))).toEqual(new Set([kind]));
      expect(read(twice[0] as Received)[0]?.dedupeKey).toMatch(new RegExp(`^${kind}:`));
    }
  });
});
