import { form, startReceiver, startTestSandbox, walk, type Receiver, type TestSandbox } from './test-sandbox.ts';

describe('webhooks of the UniPile sandbox', () => {
  let sandbox: TestSandbox;
  let receiver: Receiver;
  let account_id: string;

  beforeEach(async () => {
    sandbox = await startTestSandbox();
    receiver = await startReceiver();
    account_id = await sandbox.whatsapp('33639980001');
  });
  afterEach(async () => {
    await sandbox.close();
    await receiver.close();
  });

  const register = (extra: object = {}): Promise<unknown> =>
    sandbox.unipile('POST', '/webhooks', { source: 'messaging', request_url: receiver.url, name: 'inbox', ...extra });
  const write = (
    text: string,
    extra: object = {},
  ): Promise<{ body: { chat_id: string; messages: { message_id: string }[] } }> =>
    sandbox.control('POST', '/messages', { account_id, from: '+33 6 39 98 00 02', name: 'Bo', text, ...extra });

  it('sends a message as JSON under a form’s content type, with the registered headers', async () => {
    await register({ headers: [{ key: 'Unipile-Auth', value: 'secret' }] });
    const { body } = await write('Hello');
    const [one] = await receiver.until(1);
    expect(one!.headers).toMatchObject({
      'unipile-auth': 'secret',
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(one!.body).toMatchObject({
      event: 'message_received',
      webhook_name: 'inbox',
      account_id,
      account_type: 'WHATSAPP',
      account_info: { type: 'WHATSAPP', phone_number: '+33639980001' },
      chat_id: body.chat_id,
      message_id: body.messages[0]!.message_id,
      message: 'Hello',
      sender: {
        attendee_name: 'Bo',
        attendee_provider_id: '33639980002@s.whatsapp.net',
        attendee_specifics: { provider: 'WHATSAPP', phone_number: '+33639980002' },
      },
      is_sender: false,
      is_group: false,
    });
    const stored = (await sandbox.unipile('GET', `/messages/${one!.body.message_id}`)).body;
    expect(stored).toMatchObject({ text: 'Hello', chat_id: body.chat_id, provider_id: one!.body.provider_message_id });
  });

  it('sends JSON as JSON when the registered headers declare it', async () => {
    await register({ headers: [{ key: 'Content-Type', value: 'application/json' }] });
    await write('Hello');
    expect((await receiver.until(1))[0]!.headers['content-type']).toBe('application/json');
  });

  it('renames fields as registered, and can send a real form', async () => {
    await register({ format: 'form', data: [{ name: 'body', key: 'message' }] });
    await write('Hello there');
    const fields = new URLSearchParams((await receiver.until(1))[0]!.text);
    expect([fields.get('body'), fields.get('message'), fields.get('is_sender')]).toEqual([
      'Hello there',
      null,
      'false',
    ]);
  });

  it('echoes own messages, sent by API or from the phone', async () => {
    await register();
    const [chat] = (await walk(sandbox, '/chats')).items;
    await sandbox.unipile('POST', `/chats/${chat.id}/messages`, form({ text: 'by API' }));
    await sandbox.control('POST', '/messages', { account_id, chat: chat.id, from: 'me', text: 'by phone' });
    const received = await receiver.until(2);
    expect(received.map(({ body }) => [body.message, body.is_sender, body.chat_id])).toEqual([
      ['by API', true, chat.id],
      ['by phone', true, chat.id],
    ]);
  });

  it('retries with growing delays until the answer is 200', async () => {
    await sandbox.control('PUT', '/variants', { provider: 'unipile', name: 'webhook_retry_base_seconds', value: 0.01 });
    receiver.answers.push(500, 204, 302);
    await register();
    await write('Hello');
    const received = await receiver.until(4);
    expect(new Set(received.map(({ text }) => text)).size).toBe(1);
  });

  it('gives up after five retries', async () => {
    await sandbox.control('PUT', '/variants', {
      provider: 'unipile',
      name: 'webhook_retry_base_seconds',
      value: 0.001,
    });
    receiver.answers.push(...Array.from({ length: 10 }, () => 500));
    await register();
    await write('Hello');
    await receiver.until(6);
    await expect(settled(sandbox)).resolves.toMatchObject([{ state: 'failed', tries: [500, 500, 500, 500, 500, 500] }]);
  });

  it('calls every matching webhook, and only for its accounts', async () => {
    const other = await sandbox.whatsapp();
    await register({ name: 'all' });
    await register({ name: 'one', account_ids: [account_id] });
    await register({ name: 'off', enabled: false });
    await sandbox.control('POST', '/messages', { account_id: other, from: '33639980002', text: 'other' });
    await write('mine');
    const received = await receiver.until(3);
    expect(received.map(({ body }) => `${body.webhook_name} ${body.message}`).toSorted()).toEqual([
      'all mine',
      'all other',
      'one mine',
    ]);
  });

  it('sends receipts and reactions to webhooks that registered for them', async () => {
    await register({ name: 'received' });
    await register({ name: 'all', events: ['message_read', 'message_delivered', 'message_reaction'] });
    const [chat] = (await walk(sandbox, '/chats')).items;
    const { message_id } = (await sandbox.unipile('POST', `/chats/${chat.id}/messages`, form({ text: 'Hi' }))).body;
    await sandbox.control('POST', '/receipts', { account_id, message_id, status: 'delivered' });
    await sandbox.control('POST', '/receipts', { account_id, message_id, status: 'read' });
    await sandbox.control('POST', '/reactions', {
      account_id,
      message_id,
      from: chat.attendee_provider_id,
      value: '👍',
    });
    const received = await receiver.until(4);
    expect(received.map(({ body }) => `${body.webhook_name} ${body.event}`).toSorted()).toEqual([
      'all message_delivered',
      'all message_reaction',
      'all message_read',
      'received message_received',
    ]);
    expect((await sandbox.unipile('GET', `/messages/${message_id}`)).body).toMatchObject({
      seen: 1,
      delivered: 1,
      reactions: [{ value: '👍', is_sender: false }],
    });
  });

  it('keeps events while the account is disconnected, and delivers them after the reconnect', async () => {
    await register();
    await sandbox.control('POST', '/drop', { account_id, status: 'CREDENTIALS' });
    expect(
      (await sandbox.control('POST', '/messages', { account_id, from: '33639980002', text: 'missed' })).body.waiting,
    ).toBe(true);
    const [newest] = (await sandbox.unipile('GET', '/messages?limit=1')).body.items;
    expect(newest.text).not.toBe('missed');
    await sandbox.unipile('POST', `/accounts/${account_id}`, { provider: 'WHATSAPP' });
    await sandbox.control('POST', '/scan', { account_id });
    expect((await receiver.until(1))[0]!.body.message).toBe('missed');
  });

  it('drops, doubles and reorders deliveries by fault', async () => {
    await register();
    const faults = (rule: object): Promise<unknown> =>
      sandbox.control('PUT', '/faults', { provider: 'unipile', ...rule });
    await faults({ webhook_drop: 1, times: 1 });
    await write('dropped');
    await faults({ webhook_duplicate: 1, times: 1 });
    await write('doubled');
    await faults({});
    await write('last');
    await receiver.until(3);
    expect(receiver.received.map(({ body }) => body.message)).toEqual(['doubled', 'doubled', 'last']);

    await faults({ webhook_reorder: 1 });
    await write('late', { count: 20 });
    const late = await receiver.until(20, ({ body }) => body.message.startsWith('late'));
    const order = late.map(({ body }) => Number(body.message.slice(5)));
    expect(order).not.toEqual(order.toSorted((a, b) => a - b));
    expect(new Set(order).size).toBe(20);
  });
});

/** The deliveries, once all have ended. */
async function settled(sandbox: TestSandbox): Promise<object[]> {
  for (;;) {
    const { body } = await sandbox.control('GET', '/deliveries');
    if (body.every((one: { state: string }) => one.state !== 'waiting')) return body;
  }
}
