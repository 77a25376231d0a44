import fc from 'fast-check';
import { formatPhone, phoneCountry, toE164 } from '../../domain/phone.ts';

it.each([
  ['+919876543210', '+919876543210'],
  ['919876543210', '+919876543210'],
  ['+91 98765 43210', '+919876543210'],
  ['+1 (415) 555-0100', '+14155550100'],
  ['919876543210@s.whatsapp.net', '+919876543210'],
])('reads %s as %s', (text, e164) => expect(toE164(text)).toBe(e164));

it.each([null, undefined, '', 'nobody', '+', '1234', '1234567890123456'])('finds no number in %s', (text) =>
  expect(toE164(text)).toBeNull(),
);

it('writes the same number the same way, with and without plus, and when read twice', () =>
  fc.assert(
    fc.property(fc.stringMatching(/^[1-9]\d{4,14}$/), (digits) => {
      expect(toE164(`+${digits}`)).toBe(toE164(digits));
      expect(toE164(toE164(digits))).toBe(`+${digits}`);
    }),
  ));

it.each([
  ['+919876543210', '+91 98765 43210'],
  ['+14155550100', '+1 415 555 0100'],
  ['+33612345678', '+33 6 12 34 56 78'],
])('shows %s as %s', (e164, shown) => expect(formatPhone(e164)).toBe(shown));

it('keeps a number that no numbering plan knows, so that test numbers can be used', () => {
  expect(toE164('99900000001')).toBe('+99900000001');
  expect(formatPhone('+99900000001')).toBe('+99900000001');
});

it('never loses a digit by formatting', () =>
  fc.assert(
    fc.property(fc.stringMatching(/^[1-9]\d{6,14}$/), (digits) => {
      expect(toE164(formatPhone(`+${digits}`))).toBe(`+${digits}`);
    }),
  ));

it.each([
  ['+919876543210', 'IN'],
  ['+33612345678', 'FR'],
  ['+99900000001', null],
])('places %s in: %s', (e164, country) => expect(phoneCountry(e164)).toBe(country));
