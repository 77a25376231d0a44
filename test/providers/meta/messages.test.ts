import type { MessageRef, OutgoingMessage, ProviderCall, UnknownSend } from '../../../providers/provider.ts';
import { meta } from '../../../providers/meta/index.ts';
import {
  startMetaReceiver,
  startMetaSandbox,
  type ConnectedPage,
  type MetaSandbox,
} from '../../sandbox/meta-sandbox.ts';
import { failureOf } from '../unipile/peer.ts';
import { instagramCall, instagramLoginCall, messengerCall, whatsappCall, write, type Written } from './inbox.ts';
import { reference } from './events.ts';

const { messages, conversations } = meta;

let world: MetaSandbox;
let page: ConnectedPage;
beforeAll(async () => {
  world = await startMetaSandbox();
});
beforeEach(async () => {
  await world.control('POST', '/reset');
  page = await world.page('plain@a.test');
});
afterAll(() => world?.close());

const picture = new Blob([Buffer.from('89504e470d0a1a0a', 'hex')], { type: 'image/png' });
const hours = (count: number) => world.later(count * 3_600);

describe.each<[string, () => Promise<ProviderCall> | ProviderCall]>([
  ['Messenger', () => messengerCall(world, page)],
  ['Instagram through a Page', () => instagramCall(world, page)],
  ['Instagram by its own login', () => instagramLoginCall(world)],
])('%s', (_name, connect) => {
  let call: ProviderCall;
  let ana: Written;
  beforeEach(async () => {
    call = await connect();
    ana = await write(world, call);
  });

  const to = () => ({ kind: 'conversation', keys: [ana.person] }) as const;
  const send = (message: Omit<OutgoingMessage, 'to'>) => messages.send(call, { to: to(), ...message });
  const newest = async () => (await conversations.messages(call, [ana.person], null)).items[0]!;
  const first = (): MessageRef => ({ keys: [ana.messages[0]!], conversationKeys: [ana.person] });

  it('a text goes to the person, by their id or by the thread', async () => {
    const sent = await send({ text: 'Hello 👋' });
    expect(sent).toEqual({ keys: [expect.any(String)], conversationKeys: [ana.person] });
    expect(await newest()).toMatchObject({ keys: sent.keys, text: 'Hello 👋', direction: 'out' });
    for (const keys of [[ana.thread], [ana.thread, ana.person]]) {
      const other = await messages.send(call, { to: { kind: 'conversation', keys }, text: 'Again' });
      expect(other.conversationKeys).toEqual([ana.person]);
    }
    const third = await messages.send(call, { to: { kind: 'identity', id: ana.person }, text: 'Third' });
    expect(third.conversationKeys).toEqual([ana.person]);
  });

  it('files are uploaded, and sent by their ids', async () => {
    await send({ attachments: [{ kind: 'image', bytes: picture, fileName: 'a.png' }] });
    expect(await newest()).toMatchObject({
      text: null,
      attachments: [{ kind: 'image', mimeType: 'image/png', size: 8 }],
    });
    expect(await failureOf(send({ text: 'See', attachments: [{ kind: 'image', bytes: picture }] }))).toMatchObject({
      code: 'request_refused',
      effect: 'none',
    });
  });

  it('answers another message, and offers answers to choose from', async () => {
    await send({ text: 'At nine', replyTo: first(), quickReplies: [{ title: 'Yes', payload: 'Y' }, { title: 'No' }] });
    expect(await newest()).toMatchObject({ text: 'At nine', quotedKey: ana.messages[0] });
  });

  it('reactions, read marks and typing are shown', async () => {
    await messages.react(call, first(), '❤️');
    await messages.react(call, first(), null);
    await messages.markRead(call, first());
    for (const activity of ['writing', 'recording', 'stopped'] as const) await messages.typing!(call, to(), activity);
    const calls = (await world.control('GET', '/calls')).body as { route: string; count: number }[];
    expect(calls.find(({ route }) => route === '/:node/messages')?.count).toBe(6);
  });

  it('once the window has closed only this message fails, and a tag is the way out for seven days', async () => {
    await hours(25);
    expect(await failureOf(send({ text: 'Too late' }))).toMatchObject({ code: 'window_closed', effect: 'none' });
    const sent = await send({ text: 'As a human', tag: 'HUMAN_AGENT' });
    expect(sent.keys).toHaveLength(1);
    await hours(24 * 7);
    expect(await failureOf(send({ text: 'Much too late', tag: 'HUMAN_AGENT' }))).toMatchObject({
      code: 'window_closed',
    });
    expect(await failureOf(send({ text: 'a', tag: 'ACCOUNT_UPDATE' }))).toMatchObject({ code: 'request_refused' });
  });

  it('people who never wrote are not reached', async () => {
    const unknown = { kind: 'identity', id: '5500000000000000' } as const;
    expect(await failureOf(messages.send(call, { to: unknown, text: 'Hi' }))).toMatchObject({
      code: 'recipient_unreachable',
    });
    for (const other of [
      { kind: 'phone', phone: '+33639980001' },
      { kind: 'handle', handle: 'ana' },
    ] as const)
      expect(await failureOf(messages.send(call, { to: other, text: 'Hi' }))).toMatchObject({
        code: 'request_refused',
      });
  });

  describe('after a lost answer', () => {
    const unknown = (more: Partial<UnknownSend> = {}): UnknownSend => ({
      since: Date.now() - 2_000,
      endedAt: Date.now(),
      known: [],
      ...more,
    });
    const find = (text: string, more: Partial<UnknownSend> = {}, now = Date.now()) =>
      messages.findSent({ ...call, now }, { to: to(), text }, unknown(more));

    it('the conversation shows whether the message was sent', async () => {
      const sent = await send({ text: 'Sent' });
      expect(await find('Sent')).toMatchObject({ outcome: 'found', message: { keys: sent.keys } });
      // One that is known to be another one is not it.
      expect(await find('Sent', { known: sent.keys }, Date.now() + 120_000)).toEqual({ outcome: 'not_sent' });
    });

    it('that it is not there proves something after a while', async () => {
      expect(await find('Not sent')).toEqual({ outcome: 'unclear', checkAgainAt: expect.any(Number) });
      expect(await find('Not sent', {}, Date.now() + 120_000)).toEqual({ outcome: 'not_sent' });
    });

    it('nothing is certain where another message since may be it, or not all can be read', async () => {
      await send({ text: 'Another text' });
      expect(await find('Not sent', {}, Date.now() + 120_000)).toEqual({ outcome: 'unclear', checkAgainAt: null });
      await world.control('POST', '/messages', {
        account_id: call.providerAccountId,
        from: 'Ana',
        text: 'a',
        count: 30,
      });
      expect(await find('Sent', {}, Date.now() + 120_000)).toEqual({ outcome: 'unclear', checkAgainAt: null });
    });
  });
});

