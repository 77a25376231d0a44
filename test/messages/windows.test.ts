import { ProviderFailure } from '../../domain/failures.ts';
import type { TemplateOutline } from '../../domain/message-templates.ts';
import type { SeenMessage } from '../../domain/seen-messages.ts';
import type { OutgoingMessage } from '../../providers/contract/messages.ts';
import { applyFacts } from '../../services/messages/apply-facts.ts';
import type { Fact } from '../../services/messages/facts.ts';
import { runSql } from '../support/run-sql.ts';
import { createUpstream, providersWith, startSending, type Sending } from './sending.ts';

const hourMs = 3_600_000;
const outline: TemplateOutline = {
  name: 'order',
  language: 'en_US',
  isApproved: true,
  status: 'approved',
  header: null,
  body: { text: 'Hello {{1}}, your {{2}} is ready.' },
  buttons: [],
};

let sending: Sending;
let account: { id: string; tenantId: string };
let handed: OutgoingMessage[] = [];
let asked: string[] = [];
let isDown = false;
/** Runs after the provider has looked for a message. */
let afterLook: () => Promise<unknown> = () => Promise.resolve();
beforeAll(async () => {
  const upstream = createUpstream();
  const installed = providersWith(upstream);
  const wasender = installed['wasender']!;
  const messages = wasender.messages!;
  const providers = {
    ...installed,
    wasender: {
      ...wasender,
      messages: {
        ...messages,
        capabilities: {
          whatsapp: {
            ...messages.capabilities.whatsapp!,
            templates: true,
            quickReplies: { most: 3, titleLimit: 20 },
            window: { hours: 24, wayOut: { template: true, tags: [{ name: 'HUMAN_AGENT', hours: 168 }] } },
          },
        } as const,
        findSent: async (...asked: Parameters<typeof messages.findSent>) => {
          const found = await messages.findSent(...asked);
          await afterLook();
          return found;
        },
        template: (_call: unknown, name: string, language: string) => {
          asked.push(name);
          if (isDown) return Promise.reject(new ProviderFailure('provider_unavailable', 'No answer.'));
          return Promise.resolve(name === outline.name && language === outline.language ? outline : null);
        },
      },
    },
  };
  sending = await startSending({ upstream, parts: { providers } });
  account = await sending.account();
});
afterAll(() => sending?.stop());
beforeEach(() => {
  handed = [];
  asked = [];
  isDown = false;
  afterLook = () => Promise.resolve();
  Object.assign(sending.upstream, {
    plan: [],
    keepsList: true,
    during: (message: OutgoingMessage) => {
      handed.push(message);
      return Promise.resolve();
    },
  });
});

let people = 0;
/** A number that nothing was written to yet. */
const newPerson = (): string => `+3363998${String((people += 1)).padStart(4, '0')}`;
const keyOf = (phone: string): string => `${phone.slice(1)}@s.whatsapp.net`;
const now = (): number => sending.context.clock.now().getTime();

const tell = (told: Fact['told']): Promise<unknown> =>
  sending.context.db.system((em) => {
    const { id: accountId, tenantId } = account;
    const fact: Fact = { accountId, tenantId, teller: 'signed', isLive: true, receivedAt: now(), told };
    return applyFacts(em, sending.context.vault, [fact], sending.context.clock.now());
  });

let written = 0;
/** The person writes, and the conversation's id. */
async function receive(phone: string, more: Partial<SeenMessage> = {}): Promise<string> {
  const key = keyOf(phone);
  const sender = { keys: [key], name: null, phone, isSelf: false, pictureUrl: null, pictureSource: null };
  await tell({
    kind: 'message',
    message: {
      keys: [`in-${(written += 1)}`],
      conversationKeys: [key],
      direction: 'in',
      sender,
      text: 'Hi',
      sentAt: now(),
      status: null,
      deleted: false,
      quotedKey: null,
      attachments: [],
      reactions: [],
      ...more,
    },
    conversation: { keys: [key], kind: 'person', attendees: [sender] },
  });
  const [row] = await sending.context.db.system((em) =>
    runSql<{ id: string }>(
      em,
      "select target_id as id from provider_keys where account_id = ? and kind = 'conversation' and key = ?",
      [account.id, key],
    ),
  );
  return row!.id;
}

const post = (conversation: string, body: object): Promise<any> =>
  sending.api.client.post(`/api/v1/conversations/${conversation}/messages`, body);
const windowOf = async (conversation: string): Promise<any> =>
  (await sending.api.client.get(`/api/v1/conversations/${conversation}`)).body.window;
const count = async (): Promise<number> =>
  (await sending.context.db.system((em) => runSql<any>(em, 'select count(*)::int as n from messages')))[0].n;

