import { findAll, formsOf } from './search.ts';

it.each(formsOf('pässword "x" /?'))('finds a value written as %s', (form) => {
  const bytes = Buffer.from(`before${form}after`);
  expect(findAll([{ name: 'here', bytes }], [{ name: 'it', value: 'pässword "x" /?' }])).toHaveLength(1);
});

it.each([0, 1, 2])('finds a value inside of base64 that began %d bytes earlier', (before) => {
  const bytes = Buffer.from(Buffer.from(`${'x'.repeat(before)}a-long-secret, and more`).toString('base64'));
  expect(findAll([{ name: 'here', bytes }], [{ name: 'it', value: 'a-long-secret' }])).toHaveLength(1);
});

it('finds a value with quotes escaped in several languages, by its unescaped part', () => {
  const value = 'Zoë "a1b2c3d4e5f6" Ñandú';
  const bytes = Buffer.from(`E'{"display_name":"Zoë \\\\"a1b2c3d4e5f6\\\\" Ñandú"}'`);
  expect(findAll([{ name: 'here', bytes }], [{ name: 'it', value }])).toHaveLength(1);
});

it('finds nothing in texts without the value', () => {
  const bytes = Buffer.from('{"display_name":"somebody else"}');
  expect(findAll([{ name: 'here', bytes }], [{ name: 'it', value: 'a-long-secret' }])).toEqual([]);
});
