import { wasender } from '../../../providers/wasender/index.ts';

const [number, lid] = ['15550123@s.whatsapp.net', '900000000000001@lid'];
const group = '120363000000000001@g.us';
const eventsOf = (event: string, data: unknown, more: object = {}): readonly any[] =>
  wasender.webhooks.read({ raw: Buffer.from(JSON.stringify({ event, ...more, data })), headers: {} }).events ?? [];
/** The key of a message as WASender documents it. */
const received = {
  id: '3EB0EE55FF66',
  fromMe: false,
  remoteJid: lid,
  addressingMode: 'lid',
  senderPn: number,
  cleanedSenderPn: '15550123',
  senderLid: lid,
};
const inGroup = {
  id: '3EB0EE55FF66',
  fromMe: false,
  remoteJid: group,
  participant: lid,
  participantPn: number,
  cleanedParticipantPn: '15550123',
};
const bo = { keys: [lid, number], name: 'Bo', phone: '+15550123', isSelf: false, pictureUrl: null };
const at = 1_770_109_260_000;
const seconds = at / 1000;

describe('C1: a message', () => {
  const one = (change: object, event = 'messages.received'): any => {
    const whole = { key: received, pushName: 'Bo', messageTimestamp: seconds, messageBody: 'On my way', ...change };
    return eventsOf(event, { messages: whole })[0];
  };
  const raw = (message: object, body?: string): any => one({ message, messageBody: body }).message;

  it('is read whole', () =>
    expect(one({ message: { conversation: 'On my way' } })).toMatchObject({
      kind: 'message',
      message: {
        keys: ['3EB0EE55FF66'],
        conversationKeys: [lid, number],
        direction: 'in',
        sender: bo,
        text: 'On my way',
        sentAt: at,
        status: null,
        deleted: false,
        quotedKey: null,
        attachments: [],
        reactions: [],
      },
      conversation: { keys: [lid, number], kind: 'person', attendees: [{ ...bo, isSelf: null }] },
    }));

  it('is read as documented, with no time but that of its event', () => {
    const messages = { key: received, messageBody: 'On my way', message: { conversation: 'On my way' } };
    for (const timestamp of [seconds, at])
      expect(eventsOf('messages.received', { messages }, { timestamp })).toMatchObject([
        { kind: 'message', message: { text: 'On my way', sentAt: at } },
      ]);
    expect(eventsOf('messages.received', { messages })).toMatchObject([{ message: { sentAt: null } }]);
  });

  const types = ['received', '-personal.received', '-group.received', '-newsletter.received', '.upsert'];
  it.each(types.map((end) => `messages${end === 'received' ? '.received' : end}`))(
    'is one message, whatever tells it and in which shape: %s',
    (event) => {
      const messages = { key: received, msgId: 12, messageBody: 'Hi' };
      for (const data of [{ messages }, { messages: [messages] }, [messages], messages])
        expect(eventsOf(event, data)).toMatchObject([{ kind: 'message', message: { keys: ['3EB0EE55FF66', '12'] } }]);
    },
  );

  it('of a list each has a key of its own', () => {
    const messages = [0, 1].map((n) => ({ key: { ...received, id: `M${n}` }, messageBody: `text ${n}` }));
    const events = eventsOf('messages.upsert', { messages });
    expect(events).toMatchObject([{ message: { keys: ['M0'] } }, { message: { keys: ['M1'], text: 'text 1' } }]);
    expect(new Set(events.map(({ dedupeKey }) => dedupeKey)).size).toBe(2);
  });

  const own = { fromMe: true, id: 'M' };
  it.each<[string, object, string[], object]>([
    ['a number', { ...own, fromMe: false, remoteJid: number }, [number], { sender: { keys: [number] } }],
    ['a number with a device', { ...own, remoteJid: '15550123:4@s.whatsapp.net' }, [number], { sender: null }],
    ['the older server', { ...own, remoteJid: '15550123@c.us' }, [number], { direction: 'out', status: 'sent' }],
    ['a LID alone', { ...own, remoteJid: lid }, [lid], { direction: 'out' }],
    ['the other spelling', { id: 'M', fromMe: false, remoteJid: lid, cleanSenderPn: '15550123' }, [lid, number], {}],
    ['a number and a LID', { id: 'M', fromMe: false, remoteJid: number, senderLid: lid }, [number, lid], {}],
    ['both, told for our own message', { ...received, fromMe: true }, [lid, number], { sender: null }],
    ['its sender, which is us', { ...own, remoteJid: lid, senderPn: '15550100@s.whatsapp.net' }, [lid], {}],
    ['a newer name of the other address', { ...own, remoteJid: lid, remoteJidAlt: number }, [lid, number], {}],
    [
      'a number that is not the sender’s',
      { ...received, remoteJid: '15550124@s.whatsapp.net' },
      ['15550124@s.whatsapp.net'],
      {},
    ],
    ['a group', inGroup, [group], { direction: 'in', sender: bo }],
    ['a group, for our own message', { ...inGroup, fromMe: true }, [group], { sender: { isSelf: true } }],
    [
      'a group that names its writer as a chat does',
      { ...received, remoteJid: group },
      [group],
      { sender: { ...bo, keys: [number, lid] } },
    ],
    ['a channel', { ...own, fromMe: false, remoteJid: '1@newsletter' }, ['1@newsletter'], { sender: null }],
    ['no direction', { id: 'M', remoteJid: number }, [number], { direction: null, sender: null, status: null }],
  ])('names its conversation and its people by %s', (_name, messageKey, conversationKeys, message) => {
    const event = one({ key: messageKey });
    expect(event.message).toMatchObject({ conversationKeys, ...message });
    expect(event.conversation.keys).toEqual(conversationKeys);
  });

  it.each([
    [number, 'person'],
    [lid, 'person'],
    [group, 'group'],
    ['1@newsletter', 'channel'],
    ['1@broadcast', 'channel'],
    ['somewhere', undefined],
  ])('tells the kind of its conversation: %s', (remoteJid, kind) =>
    expect(one({ key: { id: 'M', remoteJid } }).conversation.kind).toBe(kind),
  );

  it.each([
    [seconds, at],
    [String(seconds), at],
    [at, at],
    [{ low: seconds, high: 0, unsigned: true }, at],
    ['2026-02-03T09:01:00Z', at],
    [-1, null],
    [1e30, null],
    [{ low: 0, high: 2 ** 31 }, null],
    [[], null],
  ])('was sent at %j', (messageTimestamp, sentAt) => expect(one({ messageTimestamp }).message.sentAt).toBe(sentAt));

  const vcard = 'BEGIN:VCARD\nFN:Ana\nTEL;type=CELL;waid=33639980001:+33 6 39 98 00 01\nEND:VCARD';
  it.each<[string, object, string | null]>([
    ['plain', { conversation: 'Hi' }, 'Hi'],
    ['with a link', { extendedTextMessage: { text: 'https://a.test' } }, 'https://a.test'],
    ['in the other case', { extended_text_message: { text: 'Hi' } }, 'Hi'],
    ['of a picture', { imageMessage: { caption: 'Look' } }, 'Look'],
    ['of a film', { videoMessage: { caption: 'Look' } }, 'Look'],
    ['of a file', { documentWithCaptionMessage: { message: { documentMessage: { caption: 'Read' } } } }, 'Read'],
    ['that goes away', { ephemeralMessage: { message: { extendedTextMessage: { text: 'Hi' } } } }, 'Hi'],
    ['seen once', { viewOnceMessageV2: { message: { imageMessage: { caption: 'Once' } } } }, 'Once'],
    [
      'in two wrappers',
      { ephemeralMessage: { message: { viewOnceMessage: { message: { conversation: 'Hi' } } } } },
      'Hi',
    ],
    ['from another device of ours', { deviceSentMessage: { message: { conversation: 'Hi' } } }, 'Hi'],
    ['of a button', { buttonsResponseMessage: { selectedDisplayText: 'Yes' } }, 'Yes'],
    ['of a button of a template', { templateButtonReplyMessage: { selectedDisplayText: 'Yes' } }, 'Yes'],
    ['of a choice from a list', { listResponseMessage: { title: 'Red' } }, 'Red'],
    [
      'of a place',
      { locationMessage: { degreesLatitude: 48.85, degreesLongitude: 2.35, name: 'Paris' } },
      'Paris\n48.85, 2.35',
    ],
    ['of a person', { contactMessage: { displayName: 'Ana', vcard } }, 'Ana\n+33639980001'],
    ['of people', { contactsArrayMessage: { contacts: [{ displayName: 'Ana' }, { displayName: 'Bo' }] } }, 'Ana\nBo'],
    ['of a poll', { pollCreationMessage: { name: 'When?', options: [{ optionName: 'Now' }] } }, 'When?\n- Now'],
    [
      'of a poll in texts',
      { pollCreationMessageV3: { name: 'When?', options: ['Now', 'Later'] } },
      'When?\n- Now\n- Later',
    ],
    ['of a kind of tomorrow', { hologramMessage: { text: 'Hi' } }, null],
  ])('has the text %s', (_name, message, text) => {
    expect(raw(message)).toMatchObject({ text });
    expect(raw(message, 'told beside it')).toMatchObject({ text: 'told beside it' });
  });

  const block = { url: 'https://mmg.whatsapp.net/a.enc', mediaKey: 'a2V5', mimetype: 'image/png', fileLength: '5' };
  const file = (name: string, more: object = {}) =>
    raw({ [name]: { ...block, jpegThumbnail: 'x', ...more } }).attachments;
  it.each([
    ['imageMessage', { width: 3, height: 4 }, { kind: 'image', width: 3, height: 4 }],
    ['videoMessage', { seconds: 7 }, { kind: 'video', duration: 7 }],
    ['audioMessage', { seconds: 2, ptt: true }, { kind: 'audio', voice: true, duration: 2 }],
    ['audioMessage', {}, { kind: 'audio', voice: false }],
    ['documentMessage', { fileName: 'a.pdf' }, { kind: 'document', fileName: 'a.pdf' }],
    ['stickerMessage', {}, { kind: 'sticker' }],
  ])('has a file: %s %j', (name, more, expected) =>
    expect(file(name, more)).toMatchObject([{ key: name, mimeType: 'image/png', size: 5, url: null, ...expected }]),
  );

  it('has what its file needs to be read, and no more', () => {
    expect(file('imageMessage')[0].source).toEqual({ key: { id: '3EB0EE55FF66' }, message: { imageMessage: block } });
    expect(file('imageMessage', { mediaKey: undefined })[0].source).toBeNull();
    expect(file('imageMessage', { mediaKey: 'x'.repeat(5_000) })[0].source).toBeNull();
    expect(file('imageMessage', { fileLength: { low: 6, high: 0 } })[0].size).toBe(6);
  });

  it('answers another', () => {
    const contextInfo = { stanzaId: '3EB0Q', participant: number };
    expect(raw({ extendedTextMessage: { text: 'Yes', contextInfo } }).quotedKey).toBe('3EB0Q');
    expect(raw({ imageMessage: { contextInfo } }).quotedKey).toBe('3EB0Q');
  });

  it.each([
    { protocolMessage: { type: 'EPHEMERAL_SETTING' } },
    { protocolMessage: { type: 3, key: { id: 'x' } } },
    { senderKeyDistributionMessage: {}, messageContextInfo: {} },
    { reactionMessage: { text: '+1' } },
    {},
    null,
  ])('is none without content: %j', (message) =>
    expect(one({ message, messageBody: '', messageStubType: 27 })).toMatchObject({
      kind: 'other',
      type: 'messages.received',
    }),
  );

  it.each([
    [{ key: {} }],
    [{ key: { remoteJid: number } }],
    [{ key: { id: 'M' } }],
    [{ key: { id: 'x'.repeat(300), remoteJid: number } }],
    [{ key: { ...received, remoteJid: 'status@broadcast' } }],
  ])('is none where it names no message of a conversation: %j', (change) =>
    expect(one(change)).toMatchObject({ kind: 'other' }),
  );

  const sentKey = { ...own, remoteJid: number };
  it.each([
    [
      { key: sentKey, message: { conversation: 'Hi' }, success: true },
      { message: { direction: 'out', status: 'sent' } },
    ],
    [{ key: sentKey, msgId: 7, message: 'Hi' }, { message: { keys: ['M', '7'], text: 'Hi' } }],
    [
      { key: sentKey, message: { conversation: 'Hi' }, success: false, error: 'x' },
      { message: { direction: 'out', status: 'failed' } },
    ],
    [
      { key: sentKey, success: false, error: 'x' },
      { kind: 'receipt', status: 'failed', messageKeys: ['M'], conversationKeys: [number], by: null },
    ],
    [{ success: false, error: 'x' }, { kind: 'other' }],
  ])('that we sent: %j', (data, expected) => expect(eventsOf('message.sent', data)).toMatchObject([expected]));

  it.each([
    [4, 'read'],
    ['DELIVERY_ACK', 'delivered'],
    [undefined, 'sent'],
  ])('of ours tells how far it has come: %j', (status, expected) =>
    expect(one({ key: sentKey, status }, 'messages.upsert').message).toMatchObject({ status: expected }),
  );
});

