import fc from 'fast-check';
import { formatPhone, numberSpellings, phoneCountry, phoneSpellings, readPhone, toE164 } from '../../domain/phone.ts';

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

it('gives the same result with and without plus, and when repeated', () =>
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

it('keeps a number outside the numbering plans, so that test numbers can be used', () => {
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
])('finds the country of %s: %s', (e164, country) => expect(phoneCountry(e164)).toBe(country));

it.each([
  ['+33 6 39 98 00 01', '+33639980001'],
  ['0033639980001', '+33639980001'],
  ['33639980001', '+33639980001'],
  ['+44 (0)20 7946 0018', '+442079460018'],
  ['+1 (415) 555-0100', '+14155550100'],
  ['+49\u00a030/901820', '+4930901820'],
  ['+44 (0)7911 123456', '+447911123456'],
  ['0033 6 39 98 00 01', '+33639980001'],
  ['+44 07911 123456', '+447911123456'],
  ['(+33)0639980001', '+33639980001'],
  ['+39 06 1234 5678', '+390612345678'],
  ['\u202a+33 6\u201039\u201098\u201000\u201001\u202c', '+33639980001'],
  ['\uff0b33639980001', '+33639980001'],
])('takes %s, as typed, for %s', (typed, e164) => expect(readPhone(typed)).toBe(e164));

it.each([
  '',
  '+',
  '1234',
  '06 39 98 00 01',
  '0639980001',
  '(0)6 39 98 00 01',
  '011 44 7911 123456',
  '+0639980001',
  '33639980001@s.whatsapp.net',
  '+1 415 CALL',
  '1'.repeat(16),
])('rejects %j, which does not work in every country', (typed) => expect(readPhone(typed)).toBeNull());

it.each([
  ['+33 6 39', ['33639']],
  ['06 39 98 00 01', ['0639980001', '639980001']],
  ['0123', ['0123']],
  ['+44 (0)20 7946', ['44207946']],
  ['+44 07911 123456', ['4407911123456', '447911123456']],
  ['Ana 2', []],
  ['()', []],
])('looks for %s as %j', (typed, digits) => expect(phoneSpellings(typed)).toEqual(digits));

it.each([
  ['+5531996880001', '+553196880001'],
  ['+5215512345678', '+525512345678'],
  ['+5491112345678', '+541112345678'],
])('knows that %s and %s are one phone', (one, other) => {
  expect(numberSpellings(one)).toEqual([one, other]);
  expect(numberSpellings(other)).toEqual([other, one]);
});

it.each(['+553133334444', '+33639980001', '+5531896880001'])('knows %s in one spelling only', (one) =>
  expect(numberSpellings(one)).toEqual([one]),
);
