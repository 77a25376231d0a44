import { form, startReceiver, startTestSandbox, walk, type Answer, type TestSandbox } from './test-sandbox.ts';

const EVENTS = [
  'message_received',
  'message_read',
  'message_delivered',
  'message_reaction',
  'message_edited',
  'message_deleted',
];

describe('conversations of the UniPile sandbox', () => {
  let sandbox: TestSandbox;
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  let account_id: string;

  beforeEach(async () => {
    sandbox = await startTestSandbox();
    receiver = await startReceiver();
    account_id = await sandbox.whatsapp('33639980001');
    await sandbox.unipile('POST', '/webhooks', { source: 'messaging', request_url: receiver.url, events: EVENTS });
  });
  afterEach(async () => {
    await sandbox.close();
    await receiver.close();
  });

  const control = async (method: string, path: string, body: object): Promise<Answer['body']> => {
    const answer = await sandbox.control(method, path, { account_id, ...body });
    if (answer.status !== 200) throw new Error(answer.body.error);
    return answer.body;
  };
  const write = (body: object): Promise<Answer['body']> =>
    control('POST', '/messages', { from: '33639980002', name: 'Bo', ...body });
  const variant = (name: string, value: unknown): Promise<Answer> =>
    sandbox.control('PUT', '/variants', { provider: 'unipile', name, value });
  const message = async (id: string): Promise<Answer['body']> => (await sandbox.unipile('GET', `/messages/${id}`)).body;
  const truth = async (): Promise<Answer['body']> =>
    (await sandbox.control('GET', `/conversations?account_id=${account_id}`)).body;

  it('edits and deletes a message, in its lists and by webhook with the time of the change', async () => {
    const { messages } = await write({ text: 'See you at nine' });
    const { message_id } = messages[0];
    await write({ edit: message_id, text: 'See you at ten' });
    expect(await message(message_id)).toMatchObject({ text: 'See you at ten', edited: 1, deleted: 0 });
    await write({ delete: message_id });
    expect(await message(message_id)).toMatchObject({ text: null, edited: 1, deleted: 1 });
    const received = (await receiver.until(3)).map(({ body }) => body);
    expect(received.map((one) => [one.event, one.message, one.message_id])).toEqual([
      ['message_received', 'See you at nine', message_id],
      ['message_edited', 'See you at ten', message_id],
      ['message_deleted', null, message_id],
    ]);
    const times = received.map(({ timestamp }) => timestamp);
    expect(new Set(times).size).toBe(3);
    expect(times).toEqual(times.toSorted((a, b) => Date.parse(a) - Date.parse(b)));
    await expect(write({ edit: message_id, text: 'late' })).rejects.toThrow('deleted message');
  });

  it('sends changes with the message’s own time, with ids only, and deleted texts, by variant', async () => {
    await variant('webhook_change_time', 'message');
    await variant('webhook_change_body', 'ids');
    await variant('deleted_text', 'kept');
    const { messages } = await write({ text: 'first' });
    await write({ edit: messages[0].message_id, text: 'second' });
    await write({ delete: messages[0].message_id });
    const [first, edited, deleted] = (await receiver.until(3)).map(({ body }) => body);
    expect(edited).toMatchObject({ event: 'message_edited', message: 'second', timestamp: first.timestamp });
    expect(edited.sender).toBeUndefined();
    expect(deleted).toMatchObject({ event: 'message_deleted', message: 'second' });
    expect((await message(messages[0].message_id)).text).toBe('second');
  });

  it('has one reaction of each person, which the next replaces and an empty one takes back', async () => {
    const { chat_id, messages } = await write({ own: true, text: 'Done' });
    const react = messages[0].message_id;
    await write({ react, text: '👍' });
    await write({ react, text: '🎉' });
    await write({ react, own: true, text: '❤️' });
    expect((await message(react)).reactions).toEqual([
      { value: '🎉', sender_id: '33639980002@s.whatsapp.net', is_sender: false },
      { value: '❤️', sender_id: '33639980001@s.whatsapp.net', is_sender: true },
    ]);
    await write({ react, text: '' });
    expect((await message(react)).reactions).toHaveLength(1);
    const received = await receiver.until(4, ({ body }) => body.event === 'message_reaction');
    expect(received.map(({ body }) => [body.reaction, body.reaction_sender.attendee_name, body.chat_id])).toEqual([
      ['👍', 'Bo', chat_id],
      ['🎉', 'Bo', chat_id],
      ['❤️', expect.any(String), chat_id],
      ['', 'Bo', chat_id],
    ]);
  });

  it('says less of reactions and reading, by variant', async () => {
    await variant('removed_reaction', 'null');
    await variant('seen_by_values', 'boolean');
    const { messages } = await write({ own: true, text: 'Done' });
    const [{ message_id }] = messages;
    await write({ react: message_id, text: '👍' });
    await write({ react: message_id, text: '' });
    await control('POST', '/receipts', { message_id, status: 'read' });
    const received = await receiver.until(4);
    expect([received[2]!.body.reaction, received[3]!.body.seen_by]).toEqual([
      null,
      { '33639980002@s.whatsapp.net': true },
    ]);
  });

  it('quotes messages, sent by API and received', async () => {
    const { chat_id, messages } = await write({ text: 'Nine or ten?' });
    const [{ message_id, provider_message_id }] = messages;
    const quoted = { provider_id: provider_message_id, text: 'Nine or ten?', sender_id: '33639980002@s.whatsapp.net' };
    const answer = await write({ own: true, reply_to: provider_message_id, text: 'Ten' });
    expect((await message(answer.messages[0].message_id)).quoted).toMatchObject(quoted);
    const path = `/chats/${chat_id}/messages`;
    const sent = await sandbox.unipile('POST', path, form({ text: 'Sorry, nine', quote_id: message_id }));
    expect((await message(sent.body.message_id)).quoted).toMatchObject(quoted);
    const received = await receiver.until(3);
    expect(received.map(({ body }) => body.quoted?.text)).toEqual([undefined, 'Nine or ten?', 'Nine or ten?']);
    expect(await sandbox.unipile('POST', path, form({ text: 'x', quote_id: 'unknown' }))).toMatchObject({
      status: 404,
      body: { type: 'errors/resource_not_found' },
    });
  });

  it('has groups that change, with events of their own in the history', async () => {
    const members = ['33639980002', '33639980003'];
    const { chat_id, provider_chat_id } = await control('POST', '/groups', { name: 'Hikers', members });
    await write({ chat: provider_chat_id, text: 'Who comes?' });
    await control('PATCH', '/groups', { chat: chat_id, name: 'Walkers', add: ['33639980004'], remove: [members[0]] });
    const chat = (await sandbox.unipile('GET', `/chats/${chat_id}`)).body;
    expect(chat).toMatchObject({ type: 1, name: 'Walkers', provider_id: provider_chat_id, unread_count: 1 });
    const { items } = (await sandbox.unipile('GET', `/chats/${chat_id}/attendees`)).body;
    expect(items.map((one: Answer['body']) => one.provider_id.slice(0, 11)).toSorted()).toEqual([
      '33639980001',
      '33639980003',
      '33639980004',
    ]);
    const history = (await walk(sandbox, `/chats/${chat_id}/messages`)).items;
    expect(history.map((one) => one.event_type ?? one.text)).toEqual([6, 5, 4, 'Who comes?', 3]);
    expect((await receiver.until(5)).map(({ body }) => [body.is_event, body.is_group])).toEqual([
      [1, true],
      [0, true],
      [1, true],
      [1, true],
      [1, true],
    ]);
  });

  it('shows which members of a group have read a message', async () => {
    const members = ['33639980002', '33639980003'];
    const { chat_id } = await control('POST', '/groups', { name: 'Hikers', members });
    const { messages } = await write({ own: true, chat: chat_id, text: 'Hello' });
    const [{ message_id }] = messages;
    await control('POST', '/receipts', { message_id, status: 'delivered' });
    await control('POST', '/receipts', { message_id, status: 'read', from: members[1] });
    const { seen, delivered, seen_by } = await message(message_id);
    expect([seen, delivered, Object.keys(seen_by)]).toEqual([1, 1, ['33639980003@s.whatsapp.net']]);
    const [read] = await receiver.until(1, ({ body }) => body.event === 'message_read');
    expect(read!.body.seen_by).toEqual(seen_by);
  });

  it('counts unread messages, until the owner answers or reads', async () => {
    const { chat_id, messages } = await write({ text: 'ping', count: 3 });
    const unread = async (): Promise<number> => (await sandbox.unipile('GET', `/chats/${chat_id}`)).body.unread_count;
    expect(await unread()).toBe(3);
    await control('POST', '/receipts', { message_id: messages[1].message_id, status: 'read' });
    expect(await unread()).toBe(1);
    await write({ own: true, text: 'pong' });
    expect(await unread()).toBe(0);
    await control('PATCH', '/chats', { chat: chat_id, read: false, archived: true, muted: true, pinned: true });
    expect((await sandbox.unipile('GET', `/chats/${chat_id}`)).body).toMatchObject({
      unread_count: 1,
      archived: 1,
      muted_until: -1,
      pinned: 1,
    });
  });

  it('removes a chat that was deleted at the phone, until its next message', async () => {
    const { chat_id } = await write({ text: 'one' });
    await control('PATCH', '/chats', { chat: chat_id, deleted: true });
    expect((await sandbox.unipile('GET', `/chats/${chat_id}`)).status).toBe(404);
    expect((await sandbox.unipile('GET', '/messages?limit=1')).body.items[0].text).not.toBe('one');
    await write({ text: 'two' });
    expect((await sandbox.unipile('GET', `/chats/${chat_id}`)).body.unread_count).toBe(2);
  });

  it('refuses what cannot be sent, and nothing is sent', async () => {
    const { chat_id } = await write({ text: 'Hi' });
    const { chat_id: channel } = await control('POST', '/groups', {
      name: 'News',
      members: ['33639980003'],
      channel: true,
    });
    const send = async (chat: string, text: string): Promise<unknown> =>
      (await sandbox.unipile('POST', `/chats/${chat}/messages`, form({ text }))).body.type;
    expect(await send(chat_id, 'x'.repeat(70_000))).toBe('errors/too_many_characters');
    expect(await send(chat_id, '')).toBe('errors/missing_parameters');
    expect(await send(channel, 'x')).toBe('errors/insufficient_permissions');
    expect((await sandbox.unipile('GET', `/chats/${channel}`)).body).toMatchObject({ type: 2, read_only: 1 });
    expect((await truth()).flatMap((one: Answer['body']) => one.messages)).toHaveLength(1);
  });

  it('shows and echoes a sent message late, by variant', async () => {
    await variant('send_lag_seconds', 30);
    const { chat_id } = await write({ text: 'Hi' });
    await sandbox.unipile('POST', `/chats/${chat_id}/messages`, form({ text: 'lagging' }));
    const texts = async (): Promise<string[]> =>
      (await walk(sandbox, `/chats/${chat_id}/messages`)).items.map((one) => one.text);
    expect(await texts()).toEqual(['Hi']);
    await sandbox.control('POST', '/clock', { advance_seconds: 31 });
    expect(await texts()).toEqual(['lagging', 'Hi']);
    await receiver.until(1, ({ body }) => body.message === 'lagging');
  });

  it('serves files and pictures at addresses that expire, by variant', async () => {
    await variant('media_url_seconds', 60);
    const attachments = [
      { mimetype: 'image/png', size: 10 },
      { mimetype: 'audio/ogg', unavailable: true },
    ];
    const { messages } = await write({ text: 'look', attachments });
    const [file, gone] = (await message(messages[0].message_id)).attachments;
    expect(file.url_expires_at).toBeGreaterThan(Date.now());
    expect(gone.unavailable).toBe(true);
    const person = (await walk(sandbox, '/chat_attendees')).items.find((one) => one.picture_url);
    const fetched = [file.url, gone.url, person.picture_url];
    const statuses = (): Promise<number[]> => Promise.all(fetched.map(async (url) => (await fetch(url)).status));
    expect(await statuses()).toEqual([200, 404, 200]);
    await sandbox.control('POST', '/clock', { advance_seconds: 61 });
    expect(await statuses()).toEqual([410, 410, 410]);
    const fresh = (await message(messages[0].message_id)).attachments[0].url;
    expect((await (await fetch(fresh)).bytes()).length).toBe(10);
  });

  it('sends attachments as an object with text values, by variant', async () => {
    await variant('webhook_attachments', 'object');
    await write({ text: 'look', attachments: [{ mimetype: 'image/png' }] });
    const [one] = await receiver.until(1);
    expect(one!.body.attachments).toMatchObject({ type: 'img', unavailable: 'false', size: { width: '40' } });
  });

  it('writes silently: history without webhook', async () => {
    const { chat_id } = await write({ text: 'old', count: 120, silent: true });
    await write({ text: 'new' });
    expect((await receiver.until(1))[0]!.body.message).toBe('new');
    expect((await walk(sandbox, `/chats/${chat_id}/messages?limit=50`)).pages).toBe(3);
  });

  it('knows a person by number and by LID as the same, in one chat', async () => {
    const { chat_id } = await write({ text: 'by number' });
    const { lid } = (await receiver.until(1))[0]!.body.sender.attendee_specifics;
    expect((await write({ from: lid, text: 'by LID' })).chat_id).toBe(chat_id);
    await variant('lid_share', 1);
    await variant('hidden_phones', true);
    expect((await write({ text: 'now a LID' })).chat_id).toBe(chat_id);
    const { body } = (await receiver.until(3))[2]!;
    expect([body.provider_chat_id, body.sender.attendee_provider_id]).toEqual([lid, lid]);
    expect(body.sender.attendee_specifics).toEqual({ provider: 'WHATSAPP', phone_number: 'hidden', lid });
  });

  it('starts no chat with a number without WhatsApp', async () => {
    const body = form({ account_id, text: 'Hi', attendees_ids: '33639980000@s.whatsapp.net' });
    expect(await sandbox.unipile('POST', '/chats', body)).toMatchObject({
      status: 422,
      body: { type: 'errors/invalid_recipient' },
    });
  });

  it('copies the history after the connection, newest first, by variant', async () => {
    await sandbox.unipile('POST', '/webhooks', { source: 'account_status', request_url: receiver.url });
    await variant('first_sync_seconds', 10_000);
    const id = await sandbox.whatsapp();
    const newest = async (): Promise<string[]> =>
      (await walk(sandbox, `/chats?account_id=${id}`)).items.map((chat) => chat.id);
    const words = (): string[] => receiver.received.map(({ body }) => body.AccountStatus.message);
    expect(await newest()).toEqual([]);
    await sandbox.control('POST', '/clock', { advance_seconds: 5000 });
    const half = await newest();
    expect(half).toHaveLength(5);
    expect(words()).not.toContain('SYNC_SUCCESS');
    await sandbox.control('POST', '/clock', { advance_seconds: 5000 });
    const all = await newest();
    expect([all.length, all.filter((one) => half.includes(one))]).toEqual([12, half]);
    await receiver.until(3);
    expect(words()).toEqual(['CREATION_SUCCESS', 'OK', 'SYNC_SUCCESS']);
  });

  it.each([
    ['text', '{"event":', '{"event":'],
    ['a list', [{ event: 'message_received' }, { event: 'new_message' }], null],
  ])('sends any webhook body: %s', async (_name, body, text) => {
    expect(await control('POST', '/webhooks', { body })).toEqual({ sent: 1 });
    expect((await receiver.until(1))[0]!.text).toBe(text ?? JSON.stringify(body));
  });

  it('keeps changes while the account is disconnected', async () => {
    const { messages } = await write({ text: 'before' });
    await control('POST', '/drop', { status: 'CREDENTIALS' });
    expect((await write({ edit: messages[0].message_id, text: 'after' })).waiting).toBe(true);
    expect((await message(messages[0].message_id)).text).toBe('before');
    await control('POST', '/drop', { status: 'OK' });
    await receiver.until(1, ({ body }) => body.message === 'after');
  });

  it('returns the true state of the conversations', async () => {
    const { chat_id, messages } = await write({ text: 'a', count: 2 });
    const own = await write({ own: true, text: 'b' });
    const [{ message_id }] = own.messages;
    await write({ edit: messages[0].message_id, text: 'a one' });
    await write({ delete: messages[1].message_id });
    await write({ react: message_id, text: '👍' });
    await control('POST', '/receipts', { message_id, status: 'read' });
    await write({ text: 'c' });
    const bo = '33639980002@s.whatsapp.net';
    const [conversation] = await truth();
    expect(conversation).toMatchObject({ chat_id, provider_chat_id: bo, group: false, unread: 1 });
    expect(
      conversation.messages.map((one: Answer['body']) => [one.from, one.text, one.status, one.edited, one.deleted]),
    ).toEqual([
      [bo, 'a one', null, true, false],
      [bo, null, null, false, true],
      [null, 'b', 'read', false, false],
      [bo, 'c', null, false, false],
    ]);
    expect(conversation.messages[2].reactions).toEqual([{ from: bo, value: '👍' }]);
  });

  it.each([
    [{ text: 'x' }, 'from is required'],
    [{ own: true, text: 'x' }, 'chat, or the other'],
    [{ edit: 'a', delete: 'b' }, 'only one'],
    [{ edit: 'a' }, 'text is required'],
    [{ delete: 'a' }, 'no message "a"'],
    [{ from: '33639980002' }, 'text or attachments'],
  ])('describes the error of POST /messages %j', async (body, error) => {
    await expect(control('POST', '/messages', body)).rejects.toThrow(error);
  });
});