describe('C1: what happens to a message', () => {
  const about = { messageKeys: ['3EB0EE55FF66'], conversationKeys: [lid, number] };
  const other = { messageKeys: ['3EB0OLD'], conversationKeys: [lid, number], at };
  const old = { key: { id: '3EB0OLD', remoteJid: number, fromMe: true } };
  const edited = { type: 14, ...old, editedMessage: { conversation: 'Later' }, timestampMs: at };
  const told = (message: object, change: object = {}) =>
    eventsOf('messages.upsert', { messages: { key: received, message, messageTimestamp: seconds, ...change } });

  it.each([
    ['an edit', { protocolMessage: edited }, { kind: 'edit', text: 'Later', ...other }],
    [
      'an edit in words and wrappers',
      { editedMessage: { message: { protocolMessage: { ...edited, type: 'MESSAGE_EDIT', timestampMs: undefined } } } },
      { kind: 'edit', text: 'Later', ...other },
    ],
    [
      'an edit of a caption',
      { protocolMessage: { ...edited, editedMessage: { imageMessage: { caption: 'Later' } } } },
      { kind: 'edit', text: 'Later', ...other },
    ],
    [
      'an edit under the id of its message',
      { editedMessage: { message: { conversation: 'Later' } } },
      { kind: 'edit', text: 'Later', ...about, at },
    ],
    ['a deletion', { protocolMessage: { type: 0, ...old } }, { kind: 'delete', ...other }],
    ['a deletion in words', { protocolMessage: { type: 'REVOKE', ...old } }, { kind: 'delete', ...other }],
    [
      'a reaction',
      { reactionMessage: { ...old, text: '👍', senderTimestampMs: String(at) } },
      { kind: 'reaction', emoji: '👍', by: { keys: [lid, number], isSelf: false }, ...other },
    ],
    [
      'a reaction that is removed',
      { reactionMessage: { ...old, text: '' } },
      { kind: 'reaction', emoji: null, ...other },
    ],
  ])('is told by a message: %s', (_name, message, expected) => expect(told(message)).toMatchObject([expected]));

  it('is told of us by our own message', () => {
    const ours = told({ reactionMessage: { ...old, text: '👍' } }, { key: { ...received, fromMe: true } });
    expect(ours).toMatchObject([{ kind: 'reaction', by: { keys: [], isSelf: true } }]);
  });

  const item = { key: received };
  it.each<[string, unknown, object]>([
    ['messages.update', { ...item, update: { status: 4 } }, { kind: 'receipt', status: 'read', by: null }],
    ['messages.update', [{ ...item, update: { status: 'DELIVERED' } }], { kind: 'receipt', status: 'delivered' }],
    ['messages.update', [{ ...item, update: { status: 'SERVER_ACK' } }], { kind: 'receipt', status: 'sent' }],
    ['messages.update', { ...item, update: { status: 0 } }, { kind: 'receipt', status: 'failed' }],
    ['messages.update', { ...item, update: { status: 'seen by Ada' } }, { kind: 'receipt', status: null }],
    [
      'messages.update',
      { ...item, update: { message: { editedMessage: { message: { conversation: 'Later' } } } } },
      { kind: 'edit', text: 'Later' },
    ],
    ['messages.update', { ...item, update: { message: null, messageStubType: 'REVOKE' } }, { kind: 'delete' }],
    [
      'message-receipt.update',
      [{ ...item, receipt: { userJid: '15550124:2@s.whatsapp.net', status: 'read', t: seconds - 60 } }],
      { kind: 'receipt', status: 'read', by: { keys: ['15550124@s.whatsapp.net'] }, at: at - 60_000 },
    ],
    [
      'message-receipt.update',
      [{ ...item, receipt: { userJid: group, status: 3 } }],
      { kind: 'receipt', status: 'delivered', by: null },
    ],
    [
      'messages.reaction',
      [{ ...item, reaction: { text: '👍', key: { ...inGroup, id: '3EB0R', fromMe: false } } }],
      { kind: 'reaction', emoji: '👍', by: { keys: [lid, number] } },
    ],
    [
      'messages.reaction',
      [
        {
          ...item,
          reaction: { text: '', key: { id: '3EB0R', remoteJid: lid, fromMe: true }, senderTimestampMs: 1e12 },
        },
      ],
      { kind: 'reaction', emoji: null, by: { keys: [], isSelf: true }, at: 1e12 },
    ],
    ['messages.reaction', [{ ...item, reaction: { text: '👍', key: received } }], { kind: 'reaction', by: null }],
    ['messages.delete', { keys: [received] }, { kind: 'delete' }],
  ])('%s %j', (event, data, expected) =>
    expect(eventsOf(event, data, { timestamp: seconds })).toMatchObject([{ ...about, at, ...expected }]),
  );

  it.each(['messages.update', 'message-receipt.update', 'messages.reaction', 'messages.delete'])(
    '%s without a message is kept',
    (event) => {
      for (const data of [null, [], {}, 'x', [{ key: { remoteJid: number } }]])
        expect(eventsOf(event, data)).toMatchObject([{ kind: 'other', type: event }]);
    },
  );
});

