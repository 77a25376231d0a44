import { of, startWasenderSandbox, type TestSession, type WasenderSandbox } from './wasender-sandbox.ts';
import { startReceiver, type Answer, type Receiver } from './test-sandbox.ts';

const BO = '33639980002@s.whatsapp.net';
const EVENTS = [
  'messages.received',
  'messages.upsert',
  'messages.update',
  'messages.delete',
  'messages.reaction',
  'message-receipt.update',
  'chats.upsert',
  'chats.update',
  'chats.delete',
  'groups.upsert',
  'groups.update',
  'group-participants.update',
];

describe('conversations of the WASender sandbox', () => {
  let sandbox: WasenderSandbox;
  let receiver: Receiver;
  let session: TestSession;

  beforeEach(async () => {
    sandbox = await startWasenderSandbox();
    receiver = await startReceiver();
    session = await sandbox.linked({ webhook_url: receiver.url, webhook_enabled: true, webhook_events: EVENTS });
  });
  afterEach(async () => {
    await sandbox.close();
    await receiver.close();
  });

  const control = async (method: string, path: string, body: object): Promise<Answer['body']> => {
    const answer = await sandbox.control(method, path, { session: session.id, ...body });
    if (answer.status !== 200) throw new Error(answer.body.error);
    return answer.body;
  };
  const write = (body: object): Promise<Answer['body']> =>
    control('POST', '/messages', { from: '33639980002', name: 'Bo', ...body });
  const api = async (method: string, path: string, body?: object): Promise<Answer['body']> =>
    (await sandbox.wasender(method, path, body, session.key)).body;
  const data = async (event: string, count = 1): Promise<Answer['body'][]> =>
    (await receiver.until(count, of(event))).map(({ body }) => body.data);

  it('sends the events of a chat: opened, written in, read, changed at the phone, deleted', async () => {
    await write({ text: 'one' });
    const { messages } = await write({ text: 'two' });
    const key = { id: messages[0].key_id, remoteJid: BO, fromMe: false };
    expect(await api('POST', '/messages/read', { key })).toEqual({ success: true, data: { status: 'read' } });
    await control('PATCH', '/chats', { chat: BO, archived: true, muted: '2030-01-01T00:00:00Z' });
    await control('PATCH', '/chats', { chat: BO, read: false });
    await control('PATCH', '/chats', { chat: BO, deleted: true });
    const [opened] = await data('chats.upsert');
    expect(opened).toEqual([{ id: BO, conversationTimestamp: expect.any(Number), unreadCount: 1 }]);
    expect((await data('chats.update', 4)).flat()).toEqual([
      { id: BO, conversationTimestamp: expect.any(Number), unreadCount: 2 },
      { id: BO, unreadCount: 0 },
      { id: BO, archived: true, muteEndTime: 1_893_456_000_000 },
      { id: BO, unreadCount: -1 },
    ]);
    expect(await data('chats.delete')).toEqual([[BO]]);
  });

  it('sends the events of a group, and its messages with their authors', async () => {
    const { chat_id } = await control('POST', '/groups', { name: 'Hikers', members: ['33639980002', '33639980003'] });
    await write({ chat: chat_id, text: 'Who comes?' });
    const change = { chat: chat_id, name: 'Walkers', add: ['33639980004'], remove: ['33639980003'] };
    await control('PATCH', '/groups', change);
    const [[opened]] = (await data('groups.upsert')) as [[Answer['body']]];
    expect(opened).toMatchObject({ id: chat_id, subject: 'Hikers', size: 3, participants: expect.any(Array) });
    expect(await data('groups.update')).toEqual([[{ id: chat_id, subject: 'Walkers' }]]);
    expect(await data('group-participants.update', 2)).toEqual([
      { id: chat_id, participants: ['33639980004@s.whatsapp.net'], action: 'add' },
      { id: chat_id, participants: ['33639980003@s.whatsapp.net'], action: 'remove' },
    ]);
    const [{ messages }] = (await data('messages.received')) as [Answer['body']];
    expect(messages.key).toMatchObject({ remoteJid: chat_id, participant: BO });
    const participants = (await api('GET', `/groups/${chat_id}/participants`)).data;
    expect(participants.map((one: { id: string }) => one.id.slice(0, 11))).toEqual([
      '33639980001',
      '33639980002',
      '33639980004',
    ]);
    expect((await api('GET', '/groups')).data.map((one: { name: string }) => one.name)).toContain('Walkers');
    expect((await api('POST', '/send-message', { to: chat_id, text: 'I do' })).success).toBe(true);
  });

  it.each([
    ['update', [], ['editedMessage']],
    ['upsert', ['protocolMessage'], []],
    ['both', ['protocolMessage'], ['editedMessage']],
    ['none', [], []],
  ])('sends an edit as %s', async (value, upserts, updates) => {
    await sandbox.variant('edit_event', value);
    const { messages } = await write({ text: 'nine' });
    await write({ edit: messages[0].message_id, text: 'ten' });
    await write({ text: 'last' });
    const seen = await receiver.until(1, ({ body }) => JSON.stringify(body).includes('"last"'));
    expect(seen).toHaveLength(1);
    const bodies = receiver.received.map(({ body }) => body);
    const upserted = bodies.filter(({ event }) => event === 'messages.upsert').map((one) => one.data.messages[0]);
    const edits = upserted.filter((one) => one.message.protocolMessage);
    expect(edits.map((one) => Object.keys(one.message)[0])).toEqual(upserts);
    for (const one of edits) expect(one.message.protocolMessage.key.id).toBe(messages[0].key_id);
    const updated = bodies.filter(({ event }) => event === 'messages.update').map((one) => one.data);
    expect(updated.map((one) => Object.keys(one.update.message)[0])).toEqual(updates);
    for (const one of updated) expect(one.update.message.editedMessage.message).toEqual({ conversation: 'ten' });
    expect((await api('GET', `/messages/${messages[0].message_id}/info`)).data.message).toEqual({
      conversation: 'ten',
    });
  });

  it.each([
    ['delete', 'messages.delete'],
    ['update', 'messages.update'],
  ])('sends a deletion as %s', async (value, event) => {
    await sandbox.variant('delete_event', value);
    const { messages } = await write({ text: 'oops' });
    await write({ delete: messages[0].message_id });
    const [one] = await data(event);
    expect(value === 'delete' ? one.keys[0].id : [one.key.id, one.update.message]).toEqual(
      value === 'delete' ? messages[0].key_id : [messages[0].key_id, null],
    );
    expect((await sandbox.wasender('GET', `/messages/${messages[0].key_id}/info`, undefined, session.key)).status).toBe(
      404,
    );
  });

  it('sends receipts by member, as array or as documented for groups', async () => {
    const { chat_id } = await control('POST', '/groups', { name: 'Hikers', members: ['33639980002', '33639980003'] });
    const { messages } = await write({ own: true, chat: chat_id, text: 'Hello' });
    const receipt = { message_id: messages[0].message_id, from: '33639980003', status: 'read' };
    await control('POST', '/receipts', receipt);
    await sandbox.variant('receipt_shape', 'object');
    await control('POST', '/receipts', { ...receipt, from: '33639980002' });
    const [listed, documented] = await data('message-receipt.update', 2);
    expect(listed).toMatchObject([
      { key: { id: messages[0].key_id }, receipt: { userJid: '33639980003@s.whatsapp.net', status: 'read' } },
    ]);
    expect(documented.message).toMatchObject({
      key: { id: messages[0].key_id },
      receipt: { userJid: BO, receiptTimestamp: expect.any(Number) },
    });
  });

  it('takes a reaction back with an empty text', async () => {
    const { messages } = await write({ text: 'Done' });
    const react = messages[0].message_id;
    await write({ react, text: '👍' });
    await write({ react, text: '' });
    const reactions = (await data('messages.reaction', 2)).map(([one]) => [one.key.id, one.reaction.text]);
    expect(reactions).toEqual([
      [messages[0].key_id, '👍'],
      [messages[0].key_id, ''],
    ]);
  });

  it('edits and reacts at times that rise, with a key of its own for each reaction', async () => {
    const { messages } = await write({ text: 'Done' });
    const [id, key] = [messages[0].message_id, messages[0].key_id];
    for (const text of ['a', 'b', 'c']) await write({ edit: id, text });
    const seconds = (await data('messages.update', 3)).map(({ update }) => update.messageTimestamp);
    expect(new Set(seconds).size).toBe(3);
    expect(seconds).toEqual(seconds.toSorted((one: number, other: number) => one - other));
    for (const text of ['👍', '❤️', '']) await write({ react: id, text });
    const reactions = (await data('messages.reaction', 3)).map(([one]) => one.reaction);
    const times = reactions.map(({ senderTimestampMs }) => senderTimestampMs);
    expect(new Set(times).size).toBe(3);
    expect(times).toEqual(times.toSorted((one: number, other: number) => one - other));
    expect(reactions.map((one) => one.key.id)).not.toContain(key);
    await sandbox.variant('reaction_key', 'message');
    await write({ react: id, text: '👍' });
    expect((await data('messages.reaction', 4))[3][0].reaction.key.id).toBe(key);
  });

  it('quotes a message, received and sent, and mentions members', async () => {
    const { messages } = await write({ text: 'Nine?' });
    await write({ own: true, reply_to: messages[0].message_id, text: 'Ten' });
    const body = { to: '+33639980002', text: 'Sorry', replyTo: messages[0].message_id, mentions: [BO] };
    await api('POST', '/send-message', body);
    const replies = (await data('messages.upsert', 3)).slice(1).map((one) => one.messages[0].message);
    const quoted = { stanzaId: messages[0].key_id, participant: BO, quotedMessage: { conversation: 'Nine?' } };
    expect(replies).toEqual([
      { extendedTextMessage: { text: 'Ten', contextInfo: quoted } },
      { extendedTextMessage: { text: 'Sorry', contextInfo: { ...quoted, mentionedJid: [BO] } } },
    ]);
    expect(await api('POST', '/send-message', { ...body, replyTo: 1 })).toMatchObject({ success: false });
  });

  it('addresses a chat by number, by LID, and without the number', async () => {
    await write({ text: 'one' });
    await sandbox.variant('chat_addressing', 'lid');
    await sandbox.variant('sender_pn', false);
    await write({ text: 'two' });
    const [one, two] = (await data('messages.received', 2)).map(({ messages }) => messages.key);
    expect(one).toMatchObject({ remoteJid: BO, addressingMode: 'pn', senderPn: BO });
    expect(two).toMatchObject({ remoteJid: one.senderLid, addressingMode: 'lid', senderLid: one.senderLid });
    expect([two.senderPn, two.cleanedSenderPn]).toEqual([undefined, undefined]);
    expect((await data('chats.update'))[0][0].id).toBe(one.senderLid);
    await write({ from: one.senderLid, chat: one.senderLid, text: 'three' });
    const { body } = await sandbox.control('GET', `/conversations?session=${session.id}`);
    expect(body).toMatchObject([{ chat_id: BO, provider_chat_id: one.senderLid, unread: 3 }]);
  });

  it('sends chats as single objects, and members as objects, by variant', async () => {
    await sandbox.variant('chats_shape', 'object');
    await sandbox.variant('participants_shape', 'objects');
    await write({ text: 'one' });
    expect(await data('chats.upsert')).toEqual([expect.objectContaining({ id: BO })]);
    const { chat_id } = await control('POST', '/groups', { name: 'Hikers', members: ['33639980002'] });
    await control('PATCH', '/groups', { chat: chat_id, remove: ['33639980002'] });
    expect((await data('group-participants.update'))[0].participants).toEqual([{ id: BO }]);
  });

  it('sends any webhook body, signed as all others', async () => {
    const body = { event: 'call', data: { id: 'c1', status: 'offer' } };
    expect(await control('POST', '/webhooks', { body })).toEqual({ sent: 1 });
    const [one] = await receiver.until(1, of('call'));
    expect([one!.body, one!.headers['x-webhook-signature']]).toEqual([body, session.secret]);
  });

  it('returns the true state of the conversations', async () => {
    const { messages } = await write({ text: 'a', count: 2 });
    const own = await write({ own: true, text: 'b' });
    const { message_id } = own.messages[0];
    await write({ edit: messages[0].message_id, text: 'a one' });
    await write({ delete: messages[1].message_id });
    await write({ react: message_id, text: '👍' });
    await control('POST', '/receipts', { message_id, status: 'read' });
    await control('POST', '/receipts', { message_id, status: 'delivered' });
    await write({ text: 'c' });
    const { body } = await sandbox.control('GET', `/conversations?session=${session.id}`);
    expect(body).toMatchObject([{ chat_id: BO, group: false, unread: 1 }]);
    expect(body[0].messages.map((one: Answer['body']) => [one.from, one.text, one.status, one.edited])).toEqual([
      [BO, 'a one', null, true],
      [BO, null, null, false],
      [null, 'b', 'read', false],
      [BO, 'c', null, false],
    ]);
    expect(body[0].messages[2].reactions).toEqual([{ from: BO, value: '👍' }]);
  });
});
