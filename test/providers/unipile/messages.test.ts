import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { MessageRef, OutgoingMessage, ProviderCall, UnknownSend } from '../../../providers/provider.ts';
import { unipile } from '../../../providers/unipile/index.ts';
import { startTestSandbox, type TestSandbox } from '../../sandbox/test-sandbox.ts';
import { callTo, failureOf } from './peer.ts';

const { messages, conversations } = unipile;

let world: TestSandbox;
let here: ProviderCall;
beforeAll(async () => {
  world = await startTestSandbox();
});
beforeEach(async () => {
  await world.control('POST', '/reset');
  const account = await world.whatsapp('+33639980001');
  here = callTo(world.unipileUrl, { channel: 'whatsapp', providerAccountId: account });
});
afterAll(() => world?.close());

const friend = '+33639981234';
const jid = '33639981234@s.whatsapp.net';
const to = { kind: 'phone', phone: friend } as const;
const toChat = { kind: 'conversation', keys: [jid] } as const;
const send = (message: OutgoingMessage, call = here) => messages.send(call, message);

const receive = async (text: string): Promise<MessageRef> => {
  const { body } = await world.control('POST', '/messages', { account_id: here.providerAccountId, from: friend, text });
  const [{ message_id: id, provider_message_id: providerId }] = body.messages;
  return { keys: [providerId, id], conversationKeys: [jid, body.chat_id] };
};

const history = async () => (await conversations.messages(here, [jid], null)).items;

async function linkedinCall(): Promise<ProviderCall> {
  const credentials = { provider: 'LINKEDIN', username: 'plain@a.test', password: 'correct horse' };
  const { body } = await world.unipile('POST', '/accounts', credentials);
  return callTo(world.unipileUrl, { channel: 'linkedin', providerAccountId: body.account_id });
}

