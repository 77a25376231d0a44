import { anyCasePattern, cleanText } from '../../domain/text.ts';
import { expectLinear } from '../support/linear.ts';

it.each([
  ['  Ana ', 'Ana'],
  ['\u200eAna\u200f', 'Ana'],
  ['\u202aAna\u202c', 'Ana'],
  ['A\0na', 'Ana'],
  ['Jose\u0301', 'Jos\u00e9'],
  ['\u2764\ufe0f', '\u2764\ufe0f'],
  ['\u{1f469}\u200d\u{1f467}', '\u{1f469}\u200d\u{1f467}'],
  ['\ud83d', '\ufffd'],
])('keeps of %j what shows', (text, clean) => expect(cleanText(text)).toBe(clean));

it.each([null, '', ' ', '\0', '\u200e', '\u3164', '\u2800', '\ufeff\u00a0', '\u200b\n', '\u{e0020}', '\ufe0f'])(
  'finds nothing to show in %j',
  (text) => expect(cleanText(text)).toBeNull(),
);

it('cleans a long text in linear time', () => {
  const before = process.cpuUsage();
  expect(cleanText(`x${'\u200e'.repeat(500_000)}x`)).toHaveLength(500_002);
  expect(process.cpuUsage(before).user / 1000).toBeLessThan(2_000);
});

it('cleans a text of marks alone in linear time', () =>
  expectLinear(
    (size) => `a${'\u0301\u0316'.repeat(size / 2)}`,
    (text) => cleanText(text),
  ));

it('looks for a letter in each of its spellings and cases', () => {
  expect(anyCasePattern('jose\u0301')).toBe(anyCasePattern('jos\u00e9'));
  expect(new RegExp(anyCasePattern('jose\u0301')).test('JOS\u00c9')).toBe(true);
});