describe('the window of a conversation', () => {
  it('is shown, and what comes too late is refused before it is saved, with the way out', async () => {
    const conversation = await receive(newPerson());
    const opened = now();
    const until = (await windowOf(conversation)).open_until;
    expect(await windowOf(conversation)).toEqual({ is_open: true, open_until: until });
    expect(Math.abs(Date.parse(until) - opened - 24 * hourMs)).toBeLessThan(10_000);
    expect((await post(conversation, { text: 'In time' })).status).toBe(202);
    const later = new Date(now() + 30 * hourMs).toISOString();
    expect((await post(conversation, { text: 'Later', send_at: later })).body).toMatchObject({ code: 'window_closed' });
    await sending.drain(account);

    sending.api.clock.advance(25 * hourMs);
    expect(await windowOf(conversation)).toEqual({ is_open: false, open_until: until });
    const before = await count();
    const { status, body } = await post(conversation, { text: 'Too late' });
    expect([status, body.code]).toEqual([409, 'window_closed']);
    expect(body.detail).toContain(until);
    expect(body.fix).toMatch(/template at any time.*HUMAN_AGENT/);
    expect(await count()).toBe(before);
    const people = await sending.api.client.post('/api/v1/messages', {
      account: account.id,
      recipients: [(await receiverOf(conversation)) ?? ''],
      text: 'Too late',
    });
    expect([people.status, people.body.code]).toEqual([409, 'window_closed']);

    expect((await post(conversation, { text: 'As a human', tag: 'HUMAN_AGENT' })).status).toBe(202);
    sending.api.clock.advance(24 * 6 * hourMs);
    expect((await post(conversation, { text: 'As a human', tag: 'HUMAN_AGENT' })).body.code).toBe('window_closed');
    const template = { name: 'order', language: 'en_US', parameters: ['Ana', 'coffee'] };
    expect((await post(conversation, { template })).status).toBe(202);
    await sending.drain(account);
    expect(handed.map(({ text, tag }) => [text, tag])).toEqual([
      ['In time', undefined],
      ['As a human', 'HUMAN_AGENT'],
      [undefined, undefined],
    ]);
  });

  const receiverOf = async (conversation: string): Promise<string | undefined> =>
    (await sending.api.client.get(`/api/v1/conversations/${conversation}`)).body.attendee;

  it('opens anew with what the person does, and never by what the account writes', async () => {
    const phone = newPerson();
    const conversation = await receive(phone);
    sending.api.clock.advance(25 * hourMs);
    await receive(phone, { direction: 'out', status: 'sent' });
    expect(await windowOf(conversation)).toMatchObject({ is_open: false });
    await tell({
      kind: 'conversation',
      conversation: { keys: [keyOf(phone)], kind: 'person', lastActionAt: now() },
      at: now(),
    });
    expect(await windowOf(conversation)).toMatchObject({ is_open: true });
  });

  it('that is not known leaves it to the provider, whose refusal ends this message alone', async () => {
    const [first, second] = [newPerson(), newPerson()];
    const refusal = new ProviderFailure('window_closed', 'Meta answered error 131047.');
    sending.upstream.plan = [refusal, 'ok'];
    const late = await sending.send(account.id, 'Refused', { recipients: [first] });
    expect(await windowOf(late.conversation)).toEqual({ is_open: null, open_until: null });
    const other = await sending.send(account.id, 'To another', { recipients: [second] });
    expect(await sending.drain(account)).toMatchObject({ sent: 1, failed: 1 });
    const { body } = await sending.api.client.get(`/api/v1/messages/${late.id}`);
    expect(body).toMatchObject({
      status: 'failed',
      send: { state: 'failed', reason: 'window_closed', what_to_do: expect.stringContaining('template') },
    });
    expect(await sending.message(other.id)).toMatchObject({ status: 'sent' });
    const { body: shown } = await sending.api.client.get(`/api/v1/accounts/${account.id}`);
    expect(shown.state).toBe('active');
  });
});

