import { subjectName, subjectNamed, subjectOf, subjectsIn, tracesOf } from '../../domain/erasure.ts';

const names = (body: unknown): string[] =>
  subjectsIn(typeof body === 'string' ? body : JSON.stringify(body))
    .map(subjectName)
    .toSorted();

describe('a subject', () => {
  it.each([
    ['33639980001@s.whatsapp.net', 'jid:33639980001@s.whatsapp.net'],
    ['33639980001:12@s.whatsapp.net', 'jid:33639980001@s.whatsapp.net'],
    ['33639980001@c.us', 'jid:33639980001@s.whatsapp.net'],
    ['+33 6 39 98 00 01', 'jid:33639980001@s.whatsapp.net'],
    ['33639980001', 'jid:33639980001@s.whatsapp.net'],
    ['900000000000001@lid', 'lid:900000000000001@lid'],
    ['900000000000001:3@lid', 'lid:900000000000001@lid'],
  ])('is one in whatever spelling: %s', (text, name) => {
    expect(subjectName(subjectOf(text)!)).toBe(name);
    expect(subjectNamed(name)).toEqual(subjectOf(text));
  });

  it.each(['120363000000000001@g.us', '1234@newsletter', 'status@broadcast', 'Ana', '', '12', '1'.repeat(16)])(
    'is not "%s"',
    (text) => expect(subjectOf(text)).toBeNull(),
  );

  it('leaves traces: its name, and its number where it has one', () => {
    expect(tracesOf([subjectOf('+33639980001')!, subjectOf('900000000000001@lid')!])).toEqual([
      '33639980001@s.whatsapp.net',
      '33639980001',
      '900000000000001@lid',
    ]);
  });
});

describe('the body of an event speaks of', () => {
  it('everybody in a message of WASender, under each of their names once', () => {
    const key = {
      id: '3EB0EE55FF66',
      fromMe: false,
      remoteJid: '900000000000001@lid',
      senderPn: '15550123@s.whatsapp.net',
      cleanedSenderPn: '15550123',
      senderLid: '900000000000001@lid',
    };
    const messages = { key, messageBody: 'On my way', message: { conversation: 'On my way' } };
    expect(names({ event: 'messages.received', timestamp: 1770109260, data: { messages } })).toEqual([
      'jid:15550123@s.whatsapp.net',
      'lid:900000000000001@lid',
    ]);
  });

  it('entries of contacts by whatever names them', () => {
    const data = [
      { id: '33639980001@s.whatsapp.net', notify: 'Ana' },
      { jid: '33639980002', lid: '900000000000002@lid' },
      { id: '900000000000003@lid', phoneNumber: '+33 639-98-00-03' },
    ];
    expect(names({ event: 'contacts.upsert', data })).toEqual([
      'jid:33639980001@s.whatsapp.net',
      'jid:33639980002@s.whatsapp.net',
      'jid:33639980003@s.whatsapp.net',
      'lid:900000000000002@lid',
      'lid:900000000000003@lid',
    ]);
  });

  it('attendees of UniPile, by number or by whatever their channel calls them', () => {
    const body = {
      event: 'message_received',
      account_id: 'abc',
      timestamp: '2026-05-04T10:00:00Z',
      sender: {
        attendee_provider_id: '33639980001@s.whatsapp.net',
        attendee_specifics: { phone_number: '+33639980001' },
      },
      attendees: [{ attendee_provider_id: 'ACoAAB1', attendee_name: 'Ana' }],
    };
    expect(names(body)).toEqual(['id:ACoAAB1', 'jid:33639980001@s.whatsapp.net']);
  });

  it('people named by a field, inside a text and in a card', () => {
    expect(names({ seen_by: { '33639980001@s.whatsapp.net': 1 } })).toEqual(['jid:33639980001@s.whatsapp.net']);
    expect(names({ text: 'ask 33639980001@s.whatsapp.net, please' })).toEqual(['jid:33639980001@s.whatsapp.net']);
    expect(names({ vcard: 'TEL;type=CELL;waid=33639980001:+33 6 39' })).toEqual(['jid:33639980001@s.whatsapp.net']);
  });

  it('people also where it is no JSON', () => {
    expect(names('sender=33639980001%40s.whatsapp.net&x=1')).toEqual(['jid:33639980001@s.whatsapp.net']);
    expect(names('%zz 33639980001@s.whatsapp.net')).toEqual(['jid:33639980001@s.whatsapp.net']);
  });

  it('nobody where it tells of a state, a group or a time', () => {
    expect(names({ AccountStatus: { account_id: 'x', account_type: 'WHATSAPP', message: 'OK' } })).toEqual([]);
    expect(
      names({ data: { remoteJid: '120363000000000001@g.us', messageTimestamp: 1770109260, id: 12345678 } }),
    ).toEqual([]);
    expect(names('null')).toEqual([]);
    expect(names('')).toEqual([]);
  });
});
