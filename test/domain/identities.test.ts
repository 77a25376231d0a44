import { identitiesInside, jidOf, parseIdentity, phoneIdentity, phoneOf } from '../../domain/identities.ts';

it.each([
  ['33639980001', 'jid', '33639980001@s.whatsapp.net'],
  ['+33639980001', 'jid', '33639980001@s.whatsapp.net'],
  [' 33639980001@s.whatsapp.net ', 'jid', '33639980001@s.whatsapp.net'],
  ['33639980001:12@s.whatsapp.net', 'jid', '33639980001@s.whatsapp.net'],
  ['33639980001@c.us', 'jid', '33639980001@s.whatsapp.net'],
  ['900000000000001_1@lid', 'lid', '900000000000001@lid'],
])('reads %j as the %s %s', (text, kind, value) => expect(parseIdentity(text)).toEqual({ kind, value }));

it.each([null, '', 'Ana', '1234', '1'.repeat(16), '120363000000000001@g.us', '1234@newsletter', '33 639@lid'])(
  'reads no person in %j',
  (text) => expect(parseIdentity(text)).toBeNull(),
);

it('is its own canonical form', () => {
  for (const value of ['33639980001@s.whatsapp.net', '900000000000001@lid'])
    expect(parseIdentity(value)?.value).toBe(value);
});

it('finds identities inside a text, but no part of a longer word', () => {
  expect([...identitiesInside('ask 33639980001:2@c.us, or (900000000000001@lid)')]).toEqual([
    { kind: 'jid', value: '33639980001@s.whatsapp.net' },
    { kind: 'lid', value: '900000000000001@lid' },
  ]);
  expect([...identitiesInside('a33639980001@c.us 33639980001@c.us-x no@one')]).toEqual([null, null, null]);
});

it('returns the number of a JID, and null for a LID', () => {
  expect(phoneIdentity('+33 639980001')).toEqual({ kind: 'jid', value: jidOf('33639980001') });
  expect(phoneOf(phoneIdentity('+33639980001'))).toBe('+33639980001');
  expect(phoneOf({ kind: 'lid', value: '900000000000001@lid' })).toBeNull();
});