describe('Messenger', () => {
  it('echoes bring our reference back', async () => {
    const call = messengerCall(world, page);
    const ana = await write(world, call);
    const receiver = await startMetaReceiver();
    await world.listen(receiver, page);
    const sent = await messages.send(call, { to: { kind: 'conversation', keys: [ana.person] }, text: 'Hi', reference });
    const [{ text } = { text: '' }] = await receiver.until(1);
    await receiver.close();
    const { events } = meta.webhooks.read({ raw: Buffer.from(text), headers: {} });
    expect(events).toMatchObject([{ kind: 'message', message: { keys: [...sent.keys, reference], direction: 'out' } }]);
  });
});

describe('WhatsApp', () => {
  let call: ProviderCall;
  let ana: Written;
  const phone = '27820000001';
  beforeEach(async () => {
    call = whatsappCall(world);
    ana = await write(world, call, { from: `+${phone}` });
  });

  const to = { kind: 'phone', phone: `+${phone}` } as const;
  const jid = `${phone}@s.whatsapp.net`;
  const shown = async (): Promise<any[]> => {
    const chats = (await world.control('GET', `/conversations?account_id=${call.providerAccountId}`)).body;
    return chats.find((one: any) => one.chat_id === ana.thread).messages;
  };
  const last = async () => (await shown()).at(-1);
  const template = { name: 'order_update', language: 'en', header: [], body: [], buttons: [] };

  it('a text goes to a number, and tells every id of the person', async () => {
    const sent = await messages.send(call, { to, text: 'Hello 👋' });
    expect(sent).toEqual({ keys: [expect.stringMatching(/^wamid\./)], conversationKeys: [ana.person, jid] });
    expect(await last()).toMatchObject({ text: 'Hello 👋', message_id: sent.keys[0] });
  });

  it.each<[string, () => readonly string[]]>([
    ['by number', () => [jid]],
    ['by business-scoped id', () => [ana.person]],
    ['by both', () => [ana.person, jid]],
  ])('a conversation is named %s', async (_name, keys) => {
    const sent = await messages.send(call, { to: { kind: 'conversation', keys: keys() }, text: 'Hi' });
    expect(sent.conversationKeys).toContain(ana.person);
    expect((await last()).text).toBe('Hi');
  });

  it('files are uploaded, with their text and name', async () => {
    const bytes = new Blob(['%PDF-1.7'], { type: 'application/pdf' });
    await messages.send(call, { to, text: 'See', attachments: [{ kind: 'document', bytes, fileName: 'menu.pdf' }] });
    expect((await last()).text).toBe('See');
    await messages.send(call, { to, attachments: [{ kind: 'image', bytes: picture }] });
    const large = new Blob([Buffer.alloc(6 * 1024 * 1024)], { type: 'image/png' });
    expect(await failureOf(messages.send(call, { to, attachments: [{ kind: 'image', bytes: large }] }))).toMatchObject({
      code: 'request_refused',
      effect: 'none',
    });
  });

  it('answers another one, offers answers, and reacts', async () => {
    const replyTo = { keys: [ana.messages[0]!], conversationKeys: [ana.person] };
    await messages.send(call, { to, text: 'At nine', replyTo });
    await messages.send(call, { to, text: 'Nine?', quickReplies: [{ title: 'Yes', payload: 'Y' }, { title: 'No' }] });
    expect((await last()).text).toBe('Nine?');
    await messages.react(call, replyTo, '👍');
    const asked = async () => (await shown()).find((one: any) => one.message_id === ana.messages[0]).reactions;
    expect(await asked()).toEqual([{ from: null, value: '👍' }]);
    await messages.react(call, replyTo, null);
    expect(await asked()).toEqual([]);
  });

  it('marks messages as read, and shows typing under one', async () => {
    const message = { keys: [ana.messages[0]!], conversationKeys: [ana.person] };
    await messages.markRead(call, message);
    await messages.typing!(call, { kind: 'conversation', keys: [ana.person] }, 'writing', message);
    await messages.typing!(call, { kind: 'conversation', keys: [ana.person] }, 'stopped', message);
    const alone = messages.typing!(call, { kind: 'conversation', keys: [ana.person] }, 'writing');
    expect(await failureOf(alone)).toMatchObject({ code: 'request_refused' });
  });

  it('templates are read, and sent with their parameters at any time', async () => {
    expect(await messages.template(call, 'hello_world', 'en_US')).toMatchObject({
      isApproved: true,
      header: { text: 'Hello World' },
      buttons: [],
    });
    expect(await messages.template(call, 'order_update', 'en')).toMatchObject({
      body: { text: 'Hi {{1}}, your order {{2}} is on its way.' },
      buttons: [
        { label: 'Thanks', takes: { text: '' } },
        { label: 'Track', takes: { text: 'https://orders.example/{{1}}' } },
      ],
    });
    expect(await messages.template(call, 'old_offer', 'en')).toMatchObject({ isApproved: false, status: 'paused' });
    expect(await messages.template(call, 'new_menu', 'en')).toMatchObject({ header: { file: 'image' } });
    expect(await messages.template(call, 'hello_world', 'fr')).toBeNull();
    await hours(48);
    await messages.send(call, { to, template: { ...template, name: 'hello_world', language: 'en_US' } });
    const body = [{ text: 'Ana' }, { text: '7' }];
    await messages.send(call, { to, template: { ...template, body, buttons: [{ index: 1, text: 'abc' }] } });
    expect((await last()).text).toContain('Hi Ana, your order 7 is on its way.');
    const named = [
      { name: 'day', text: 'Monday' },
      { name: 'first_name', text: 'Ana' },
    ];
    await messages.send(call, { to, template: { ...template, name: 'appointment', body: named } });
    expect((await last()).text).toContain('Hi Ana, see you on Monday.');
    const file = [{ kind: 'image', bytes: picture } as const];
    await messages.send(call, { to, template: { ...template, name: 'new_menu' }, attachments: file });
    for (const wrong of [
      { ...template, name: 'nothing' },
      { ...template, body: [{ text: 'a' }] },
      { ...template, name: 'old_offer' },
    ])
      expect(await failureOf(messages.send(call, { to, template: wrong }))).toMatchObject({ code: 'template_refused' });
  });

  it('once the window has closed only this message fails', async () => {
    await hours(25);
    expect(await failureOf(messages.send(call, { to, text: 'Too late' }))).toMatchObject({
      code: 'window_closed',
      effect: 'none',
    });
    const late = { kind: 'phone', phone: '+15550000047' } as const;
    expect(await failureOf(messages.send(call, { to: late, text: 'Too late' }))).toMatchObject({
      code: 'window_closed',
    });
  });

  it('statuses bring our reference back, and a failed one tells why', async () => {
    const receiver = await startMetaReceiver();
    await world.listen(receiver, null);
    const sent = await messages.send(call, { to, text: 'Hi', reference });
    await world.control('POST', '/receipts', {
      account_id: call.providerAccountId,
      message_id: sent.keys[0],
      status: 'failed',
      error: { code: 131_049 },
    });
    const isFailed = ({ content }: { content: any }) => content.kind === 'receipt' && content.status === 'failed';
    const told = async () =>
      receiver.received
        .flatMap(({ text }) => meta.webhooks.read({ raw: Buffer.from(text), headers: {} }).events ?? [])
        .map((content) => ({ content }));
    for (let n = 1; !(await told()).some(isFailed); n += 1) await receiver.until(n);
    await receiver.close();
    const receipts = (await told()).map(({ content }) => content);
    for (const one of receipts) expect(one).toMatchObject({ kind: 'receipt', messageKeys: [sent.keys[0], reference] });
    expect(receipts.at(-1)).toMatchObject({ failure: { reason: 'message_held_back' } });
  });

  it('of a lost answer nothing is certain', async () => {
    const unknown = { since: Date.now(), endedAt: Date.now(), known: [] };
    expect(await messages.findSent(call, { to, text: 'Hi' }, unknown)).toEqual({
      outcome: 'unclear',
      checkAgainAt: null,
    });
  });

  it('names that are none are refused before a call', async () => {
    const wrong = [
      { kind: 'handle', handle: 'ana' },
      { kind: 'conversation', keys: [] },
    ] as const;
    for (const one of wrong)
      expect(await failureOf(messages.send(call, { to: one, text: 'Hi' }))).toMatchObject({ code: 'request_refused' });
  });
});
