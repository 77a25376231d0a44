import { unipile } from '../../../providers/unipile/index.ts';
import { sample } from './message-sample.ts';

const read = (body: unknown) =>
  unipile.webhooks.read({ raw: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), headers: {} });
const eventOf = (body: unknown) => read(body).events?.[0];
const linkedIn = {
  ...sample,
  account_type: 'LINKEDIN',
  account_info: { type: 'LINKEDIN', feature: 'classic', user_id: 'ACoMe' },
  provider_chat_id: '2-abc',
  sender: { attendee_provider_id: 'ACoBo', attendee_name: 'Bo', attendee_public_identifier: 'bo' },
};
const without = (body: object, name: string) =>
  Object.fromEntries(Object.entries(body).filter(([key]) => key !== name));
const messageOf = (change: object): any => eventOf({ ...sample, ...change });
const [number, lid] = ['15550123@s.whatsapp.net', '900000000000001@lid'];
const at = Date.parse('2026-02-03T08:41:00.000Z');
const keys = { messageKeys: ['3EB0CC33DD44', 'bWVzc2FnZV9udW1iZXJfMg'] };
const chat = [number, lid, 'Y2hhdF9udW1iZXJfb25lX18'];

describe('C1: a message', () => {
  const bo = { keys: [number, lid], name: 'Bo Example', phone: '+15550123', isSelf: false, pictureUrl: null };

  it('is read whole', () =>
    expect(eventOf(sample)).toMatchObject({
      kind: 'message',
      message: {
        keys: keys.messageKeys,
        conversationKeys: chat,
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
      conversation: { keys: chat, kind: 'person' },
    }));

  it('says of a person only what it tells', () => {
    expect(messageOf({ is_event: 0 }).message).not.toHaveProperty('event');
    expect(messageOf({}).message).not.toHaveProperty('editedAt');
    expect(messageOf({}).conversation).not.toHaveProperty('attendees');
    expect(without(messageOf({ sender: null, is_sender: null }).message, 'text')).toMatchObject({
      sender: null,
      direction: null,
    });
  });

  const sender = (change: object): object => ({ sender: { ...sample.sender, ...change } });
  it.each([
    ['a number with a device', { provider_chat_id: '15550123:7@s.whatsapp.net' }, chat],
    ['the older server', { provider_chat_id: '15550123@c.us' }, chat],
    ['a LID', { provider_chat_id: lid, ...sender({ attendee_provider_id: lid }) }, [lid, number, chat[2]]],
    [
      'a LID whose number is hidden',
      {
        provider_chat_id: lid,
        ...sender({
          attendee_provider_id: lid,
          attendee_public_identifier: '900000000000001',
          attendee_specifics: { provider: 'WHATSAPP', phone_number: 'hidden', lid },
        }),
      },
      [lid, chat[2]],
    ],
    [
      'our own message to a LID',
      {
        provider_chat_id: lid,
        is_sender: true,
        sender: { attendee_provider_id: '15550100@s.whatsapp.net' },
        attendees: [sample.sender],
      },
      [lid, number, chat[2]],
    ],
    ['a group', { provider_chat_id: '120363000000000001@g.us', is_group: true }, ['120363000000000001@g.us', chat[2]]],
    [
      'a number that is not the sender’s',
      { provider_chat_id: '15550124@s.whatsapp.net' },
      ['15550124@s.whatsapp.net', chat[2]],
    ],
    ['another channel', linkedIn, ['2-abc', chat[2]]],
    ['an id that looks like a number', { ...linkedIn, provider_chat_id: '15550123' }, ['15550123', chat[2]]],
    ['the id of UniPile alone', { provider_chat_id: null, sender: null }, [chat[2]]],
  ])('names its conversation by %s', (_name, change, expected) => {
    expect(messageOf(change).message.conversationKeys).toEqual(expected);
    expect(messageOf(change).conversation.keys).toEqual(expected);
  });

  it.each([
    [{ provider_chat_id: '120363000000000001@g.us' }, 'group'],
    [{ provider_chat_id: '120363000000000001@newsletter' }, 'channel'],
    [{ ...linkedIn, is_group: true }, 'group'],
    [{ ...linkedIn, is_group: 0 }, 'person'],
    [{ ...linkedIn, is_group: null }, undefined],
  ])('tells the kind of its conversation: %j', (change, kind) =>
    expect(messageOf(change).conversation.kind).toBe(kind),
  );

  it.each([
    ['as said', { is_sender: true }, 'out'],
    ['as said in a number', { is_sender: 1 }, 'out'],
    ['as said in a text', { is_sender: 'false' }, 'in'],
    ['of another number', { is_sender: undefined }, 'in'],
    ['of its own number', { is_sender: undefined, sender: { attendee_provider_id: '15550100@s.whatsapp.net' } }, 'out'],
    [
      'of its own number in another spelling',
      {
        is_sender: undefined,
        account_info: { type: 'WHATSAPP', phone_number: '5511987654321' },
        sender: { attendee_provider_id: '551187654321@s.whatsapp.net' },
      },
      'out',
    ],
    ['of a LID, which may be its own', { is_sender: undefined, sender: { attendee_provider_id: lid } }, null],
    ['of its own id', { ...linkedIn, is_sender: undefined, sender: { attendee_provider_id: 'ACoMe' } }, 'out'],
    ['of another id', { ...linkedIn, is_sender: undefined }, 'in'],
    ['of an account that is not told', { is_sender: undefined, account_info: undefined }, null],
  ])('goes the way of its sender: %s', (_name, change, direction) => {
    const { message } = messageOf(change);
    expect(message.direction).toBe(direction);
    expect(message.sender.isSelf).toBe(direction === null ? null : direction === 'out');
    expect(message.status).toBe(direction === 'out' ? 'sent' : null);
  });

  it.each([
    ['2026-02-03T08:41:00.000Z', at],
    ['2026-02-03T08:41:00', at],
    ['2026-02-03 08:41:00', at],
    ['2026-02-03T09:41:00+01:00', at],
    [at, at],
    [at / 1000, at],
    [String(at / 1000), at],
    [String(at), at],
    [undefined, null],
    ['yesterday', null],
    ['5', null],
    [-at, null],
    [1e300, null],
    ['-271821-04-20T00:00:00Z', null],
    ['275760-09-13T00:00:00Z', null],
  ])('was sent at %j', (timestamp, sentAt) => expect(messageOf({ timestamp }).message.sentAt).toBe(sentAt));

  it('has the people of its conversation, and those that read it', () => {
    const kim = { attendee_id: 'kim', attendee_provider_id: '15550124@s.whatsapp.net', attendee_name: ' Kim ' };
    const told = messageOf({ attendees: [kim, {}, 'x'], seen_by: { kim: '2026-02-03T08:42:00Z', no: false } });
    expect(told.conversation.attendees).toMatchObject([
      { keys: ['15550124@s.whatsapp.net'], name: 'Kim', phone: '+15550124' },
      { keys: ['x'] },
    ]);
    expect(told.message.readBy).toEqual([{ by: '15550124@s.whatsapp.net', at: at + 60_000 }]);
  });

  it.each([
    [{ seen: 1 }, { status: 'read' }],
    [{ delivered: 1 }, { status: 'delivered' }],
    [{ edited: 1 }, { editedAt: null }],
    [{ deleted: 1 }, { deleted: true }],
    [{ quoted: { provider_id: '3EB0Q', text: 'before' } }, { quotedKey: '3EB0Q' }],
    [{ quoted: { id: 'q' } }, { quotedKey: 'q' }],
    [{ is_event: 1, event_type: 4 }, { event: 'name_changed' }],
    [{ is_event: true, event_type: 99 }, { event: 'unknown' }],
    [{ is_event: '1', event_type: '8' }, { event: 'missed_voice_call' }],
    [
      { reactions: [{ value: '+1', sender_id: number, is_sender: false }, { value: '' }] },
      { reactions: [{ emoji: '+1', by: { keys: [number, lid] } }] },
    ],
    [{ message: ' Hi\0\ud83d ' }, { text: ' Hi\ufffd ' }],
    [{ message: ' \n' }, { text: null }],
    [{ message: '' }, { text: null }],
    [{ message: { text: 'no text' } }, { text: null }],
  ])('with %j', (change, expected) =>
    expect(messageOf({ is_sender: true, ...change }).message).toMatchObject(expected),
  );

  it.each([
    [{ provider_message_id: undefined, message_id: undefined }],
    [{ provider_chat_id: undefined, chat_id: undefined, is_group: true }],
    [{ provider_message_id: 'x'.repeat(256), message_id: 'a\0b' }],
    [{ provider_chat_id: 'status@broadcast' }],
  ])('is none where it names no message of a conversation: %j', (change) =>
    expect(messageOf(change)).toMatchObject({ kind: 'other', type: 'message_received' }),
  );

  it('has a key with its chat where a channel numbers the messages of each chat anew', () => {
    const telegram = { ...linkedIn, account_type: 'TELEGRAM', provider_chat_id: '77', provider_message_id: '5' };
    expect(messageOf({ ...telegram, quoted: { provider_id: '4' } }).message).toMatchObject({
      keys: ['77:5', sample.message_id],
      quotedKey: '77:4',
    });
    expect(messageOf({ ...telegram, event: 'message_deleted' }).messageKeys).toEqual(['77:5', sample.message_id]);
  });

  const attachment = { id: 'f', type: 'img', mimetype: 'image/png', unavailable: false, url: 'att://f', file_size: 5 };
  const image = {
    key: 'f',
    kind: 'image',
    mimeType: 'image/png',
    size: 5,
    voice: false,
    unavailable: false,
    url: null,
    source: { message: sample.message_id, attachment: 'f' },
  };
  it.each([
    ['a list', [attachment], [image]],
    ['an object of several', { 0: attachment, 1: { ...attachment, id: 'g' } }, [image, { key: 'g' }]],
    ['one alone', attachment, [image]],
    ['one told twice', [attachment, attachment], [image]],
    ['texts for yes and no', [{ ...attachment, sticker: 'true' }], [{ kind: 'sticker' }]],
    ['a size', [{ ...attachment, size: { width: 3, height: '4' } }], [{ width: 3, height: 4 }]],
    [
      'a voice note',
      [{ id: 'f', type: 'audio', duration: 2.4, voice_note: true }],
      [{ kind: 'audio', voice: true, duration: 2.4 }],
    ],
    ['a file', [{ id: 'f', type: 'file', file_name: 'a.pdf' }], [{ kind: 'document', fileName: 'a.pdf' }]],
    ['a film that is gone', [{ id: 'f', type: 'video', unavailable: true }], [{ kind: 'video', unavailable: true }]],
    [
      'a post',
      [{ id: 'f', type: 'linkedin_post', url: 'https://www.linkedin.com/p', url_expires_at: at }],
      [{ kind: 'link', url: 'https://www.linkedin.com/p', urlExpiresAt: at, source: null }],
    ],
    ['a kind of tomorrow', [{ type: 'constructor' }], [{ key: '0', kind: 'other', source: null }]],
    ['none', {}, []],
    ['something else', 'x', []],
  ])('has attachments as %s', (_name, attachments, expected) =>
    expect(messageOf({ attachments }).message.attachments).toMatchObject(expected),
  );
});

describe('C1: what happens to a message', () => {
  const about = { ...keys, conversationKeys: chat, at };
  it.each([
    [{ event: 'message_delivered' }, { kind: 'receipt', status: 'delivered', by: null }],
    [
      { event: 'message_read', seen: 1, seen_by: {} },
      { kind: 'receipt', status: 'read', by: null },
    ],
    [
      { event: 'message_edited', message: 'Later' },
      { kind: 'edit', text: 'Later' },
    ],
    [{ event: 'message_deleted', message: null }, { kind: 'delete' }],
    [
      { event: 'message_reaction', reaction: '👍', reaction_sender: sample.sender },
      { kind: 'reaction', emoji: '👍', by: { keys: [number, lid], isSelf: false } },
    ],
    [
      { event: 'message_reaction', reaction: '', reaction_sender: '15550100' },
      { kind: 'reaction', emoji: null, by: { keys: ['15550100@s.whatsapp.net'], isSelf: true } },
    ],
    [
      { event: 'message_reaction', reaction: '👍' },
      { kind: 'reaction', emoji: '👍', by: null },
    ],
  ])('%j', (change, expected) => expect(messageOf(change)).toMatchObject({ ...about, ...expected }));

  it('is read in a group by each person, as one event each', () => {
    const attendees = [{ attendee_id: 'kim', attendee_provider_id: '15550124@s.whatsapp.net' }];
    const seen_by = { kim: '2026-02-03T08:42:00Z', '15550125@s.whatsapp.net': true };
    const group = { provider_chat_id: '120363000000000001@g.us', is_group: true, attendees, seen_by };
    const { events } = read({ ...sample, ...group, event: 'message_read' });
    expect(events).toMatchObject([
      { kind: 'receipt', status: 'read', by: { keys: ['15550124@s.whatsapp.net'] }, at: at + 60_000 },
      { kind: 'receipt', status: 'read', by: { keys: ['15550125@s.whatsapp.net'] }, at },
    ]);
    expect(new Set(events?.map(({ dedupeKey }) => dedupeKey)).size).toBe(2);
  });
});

describe('a list of events', () => {
  it('is read as those events', () => {
    const status = { AccountStatus: { account_id: 'a', message: 'OK' } };
    const { events } = read([sample, status, { odd: number }]);
    expect(events).toMatchObject([
      { kind: 'message', dedupeKey: eventOf(sample)?.dedupeKey },
      { kind: 'account_status', dedupeKey: eventOf(status)?.dedupeKey },
      { kind: 'other', type: 'unknown', subjects: [{ kind: 'jid', value: number }] },
    ]);
  });

  it.each([[[]], [[{}, 1]], ['[1'], [[[sample]]]])('without any is none: %j', (body) =>
    expect(read(body).events).toBeNull(),
  );
});