describe('a template', () => {
  const send = async (template: object, more: object = {}): Promise<any> =>
    post(await receive(newPerson()), { template, ...more });
  const good = { name: 'order', language: 'en_US', parameters: ['Ana', 'coffee'] };

  it('is saved with the text that the person reads, and handed over as a template', async () => {
    const { status, body } = await send(good);
    expect([status, body.text]).toEqual([202, 'Hello Ana, your coffee is ready.']);
    expect(body.send.template).toEqual({ name: 'order', language: 'en_US' });
    await sending.drain(account);
    expect(handed).toMatchObject([
      {
        template: {
          name: 'order',
          language: 'en_US',
          header: [],
          body: [{ text: 'Ana' }, { text: 'coffee' }],
          buttons: [],
        },
      },
    ]);
    expect(handed[0]).not.toHaveProperty('text');
    expect((await send({ ...good, language: { code: 'en_US' } })).status).toBe(202);
  });

  it('is asked for once for many messages', async () => {
    for (let n = 0; n < 5; n += 1) expect((await send(good)).status).toBe(202);
    expect(asked.length).toBeLessThanOrEqual(1);
    await sending.drain(account);
  });

  it.each<[string, object, object, string]>([
    ['that does not exist', { ...good, name: 'nothing' }, {}, 'template'],
    ['in another language', { ...good, language: 'fr' }, {}, 'template'],
    ['with too few parameters', { ...good, parameters: ['Ana'] }, {}, 'template.body'],
    ['with a header that it has not', { ...good, header: ['1'] }, {}, 'template.header'],
    ['with a button that it has not', { ...good, buttons: [{ index: 0, text: 'a' }] }, {}, 'template.buttons'],
  ])('%s is refused by its field, and nothing is saved', async (_, template, more, field) => {
    const conversation = await receive(newPerson());
    const before = await count();
    const { status, body } = await post(conversation, { template, ...more });
    expect([status, body.code, body.errors?.[0]?.field]).toEqual([422, 'invalid_request', field]);
    expect(await count()).toBe(before);
  });

  it('with a text beside it is refused', async () =>
    expect((await send(good, { text: 'Hi' })).body).toMatchObject({ code: 'invalid_request' }));

  it('whose provider does not answer is judged by the provider later', async () => {
    isDown = true;
    sending.upstream.plan = [new ProviderFailure('template_refused', 'Meta answered error 132001.')];
    const { status, body } = await send({ ...good, name: 'unseen' });
    expect([status, body.text]).toEqual([202, null]);
    await sending.drain(account);
    expect(await sending.message(body.id)).toMatchObject({ status: 'failed', reason: 'template_refused' });
  });
});

it('quick replies go with the text, as many as the channel takes', async () => {
  const conversation = await receive(newPerson());
  const replies = [{ title: 'Yes', payload: 'Y' }, { title: 'No' }];
  const { status, body } = await post(conversation, { text: 'Nine?', quick_replies: replies });
  expect([status, body.send.quick_replies]).toEqual([202, replies]);
  await sending.drain(account);
  expect(handed[0]).toMatchObject({ text: 'Nine?', quickReplies: replies });
  const many = { text: 'Nine?', quick_replies: ['a', 'b', 'c', 'd'].map((title) => ({ title })) };
  expect((await post(conversation, many)).body).toMatchObject({ code: 'invalid_request' });
});

describe('our reference of a message', () => {
  const restMs = 600_000;

  it('tells what became of a send whose answer was lost, whoever else sends the same', async () => {
    Object.assign(sending.upstream, { plan: ['lost'], keepsList: false });
    const phone = newPerson();
    const message = await sending.send(account.id, 'Lost', { recipients: [phone] });
    await sending.drain(account);
    const [{ reference }] = handed as [OutgoingMessage];
    expect(reference).toBe(`patchbay:${message.id}`);
    await tell({
      kind: 'effect',
      messageKeys: ['wamid.lost', reference ?? ''],
      effect: { kind: 'status', status: 'sent', by: null, at: now() },
    });
    const before = sending.upstream.calls;
    for (let n = 0; n < 3; n += 1) {
      sending.api.clock.advance(restMs);
      await sending.drain(account);
    }
    expect(await sending.message(message.id)).toMatchObject({
      status: 'sent',
      state: 'sent',
      provider_message_id: 'wamid.lost',
    });
    expect(sending.upstream.calls).toBe(before);
  });

  it('keeps a message that was thought absent from being sent twice', async () => {
    Object.assign(sending.upstream, { plan: ['cut'] });
    const phone = newPerson();
    const message = await sending.send(account.id, 'Late echo', { recipients: [phone] });
    await sending.drain(account);
    const [{ reference }] = handed as [OutgoingMessage];
    const before = sending.upstream.calls;
    // The provider's list did not show it, so that it is queued again; now its echo comes.
    afterLook = () =>
      receive(phone, {
        keys: ['wamid.echo', reference ?? ''],
        direction: 'out',
        status: 'sent',
        text: 'Late echo',
        sender: null,
      });
    sending.api.clock.advance(restMs);
    await sending.drain(account);
    expect(sending.upstream.calls).toBe(before);
    expect(await sending.message(message.id)).toMatchObject({ state: 'sent', provider_message_id: 'wamid.echo' });
  });
});

it('a failure that the provider tells of a message that it took is shown with its reason', async () => {
  const message = await sending.send(account.id, 'Undeliverable', { recipients: [newPerson()] });
  await sending.drain(account);
  const { provider_message_id: key } = await sending.message(message.id);
  const failure = { reason: 'recipient_unreachable', detail: 'Meta told error 131026.' } as const;
  const pricing = { billable: false, model: 'PMP', type: 'regular', category: 'service' };
  await tell({
    kind: 'effect',
    messageKeys: [key],
    effect: { kind: 'status', status: 'failed', by: null, at: now(), failure, pricing },
  });
  const { body } = await sending.api.client.get(`/api/v1/messages/${message.id}`);
  expect(body).toMatchObject({
    status: 'failed',
    failure: { reason: 'recipient_unreachable', detail: failure.detail, what_to_do: expect.any(String) },
    pricing,
    send: { state: 'sent' },
  });
});