describe('a message', () => {
  it('to a number begins a conversation, and goes on with it', async () => {
    const first = await send({ to, text: 'Hello 👋' });
    const second = await send({ to: { kind: 'conversation', keys: first.conversationKeys }, text: 'Again' });
    const third = await send({ to: toChat, text: 'And again' });
    expect(first.conversationKeys).toEqual([expect.stringMatching(/^[\w-]{22}$/), jid]);
    expect([second, third].map(({ conversationKeys: [chat] }) => chat)).toEqual([
      first.conversationKeys[0],
      first.conversationKeys[0],
    ]);
    expect((await history()).map(({ keys, text, direction }) => [keys[0], text, direction])).toEqual([
      [third.keys[0], 'And again', 'out'],
      [second.keys[0], 'Again', 'out'],
      [first.keys[0], 'Hello 👋', 'out'],
    ]);
  });

  it('has its files as they are, a text beside them', async () => {
    const bytes = new Blob(['%PDF-1.7'], { type: 'application/pdf' });
    const sound = new Blob(['sound'], { type: 'audio/ogg' });
    await send({
      to,
      text: 'See',
      attachments: [
        { kind: 'document', bytes, fileName: 'the menu (1).pdf' },
        { kind: 'audio', bytes: sound, voice: true },
      ],
    });
    expect((await history())[0]).toMatchObject({
      text: 'See',
      attachments: [
        { kind: 'document', fileName: 'the menu (1).pdf', mimeType: 'application/pdf', size: 8 },
        { kind: 'audio', mimeType: 'audio/ogg', size: 5, voice: true },
      ],
    });
  });

  it('answers another one', async () => {
    const asked = await receive('When?');
    await send({ to: toChat, text: 'At nine', replyTo: asked });
    expect((await history())[0]).toMatchObject({ text: 'At nine', quotedKey: asked.keys[0] });
  });

  it('has no id where UniPile tells none', async () => {
    await world.control('PUT', '/variants', { provider: 'unipile', name: 'null_message_id', value: true });
    expect(await send({ to: toChat, text: 'Hello' }).catch(() => null)).toBeNull();
    expect((await send({ to, text: 'Hello' })).keys).toEqual([]);
  });

  it('is found with both of its ids', async () => {
    const sent = await send({ to, text: 'Hello' });
    const seen = await messages.one(here, sent);
    expect(seen).toMatchObject({ keys: [sent.keys[0], expect.stringMatching(/^3EB0/)], status: 'sent' });
    expect(await messages.one(here, { keys: ['no-such'], conversationKeys: [] })).toBeNull();
    const other = { ...here, providerAccountId: await world.whatsapp('+33639980777') };
    expect(await messages.one(other, sent)).toBeNull();
  });

  it('that came in is marked as read, and its conversation with it', async () => {
    const message = await receive('Hello');
    expect(await conversations.one(here, [jid])).toMatchObject({ unreadCount: 1 });
    await messages.markRead(here, message);
    expect(await conversations.one(here, [jid])).toMatchObject({ unreadCount: 0 });
  });

  it('to several people makes a group', async () => {
    const people = ['+33639981234', '+33639981235'].map((phone) => ({ kind: 'phone', phone }) as const);
    const sent = await messages.startConversation(here, { to: people, text: 'Hello all' });
    expect(await conversations.one(here, sent.conversationKeys)).toMatchObject({ kind: 'group' });
  });

  it('reaches people on LinkedIn by id and by handle', async () => {
    const call = await linkedinCall();
    const { body } = await world.unipile('GET', `/chat_attendees?account_id=${call.providerAccountId}&limit=1`);
    const [{ provider_id: id, profile_url: profile }] = body.items;
    const byId = await send({ to: { kind: 'identity', id }, text: 'Hello' }, call);
    const byHandle = await send({ to: { kind: 'handle', handle: profile.split('/').at(-1) }, text: 'Hello' }, call);
    expect(byHandle.conversationKeys).toEqual(byId.conversationKeys);
    expect(await failureOf(send({ to: { kind: 'handle', handle: 'no-one' }, text: 'Hi' }, call))).toMatchObject({
      code: 'not_found',
    });
  });

  it('shows typing before, on WhatsApp alone', async () => {
    const bodies: string[] = [];
    const server = createServer((request, response) => {
      let text = '';
      request.setEncoding('latin1').on('data', (part: string) => (text += part));
      request.on('end', () => {
        bodies.push(text);
        response.setHeader('content-type', 'application/json').end('{"object":"MessageSent","message_id":"m"}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const dsn = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const chat = { kind: 'conversation', keys: ['Y2hhdF9udW1iZXJfb25lX1'] } as const;
    for (const channel of ['whatsapp', 'telegram'] as const)
      await send({ to: chat, text: 'Hello', typingMs: 1500.4 }, callTo(dsn, { channel }));
    server.close();
    const typing = bodies.map((body) => /name="typing_duration"\r\n\r\n(\d+)\r\n/.exec(body)?.[1]);
    expect(typing).toEqual(['1500', undefined]);
  });
});

describe('what cannot be sent', () => {
  it.each<[string, OutgoingMessage]>([
    ['nothing', { to }],
    ['70,000 characters', { to, text: 'a'.repeat(70_000) }],
    [
      'a caption that is too long',
      { to, text: 'a'.repeat(1_025), attachments: [{ kind: 'image', bytes: new Blob(['a']) }] },
    ],
    [
      'a file that is too large',
      { to, attachments: [{ kind: 'image', bytes: new Blob([new Uint8Array(26_214_401)]) }] },
    ],
    ['a sticker', { to, attachments: [{ kind: 'sticker', bytes: new Blob(['a']) }] }],
    [
      'a reply to a person without their conversation',
      { to, text: 'Hi', replyTo: { keys: ['a'], conversationKeys: [] } },
    ],
    ['to nobody', { to: { kind: 'identity', id: ' ' }, text: 'Hello' }],
    ['to what is no person', { to: { kind: 'identity', id: 'Ana' }, text: 'Hello' }],
  ])('%s is refused, and nothing goes out', async (_what, message) => {
    expect(await failureOf(send(message))).toMatchObject({ code: 'request_refused', effect: 'none' });
    const { body } = await world.unipile('GET', `/messages?account_id=${here.providerAccountId}&limit=1`);
    expect(body.items[0].is_sender === 1 && body.items[0].text === message.text).toBe(false);
  });

  it('a conversation that is unknown is not found', async () => {
    const keys = ['33639985555@s.whatsapp.net'];
    expect(await failureOf(send({ to: { kind: 'conversation', keys }, text: 'Hi' }))).toMatchObject({
      code: 'not_found',
      effect: 'none',
    });
    const noOne = messages.startConversation(here, { to: [], text: 'Hi' });
    expect(await failureOf(noOne)).toMatchObject({ code: 'request_refused' });
  });

  it('by mail is not supported, and a number reaches nobody on LinkedIn', async () => {
    expect(await failureOf(send({ to, text: 'Hi' }, { ...here, channel: 'mail' }))).toMatchObject({
      code: 'unsupported',
    });
    expect(await failureOf(send({ to, text: 'Hi' }, { ...here, channel: 'linkedin' }))).toMatchObject({
      code: 'request_refused',
    });
  });

  it('is a lost login while the account is away, and unknown when the answer is an error of the server', async () => {
    await receive('Hello');
    await world.control('PUT', '/faults', {
      provider: 'unipile',
      route: 'POST /api/v1/chats/:id/messages',
      rate_500: 1,
    });
    expect(await failureOf(send({ to: toChat, text: 'One' }))).toMatchObject({
      code: 'provider_unavailable',
      effect: 'unknown',
    });
    await world.control('PUT', '/faults', { provider: 'unipile' });
    await world.control('POST', '/drop', { account_id: here.providerAccountId, status: 'CREDENTIALS' });
    expect(await failureOf(send({ to: toChat, text: 'Two' }))).toMatchObject({ code: 'login_lost', effect: 'none' });
  });
});

describe('a message whose outcome is unknown', () => {
  const text = 'Hello\nyou ';
  const inChat: OutgoingMessage = { to: toChat, text };
  const toPerson: OutgoingMessage = { to, text };

  /** Asks long after the call. */
  const find = (message: OutgoingMessage, more: Partial<UnknownSend> & { now?: number } = {}, call = here) => {
    const since = more.since ?? Date.now() - 1_000;
    const now = more.now ?? since + 600_000;
    return messages.findSent({ ...call, now }, message, { since, endedAt: since + 60_000, known: [], ...more });
  };
  const unclear = { outcome: 'unclear', checkAgainAt: null };

  it.each([
    ['in a conversation', inChat, 'POST /api/v1/chats/:id/messages'],
    ['to a person', toPerson, 'POST /api/v1/chats'],
  ])('%s is found with its ids where UniPile took it and the answer was lost', async (_, message, route) => {
    await receive('Before');
    await world.control('PUT', '/faults', { provider: 'unipile', route, after_effect: 1, times: 1 });
    expect((await failureOf(send(message))).effect).toBe('unknown');
    const sent = (await history())[0]!;
    expect(await find(message)).toEqual({
      outcome: 'found',
      message: { keys: sent.keys, conversationKeys: sent.conversationKeys },
      status: 'sent',
      sentAt: sent.sentAt,
    });
  });

  it.each([
    ['in a conversation', inChat],
    ['to a person', toPerson],
  ])('%s was certainly not sent where nothing shows, once there was time for it', async (_, message) => {
    await receive(text);
    await send({ to: { kind: 'phone', phone: '+33639989999' }, text });
    expect(await find(message)).toEqual({ outcome: 'not_sent' });
    const since = Date.now();
    expect(await find(message, { since, now: since + 61_000 })).toEqual({
      outcome: 'unclear',
      checkAgainAt: since + 90_000,
    });
  });

  it('is none of those that are known', async () => {
    const { keys } = await send(toPerson);
    expect(await find(toPerson, { known: keys })).toEqual({ outcome: 'not_sent' });
    expect(await find(inChat, { known: keys })).toEqual({ outcome: 'not_sent' });
  });

  it('is the earliest of two that are equal', async () => {
    const first = await send(toPerson);
    await send(toPerson);
    expect(await find(inChat)).toMatchObject({
      outcome: 'found',
      message: { keys: expect.arrayContaining(first.keys) },
    });
  });

  it('is unclear where an equal one is older, and where another one was written since', async () => {
    const { keys } = await send(toPerson);
    expect(await find(inChat, { since: Date.now() + 60_000 })).toEqual(unclear);
    await world.control('POST', '/messages', {
      account_id: here.providerAccountId,
      from: 'me',
      chat: jid,
      text: 'Hello, you',
    });
    expect(await find(inChat, { known: keys })).toEqual(unclear);
    expect(await find(toPerson, { known: keys })).toEqual(unclear);
  });

  it('is unclear while the account is not connected', async () => {
    await receive('Before');
    await world.control('POST', '/drop', { account_id: here.providerAccountId, status: 'CREDENTIALS' });
    expect(await find(inChat)).toEqual(unclear);
  });

  it('is unclear where a hidden number and a LID stand against each other', async () => {
    await send({ to: { kind: 'identity', id: '900000000000001@lid' }, text });
    expect(await find(toPerson)).toEqual(unclear);
  });

  it('to several people is found in the group that it made', async () => {
    const people = ['+33639981234', '+33639981235'].map((phone) => ({ kind: 'phone', phone }) as const);
    await send({ ...toPerson });
    const sent = await messages.startConversation(here, { to: people, text });
    const since = Date.now() - 1_000;
    const lookup = { since, endedAt: since, known: [] };
    const call = { ...here, now: since + 600_000 };
    expect(await messages.findSent(call, { to: people, text }, lookup)).toMatchObject({
      outcome: 'found',
      message: { keys: expect.arrayContaining(sent.keys) },
    });
    const others = [people[0]!, { kind: 'phone', phone: '+33639981236' } as const];
    expect(await messages.findSent(call, { to: others, text }, lookup)).toEqual({ outcome: 'not_sent' });
  });

  it('is told by its file where it has no text', async () => {
    const image: OutgoingMessage = {
      to,
      attachments: [{ kind: 'image', bytes: new Blob(['a'], { type: 'image/png' }) }],
    };
    const { keys } = await send(image);
    expect(await find(image)).toMatchObject({ outcome: 'found', message: { keys: expect.arrayContaining(keys) } });
  });

  it('is unclear beside another file without a text, which may have been sent from the phone', async () => {
    await receive('Before');
    const file = { file_name: 'b.png', mimetype: 'image/png', size: 5_000 };
    const { status } = await world.control('POST', '/messages', {
      account_id: here.providerAccountId,
      from: 'me',
      chat: jid,
      attachments: [file],
    });
    expect(status).toBe(200);
    const image: OutgoingMessage = {
      to,
      attachments: [{ kind: 'image', bytes: new Blob(['a'], { type: 'image/png' }) }],
    };
    expect(await find(image)).toEqual(unclear);
    expect(await find({ ...image, to: toChat })).toEqual(unclear);
  });

  it('on LinkedIn is waited for longer, and found by its recipient', async () => {
    const call = await linkedinCall();
    const { body } = await world.unipile('GET', `/chat_attendees?account_id=${call.providerAccountId}&limit=2`);
    const [one, two] = body.items.map(({ provider_id: id }: { provider_id: string }) => ({ kind: 'identity', id }));
    await send({ to: one, text }, call);
    expect(await find({ to: one, text }, {}, call)).toMatchObject({ outcome: 'found' });
    const since = Date.now() - 1_000;
    expect(await find({ to: two, text }, { since, now: since + 100_000 }, call)).toEqual({
      outcome: 'unclear',
      checkAgainAt: since + 180_000,
    });
  });
});