describe('B13: contacts, chats and groups', () => {
  const participants = [{ id: lid, phoneNumber: number, notify: 'Bo' }, '15550124@s.whatsapp.net', {}, 5];
  const members = [{ keys: [lid, number], name: 'Bo', phone: '+15550123' }, { keys: ['15550124@s.whatsapp.net'] }];
  it.each<[string, unknown, object]>([
    [
      'contacts.upsert',
      [{ id: '33639980001@s.whatsapp.net' }],
      { kind: 'contact', contacts: [{ phone: '+33639980001' }] },
    ],
    [
      'chats.upsert',
      [{ id: lid, pnJid: number, name: 'Bo', unreadCount: 2, archived: false, conversationTimestamp: seconds }],
      {
        kind: 'conversation',
        conversations: [
          { keys: [lid, number], kind: 'person', name: 'Bo', unreadCount: 2, archived: false, lastMessageAt: at },
        ],
      },
    ],
    [
      'chats.update',
      [
        { id: number, muteEndTime: at, pinned: seconds },
        { id: group, mute: -1, pin: 0 },
        { id: group, mute: null },
        { id: group, muteEndTime: null, pinned: null },
      ],
      {
        conversations: [
          { keys: [number], mutedUntil: at, pinned: true },
          { keys: [group], kind: 'group', mutedUntil: 'forever', pinned: false },
          { keys: [group], mutedUntil: null },
          { keys: [group], mutedUntil: null, pinned: false },
        ],
      },
    ],
    ['chats.update', { id: number, unreadCount: -1 }, { conversations: [{ keys: [number], markedUnread: true }] }],
    ['chats.update', { id: number, unreadCount: 0 }, { conversations: [{ unreadCount: 0, markedUnread: false }] }],
    ['chats.update', { id: number, unreadCount: -2 }, { conversations: [{ keys: [number], kind: 'person' }] }],
    ['chats.update', [{ id: 'status@broadcast' }, {}, 5, null, { id: 'x' }], { conversations: [] }],
    ['chats.delete', [number, group], { kind: 'other' }],
    [
      'groups.upsert',
      [{ id: group, subject: 'Garage', participants }],
      { kind: 'conversation', conversations: [{ keys: [group], kind: 'group', name: 'Garage', attendees: members }] },
    ],
    ['groups.update', [{ id: group, subject: 'Shop' }], { conversations: [{ keys: [group], name: 'Shop' }] }],
    [
      'group-participants.update',
      { id: group, participants, action: 'add' },
      { kind: 'conversation', conversations: [{ keys: [group], attendees: members }] },
    ],
    ['made.up', { anything: 1 }, { kind: 'other' }],
    ['constructor', { anything: 1 }, { kind: 'other' }],
  ])('%s %j', (event, data, expected) => expect(eventsOf(event, data)).toMatchObject([expected]));

  it.each([
    ['add', 'attendees'],
    ['promote', 'attendees'],
    ['demote', 'attendees'],
    ['remove', 'departed'],
    ['leave', 'departed'],
  ])('tells of people of a group that they %s: %s', (action, list) => {
    const [event] = eventsOf('group-participants.update', { id: group, participants, action }, { timestamp: seconds });
    expect(event).toMatchObject({ at, conversations: [{ keys: [group], kind: 'group', [list]: members }] });
    expect(Object.keys(event.conversations[0])).toEqual(['keys', 'kind', list]);
  });

  it('names no people of a group where it does not tell what they did', () => {
    for (const action of ['modify', undefined]) {
      const [event] = eventsOf('group-participants.update', { id: group, participants, action });
      expect(event).toMatchObject({ at: null, conversations: [{ keys: [group], kind: 'group' }] });
      expect(Object.keys(event.conversations[0])).toEqual(['keys', 'kind']);
    }
  });
});
