import { eventually } from '../support/eventually.ts';
import { startReceiver, walk, type Answer, type Receiver } from './test-sandbox.ts';
import { startWasenderSandbox, type WasenderSandbox } from './wasender-sandbox.ts';

const EVENTS = [
  'message_received',
  'message_read',
  'message_delivered',
  'message_reaction',
  'message_edited',
  'message_deleted',
];
const SHARES = { duplicates: 0.2, disorder: 0.2, loss: 0.1, malformed: 0.1 };

describe('the writer', () => {
  let sandbox: WasenderSandbox;
  let receiver: Receiver;

  beforeEach(async () => {
    sandbox = await startWasenderSandbox();
    receiver = await startReceiver();
    await sandbox.control('PUT', '/variants', { provider: 'unipile', name: 'webhook_retry_base_seconds', value: 0.01 });
  });
  afterEach(async () => {
    await sandbox.close();
    await receiver.close();
  });

  const connected = async (): Promise<string> => {
    const account = await sandbox.whatsapp('33639980001');
    await sandbox.unipile('POST', '/webhooks', { source: 'messaging', request_url: receiver.url, events: EVENTS });
    return account;
  };
  const written = async (ref: object, fields: object): Promise<Answer['body']> => {
    expect((await sandbox.control('POST', '/writer', { ...ref, ...fields })).body).toMatchObject({ error: null });
    const show = async (): Promise<Answer['body']> => (await sandbox.control('GET', '/writer?events=true')).body;
    await eventually('the writer to finish', async () => (await show()).state === 'done');
    const shown = await show();
    expect(shown.error).toBeNull();
    return shown;
  };
  /** Without ids and times, which differ between accounts. */
  const shape = ({ conversations, webhooks }: Answer['body']): unknown => [
    webhooks,
    conversations.map((one: Answer['body']) => [
      one.unread,
      one.messages.map(({ text, status, edited, deleted, reactions }: Answer['body']) => {
        return [text, status, edited, deleted, reactions];
      }),
    ]),
  ];

  it('writes the same for the same seed, and something else for another', async () => {
    const account_id = await connected();
    const other = await sandbox.whatsapp('33639980001');
    const first = shape(await written({ account_id }, { count: 150, seed: 7, ...SHARES }));
    expect(shape(await written({ account_id: other }, { count: 150, seed: 7, ...SHARES }))).toEqual(first);
    const third = await sandbox.whatsapp('33639980001');
    expect(shape(await written({ account_id: third }, { count: 150, seed: 8, ...SHARES }))).not.toEqual(first);
  });

  it('sends events twice, late, never, and broken, and reports each', async () => {
    const account_id = await connected();
    const { events, webhooks } = await written({ account_id }, { count: 300, seed: 1, ...SHARES });
    expect(events).toHaveLength(300);
    expect(events.filter(({ chat_id }: Answer['body']) => chat_id === null)).toEqual([]);
    expect(new Set(events.map((one: Answer['body']) => one.kind))).toEqual(
      new Set(['group', 'message', 'own_message', 'receipt', 'reaction', 'edit', 'delete']),
    );
    const sent = events.flatMap((one: Answer['body']) => one.webhooks);
    expect(webhooks).toMatchObject({ all: 300, acknowledged: 300 - webhooks.lost, failed: 0 });
    for (const name of ['lost', 'twice', 'malformed']) expect(webhooks[name]).toBeGreaterThan(10);
    const copies = sent.reduce((sum: number, one: Answer['body']) => sum + one.copies, 0);
    expect(receiver.received).toHaveLength(copies + webhooks.malformed);
    const good = receiver.received.map(({ body }) => body).filter((body) => body?.message_id?.length > 0);
    expect(good).toHaveLength(copies);
    const arrived = new Set(good.map((body) => `${body.event} ${body.message_id}`));
    for (const { kind, message_id, webhooks: own } of events) {
      if (kind === 'message' && own[0].lost) expect(arrived).not.toContain(`message_received ${message_id}`);
    }
    const times = good.map((body) => Date.parse(body.timestamp));
    expect(times).not.toEqual(times.toSorted((a, b) => a - b));
  });

  it('keeps in UniPile’s history what its webhooks lost', async () => {
    const account_id = await connected();
    const { conversations } = await written({ account_id }, { count: 200, seed: 3, loss: 0.5, conversations: 4 });
    expect(conversations).toHaveLength(4);
    for (const one of conversations) {
      const history = (await walk(sandbox, `/chats/${one.chat_id}/messages?limit=50`)).items;
      const people = history.filter((message) => message.is_event === 0).toReversed();
      expect(people.map(({ id, text, edited }) => [id, text, edited])).toEqual(
        one.messages.map(({ message_id, text, edited }: Answer['body']) => [message_id, text, edited ? 1 : 0]),
      );
      const { unread_count, type } = (await sandbox.unipile('GET', `/chats/${one.chat_id}`)).body;
      expect([unread_count, type === 1]).toEqual([one.unread, one.group]);
    }
  });

  it('sends all that is needed for the true state, in any order, with repeats, to a receiver that fails now and then', async () => {
    const account_id = await connected();
    // Five failures: less than the tries of one delivery.
    receiver.answers.push(503, 200, 503, 200, 503, 200, 503, 200, 503);
    const fields = { count: 300, seed: 5, duplicates: 0.3, disorder: 0.5, malformed: 0.1 };
    const { conversations, webhooks } = await written({ account_id }, fields);
    expect(webhooks.acknowledged).toBe(webhooks.all);

    const texts = new Map<string, string | null>();
    const reactions = new Map<string, Map<string, string>>();
    const bodies = receiver.received.map(({ body }) => body).filter((body) => body?.message_id?.length > 0);
    for (const body of bodies.toSorted((a, b) => Date.parse(a.timestamp) - Date.parse(b.timestamp))) {
      const { event, message_id } = body;
      if (body.is_event === 1) continue;
      if (['message_received', 'message_edited', 'message_deleted'].includes(event))
        texts.set(message_id, body.message);
      if (event !== 'message_reaction') continue;
      const own = reactions.get(message_id) ?? new Map<string, string>();
      reactions.set(message_id, own);
      own.delete(body.reaction_sender.attendee_provider_id);
      if (body.reaction !== '') own.set(body.reaction_sender.attendee_provider_id, body.reaction);
    }
    const owner = '33639980001@s.whatsapp.net';
    for (const message of conversations.flatMap((one: Answer['body']) => one.messages)) {
      expect([message.message_id, texts.get(message.message_id)]).toEqual([message.message_id, message.text]);
      const given = message.reactions.map(({ from, value }: Answer['body']) => [from ?? owner, value]);
      expect([...(reactions.get(message.message_id) ?? [])]).toEqual(given);
    }
    expect(texts.size).toBe(conversations.flatMap((one: Answer['body']) => one.messages).length);
  });

  it('writes nothing while as many webhooks wait as it may have', async () => {
    const account_id = await connected();
    await sandbox.control('PUT', '/variants', { provider: 'unipile', name: 'webhook_retry_base_seconds', value: 900 });
    receiver.answers.push(503, 503, 503, 503, 503);
    await sandbox.control('POST', '/writer', { account_id, count: 50, groups: 0, waiting: 5 });
    const stopped = await eventually('five failures', async () => {
      const { body } = await sandbox.control('GET', '/writer');
      return receiver.received.length >= 5 && body.webhooks.most_tries === 1 && body;
    });
    expect(stopped).toMatchObject({ state: 'writing', written: 5, webhooks: { acknowledged: 0, waiting: 5 } });
    expect(receiver.received).toHaveLength(5);
  });

  it('writes at a rate, for a WASender session too', async () => {
    const webhook_events = ['messages.upsert', 'messages.update', 'messages.delete', 'messages.reaction'];
    const session = await sandbox.linked({ webhook_url: receiver.url, webhook_enabled: true, webhook_events });
    const shown = await written({ session: session.id }, { count: 100, rate: 1000, seed: 2, ...SHARES });
    expect(shown.webhooks.acknowledged).toBe(shown.webhooks.all - shown.webhooks.lost);
    const upserted = receiver.received.flatMap(({ body }) => body?.data?.messages ?? []).map((one) => one.key?.id);
    const known = shown.conversations.flatMap((one: Answer['body']) => one.messages);
    const lost = shown.events.filter(({ kind, webhooks }: Answer['body']) => {
      return kind.endsWith('message') && webhooks[0].lost;
    });
    expect(new Set(upserted.filter((id) => typeof id === 'string')).size).toBe(known.length - lost.length);
  });

  it.each([
    [{}, 400, /account_id or session/],
    [{ account_id: 'nobody' }, 404, /nobody/],
    [{ account_id: 'nobody', loss: 2 }, 400, /loss/],
  ])('describes the error of POST /writer %j', async (body, status, error) => {
    const answer = await sandbox.control('POST', '/writer', body);
    expect([answer.status, answer.body.error]).toEqual([status, expect.stringMatching(error)]);
    expect((await sandbox.control('GET', '/writer')).status).toBe(404);
  });
});
