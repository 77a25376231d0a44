import { eventually } from '../support/eventually.ts';
import {
  ALL_FIELDS,
  APP,
  APP_TOKEN,
  signatureOf,
  startMetaReceiver,
  startMetaSandbox,
  WHATSAPP,
  type ConnectedPage,
  type MetaReceiver,
  type MetaSandbox,
} from './meta-sandbox.ts';

const HOUR = 3600;

describe("webhooks of Meta's sandbox", () => {
  let sandbox: MetaSandbox;
  let page: ConnectedPage;
  let receiver: MetaReceiver;
  beforeEach(async () => {
    sandbox = await startMetaSandbox();
    receiver = await startMetaReceiver();
    page = await sandbox.page('plain@a.test');
    await sandbox.listen(receiver, page);
    await sandbox.graph('POST', `/${WHATSAPP.waba}/subscribed_apps`, WHATSAPP.token);
  });
  afterEach(async () => {
    await sandbox.close();
    await receiver.close();
  });

  const control = async (path: string, body: object, method = 'POST'): Promise<any> => {
    const answer = await sandbox.control(method, path, body);
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    return answer.body;
  };
  const write = (account_id: string, more = {}) =>
    control('/messages', { account_id, from: 'zanele', text: 'Hello', ...more });
  const items = async (count: number): Promise<any[]> => {
    await eventually('the items', () => Promise.resolve(receiver.items().length >= count));
    return receiver.items();
  };
  const deliveries = async (): Promise<any[]> => (await sandbox.control('GET', '/deliveries')).body;

  it('are signed over the bytes, with sha256 and with sha1', async () => {
    await write(page.id, { text: 'Ça marche / 👍' });
    const [{ headers, text }] = (await receiver.until(1)) as [any];
    expect(headers['x-hub-signature-256']).toBe(signatureOf(text));
    expect(headers['x-hub-signature']).toBe(signatureOf(text, 'sha1'));
    expect(headers['x-hub-signature-256']).toMatch(/^sha256=[0-9a-f]{64}$/);
  });

  it.each([
    ['documented', true, false],
    ['all', true, true],
    ['none', false, false],
  ])('escape by variant %s: Messenger %s, WhatsApp %s', async (value, messenger, whatsapp) => {
    await sandbox.variant('webhook_escape', value);
    const text = 'Ça / 👍';
    await write(page.id, { text });
    await receiver.until(1);
    await write(WHATSAPP.number, { from: '27820000001', text });
    const [first, second] = (await receiver.until(2)) as any[];
    const isEscaped = (body: string): boolean => body.includes('\\u00c7a \\/ \\ud83d\\udc4d');
    expect([isEscaped(first.text), isEscaped(second.text)]).toEqual([messenger, whatsapp]);
    expect(first.body.entry[0].messaging[0].message.text).toBe(text);
    expect(signatureOf(first.text)).toBe(first.headers['x-hub-signature-256']);
  });

  it('Messenger: message, echo, edit, reaction, delivery, read and postback', async () => {
    const { chat_id, messages } = await write(page.id, { attachments: [{ mimetype: 'image/png' }] });
    const mid = messages[0].message_id;
    const own = await control('/messages', { account_id: page.id, own: true, chat: chat_id, text: 'From the inbox' });
    const ownMid = own.messages[0].message_id;
    await control('/messages', { account_id: page.id, edit: mid, text: 'Hello again' });
    await control('/reactions', { account_id: page.id, message_id: ownMid, value: '❤️' });
    await control('/reactions', { account_id: page.id, message_id: ownMid, value: '' });
    for (const status of ['delivered', 'read'])
      await control('/receipts', { account_id: page.id, message_id: ownMid, status });
    await control(
      '/chats',
      { account_id: page.id, chat: chat_id, postback: { title: 'Start', payload: 'START' } },
      'PATCH',
    );
    await control('/messages', { account_id: page.id, delete: mid });
    const [message, echo, edit, react, unreact, delivered, read, postback, ...more] = (await items(8)).map(
      ({ item }) => item,
    );
    expect(more).toEqual([]);
    expect(message).toMatchObject({
      sender: { id: expect.stringMatching(/^55\d{14}$/) },
      recipient: { id: page.id },
      message: {
        mid,
        text: 'Hello',
        attachments: [{ type: 'image', payload: { url: expect.stringMatching(/^http/) } }],
      },
    });
    expect(echo).toMatchObject({
      sender: { id: page.id },
      message: { mid: ownMid, is_echo: true, app_id: '263902037430900' },
    });
    expect(edit.message_edit).toEqual({ mid, text: 'Hello again', num_edit: 1 });
    expect(react.reaction).toEqual({ mid: ownMid, action: 'react', reaction: 'love', emoji: '❤️' });
    expect(unreact.reaction).toEqual({ mid: ownMid, action: 'unreact' });
    expect(delivered).toEqual({
      sender: message.sender,
      recipient: { id: page.id },
      delivery: { mids: [ownMid], watermark: expect.any(Number) },
    });
    expect(read.read).toEqual({ watermark: delivered.delivery.watermark });
    expect(postback.postback).toEqual({ mid: expect.any(String), title: 'Start', payload: 'START' });
  });

  it('Instagram: what differs', async () => {
    const account = page.instagram!;
    const { chat_id, messages } = await write(account);
    const mid = messages[0].message_id;
    const own = await control('/messages', { account_id: account, own: true, chat: chat_id, text: 'Own' });
    const ownMid = own.messages[0].message_id;
    await control('/messages', { account_id: account, edit: mid, text: 'Again' });
    await control('/receipts', { account_id: account, message_id: ownMid, status: 'read' });
    await control('/messages', { account_id: account, delete: mid });
    const all = await items(5);
    expect(all.every(({ object, entry }) => object === 'instagram' && entry === account)).toBe(true);
    const [, echo, edit, read, unsend] = all.map(({ item }) => item);
    expect(echo.message).toEqual({ mid: ownMid, is_echo: true, text: 'Own' });
    expect(edit.message_edit).toEqual({ mid, text: 'Again', num_edit: '1' });
    expect(read.read).toEqual({ mid: ownMid });
    expect(unsend.message).toEqual({ mid, is_deleted: true });
  });

  it('WhatsApp: text, file, reaction, edit and revoke, with both ids of the person', async () => {
    const from = '27820000001';
    const account_id = WHATSAPP.number;
    const { messages } = await write(account_id, { from, name: 'Zanele', attachments: [{ mimetype: 'image/png' }] });
    const id = messages[0].message_id;
    await control('/reactions', { account_id, message_id: id, value: '👍' });
    await control('/messages', { account_id, edit: id, text: 'Again' });
    await control('/messages', { account_id, delete: id });
    const [first, ...rest] = (await items(4)).map(({ item }) => item.value);
    expect(first).toMatchObject({
      messaging_product: 'whatsapp',
      metadata: { display_phone_number: '27110000001', phone_number_id: WHATSAPP.number },
      contacts: [{ profile: { name: 'Zanele' }, wa_id: from, user_id: expect.stringMatching(/^ZA\.\d{17}$/) }],
      messages: [
        { from, id, type: 'image', image: { caption: 'Hello', mime_type: 'image/png', id: expect.any(String) } },
      ],
    });
    expect(rest.map(({ messages: [message] }) => message.type)).toEqual(['reaction', 'edit', 'revoke']);
    const media = await sandbox.graph('GET', `/${first.messages[0].image.id}`, WHATSAPP.token);
    expect(media.body.sha256).toBe(first.messages[0].image.sha256);
  });

  it('WhatsApp: a failed status with its error', async () => {
    await write(WHATSAPP.number, { from: '27820000001' });
    const sent = await sandbox.graph('POST', `/${WHATSAPP.number}/messages`, WHATSAPP.token, {
      messaging_product: 'whatsapp',
      to: '+27820000001',
      text: { body: 'Hello' },
    });
    await control('/receipts', {
      account_id: WHATSAPP.number,
      message_id: sent.body.messages[0].id,
      status: 'failed',
      error: { code: 131049, title: 'Held back' },
    });
    const last = (await items(3)).at(-1).item.value;
    expect(last).not.toHaveProperty('contacts');
    expect(last.statuses[0]).toMatchObject({ status: 'failed', errors: [{ code: 131049, title: 'Held back' }] });
  });

  it('go to the apps that are subscribed, with the fields that both asked for', async () => {
    await sandbox.graph('POST', `/${page.id}/subscribed_apps`, page.token, { subscribed_fields: 'messages' });
    await write(page.id, { own: true });
    await write(page.id);
    expect((await items(1)).map(({ item }) => item.message.is_echo)).toEqual([undefined]);
    await sandbox.graph('DELETE', `/${page.id}/subscribed_apps`, page.token);
    await write(page.id);
    await write(page.instagram!);
    expect(receiver.items()).toHaveLength(1);
    expect((await deliveries()).length).toBe(1);
  });

  it("a WhatsApp account's own address goes before the app's, a number's before both, after the challenge", async () => {
    const own = await startMetaReceiver('other-token');
    const wrong = { override_callback_uri: own.url, verify_token: 'wrong' };
    const path = `/${WHATSAPP.waba}/subscribed_apps`;
    expect((await sandbox.graph('POST', path, WHATSAPP.token, wrong)).body.error.code).toBe(2200);
    await sandbox.graph('POST', path, WHATSAPP.token, { ...wrong, verify_token: 'other-token' });
    await write(WHATSAPP.number, { from: '27820000001' });
    await own.until(1);
    const webhook_configuration = { override_callback_uri: receiver.url, verify_token: receiver.verifyToken };
    await sandbox.graph('POST', `/${WHATSAPP.number}`, WHATSAPP.token, { webhook_configuration });
    expect(receiver.received).toEqual([]);
    await write(WHATSAPP.number, { from: '27820000001' });
    await receiver.until(1);
    expect(own.received).toHaveLength(1);
    await own.close();
  });

  it('come in batches of up to a thousand, and one after the other otherwise', async () => {
    await sandbox.variant('webhook_batch', 1000);
    await write(page.id, { count: 2500 });
    const all = await items(2500);
    expect(receiver.received.map(({ body }) => body.entry[0].messaging.length)).toEqual([1000, 1000, 500]);
    expect(all.map(({ item }) => item.message.text)).toEqual(Array.from({ length: 2500 }, (_, n) => `Hello ${n + 1}`));
    await sandbox.variant('webhook_batch', 1);
    await write(WHATSAPP.number, { from: '27820000001', count: 3 });
    await receiver.until(6);
  });

  it('any signed body can be sent: several accounts in one request, broken ones', async () => {
    const body = {
      object: 'page',
      entry: [
        { id: '1', messaging: [] },
        { id: page.id, time: 1, messaging: [{ unknown: {} }] },
      ],
    };
    expect(await control('/webhooks', { account_id: page.id, body })).toEqual({ sent: 1 });
    await control('/webhooks', { account_id: page.id, body: '{"object":"page","entry":' });
    const [first, second] = (await receiver.until(2)) as any[];
    expect(JSON.parse(first.text)).toEqual(body);
    expect(second.headers['x-hub-signature-256']).toBe(signatureOf('{"object":"page","entry":'));
  });

  it('are repeated over 36 hours of the clock, then given up', async () => {
    await sandbox.variant('unsubscribe_after_seconds', null);
    receiver.always = 500;
    await write(page.id);
    await eventually('the first tries', async () => (await deliveries())[0].tries.length >= 2);
    let hours = 0;
    await eventually('the end', async () => {
      await sandbox.later(2 * HOUR);
      hours += 2;
      return (await deliveries())[0].state === 'failed';
    });
    expect(hours).toBeGreaterThan(24);
    expect(hours).toBeLessThanOrEqual(38);
    const tried = receiver.received.length;
    expect(tried).toBeGreaterThanOrEqual(15);
    expect(tried).toBeLessThan(25);
    await sandbox.later(10 * HOUR);
    expect(receiver.received).toHaveLength(tried);
  });

  it('arrive at last when the receiver is back, the same body again', async () => {
    receiver.always = 503;
    await write(page.id);
    await receiver.until(1);
    receiver.always = null;
    await sandbox.later(60);
    await eventually('the delivery', async () => (await deliveries())[0].state === 'delivered');
    expect(new Set(receiver.received.map(({ text }) => text)).size).toBe(1);
  });

  it('after an hour of failures a Page is unsubscribed, until it subscribes again', async () => {
    receiver.always = 500;
    await write(page.id);
    await receiver.until(2);
    await sandbox.later(HOUR + 60);
    const subscribed = async (): Promise<number> =>
      (await sandbox.graph('GET', `/${page.id}/subscribed_apps`, page.token)).body.data.length;
    await eventually('the end of the subscription', async () => (await subscribed()) === 0);
    receiver.always = null;
    await sandbox.graph('POST', `/${page.id}/subscribed_apps`, page.token, { subscribed_fields: ALL_FIELDS });
    const before = receiver.received.length;
    await write(page.id);
    await eventually('the webhook', () => Promise.resolve(receiver.received.length > before));
  });

  it('can be doubled, dropped and disordered', async () => {
    const fault = (rule: object) => sandbox.control('PUT', '/faults', { provider: 'meta', ...rule });
    await fault({ webhook_duplicate: 1, times: 1 });
    await write(page.id, { text: 'twice' });
    await items(2);
    await fault({ webhook_drop: 1, times: 1 });
    await write(page.id, { text: 'never' });
    await fault({ webhook_reorder: 1, seed: 3, times: 3 });
    await write(page.id, { text: 'late', count: 3 });
    const all = await items(5);
    expect(all.map(({ item }) => item.message.text).slice(0, 2)).toEqual(['twice', 'twice']);
    expect(JSON.stringify(all)).not.toContain('never');
  });

  it('are written by the writer, with its duplicates and losses', async () => {
    await control('/writer', { account_id: page.id, count: 60, seed: 4, groups: 0, duplicates: 0.2, loss: 0.1 });
    const done = await eventually('the writer', async () => {
      const { body } = await sandbox.control('GET', '/writer');
      return body.state === 'done' ? body : null;
    });
    expect(done).toMatchObject({ error: null, written: 60 });
    expect(done.webhooks.lost).toBeGreaterThan(0);
    expect(done.webhooks.twice).toBeGreaterThan(0);
    expect(receiver.items().length).toBeGreaterThan(40);
  });

  it('of Instagram may come as changes, with the same fields', async () => {
    await sandbox.variant('instagram_changes', true);
    const { messages } = await write(page.instagram!);
    const [{ body }] = (await receiver.until(1)) as [any];
    expect(body.entry[0]).toEqual({
      id: page.instagram,
      time: expect.any(Number),
      changes: [{ field: 'messages', value: expect.objectContaining({ recipient: { id: page.instagram } }) }],
    });
    expect(body.entry[0].changes[0].value.message.mid).toBe(messages[0].message_id);
    expect(String(body.entry[0].time)).toHaveLength(10);
  });

  it('of Instagram login come without a Page, and may be signed with its own secret', async () => {
    const login = await sandbox.instagramToken('plain+login@a.test');
    await sandbox.graph('POST', `/${login.account}/subscribed_apps`, login.token, { subscribed_fields: 'messages' });
    await sandbox.variant('instagram_signature', 'instagram');
    await write(login.account);
    const [{ headers, text }] = (await receiver.until(1)) as [any];
    expect(headers['x-hub-signature-256']).toBe(signatureOf(text, 'sha256', 'sandbox-instagram-app-secret'));
    expect(receiver.items()[0]).toMatchObject({ object: 'instagram', entry: login.account });
  });

  it('of another app go to that app alone, with its secret', async () => {
    await sandbox.variant('other_apps', [{ id: 'second-app', secret: 'second-secret' }]);
    const other = await startMetaReceiver();
    const registered = await sandbox.graph('POST', '/second-app/subscriptions', 'second-app|second-secret', {
      object: 'page',
      callback_url: other.url,
      verify_token: other.verifyToken,
      fields: 'messages',
    });
    expect(registered.body).toEqual({ success: true });
    expect((await sandbox.graph('GET', '/second-app/subscriptions', APP_TOKEN)).body.error.code).toBe(100);
    expect((await sandbox.graph('GET', `/${APP.id}/subscriptions`, APP_TOKEN)).body.data).toHaveLength(3);
    await write(page.id);
    await receiver.until(1);
    expect(other.received).toEqual([]);
    await other.close();
  });

  it('the control routes name what they take', async () => {
    for (const [path, body, words] of [
      ['/drop', { account_id: page.id, status: 'CREDENTIALS' }, /password_changed/],
      ['/receipts', { account_id: page.id, message_id: 'none', status: 'read' }, /no message/],
      ['/messages', { account_id: WHATSAPP.number, from: 'ana', text: 'x' }, /phone number/],
      ['/groups', { account_id: page.id, name: 'x', members: ['y'] }, /nothing for/],
    ] as const) {
      const answer = await sandbox.control('POST', path, body);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.body.error).toMatch(words);
    }
  });
});
