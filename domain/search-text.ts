/** Letters with two cases that are not made of a letter and a mark: Latin, Greek, Cyrillic, Armenian. */
const casedLetters: readonly (readonly [first: number, last: number])[] = [
  [0xc0, 0x24f],
  [0x370, 0x52f],
  [0x531, 0x556],
];

const lowerCase = new Map(
  casedLetters
    .flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, n) => String.fromCharCode(first + n)))
    .map((letter) => [letter, letter.toLowerCase()] as const)
    .filter(([letter, lower]) => lower !== letter && lower.length === 1),
);
// A sigma at the end of a word is the same letter.
lowerCase.set('\u03c2', '\u03c3');

/** Accents, Hebrew points and Arabic vowel signs. */
const marks = /[\u0300-\u036f\u0591-\u05c7\u064b-\u0652]+/g;
/** What stands between words, as code points: ASCII, then punctuation and symbols, emoji among them. */
const separatorRanges: readonly (readonly [first: number, last: number])[] = [
  [0x1, 0x2f],
  [0x3a, 0x40],
  [0x5b, 0x60],
  [0x7b, 0xbf],
  [0xd7, 0xd7],
  [0xf7, 0xf7],
  [0x2000, 0x2bff],
  [0x2e00, 0x2e7f],
  [0x3000, 0x3004],
  [0x3008, 0x303f],
  [0xfe00, 0xfe6f],
  [0xfeff, 0xfeff],
  [0xfff0, 0xffff],
  [0x1f000, 0x1faff],
  [0xe0000, 0xe007f],
];
const ranges = separatorRanges.map((range) => range.map((point) => `\\u{${point.toString(16)}}`).join('-')).join('');
const separators = new RegExp(`[${ranges}]+`, 'gu');

/** A text as it is searched: words without case, accents and punctuation. The database's `fold_text` answers the same. */
export const foldText = (text: string): string =>
  text
    .normalize('NFKD')
    .replace(marks, '')
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase())
    .replace(/[\u00c0-\u0556]/g, (letter) => lowerCase.get(letter) ?? letter)
    .replace(separators, ' ');

/** Words that are searched for; more of them find nothing that these do not. */
const mostWords = 16;

/** The words of a search, as `foldText` spells them. */
export const searchWords = (text: string): string[] =>
  [...new Set(foldText(text).split(' ').filter(Boolean))].slice(0, mostWords);

/** A part of a text; `match`: it is a word that was searched for. */
export interface Highlight {
  text: string;
  match: boolean;
}

/** Letters, digits and marks of one word. */
const word = /[\p{L}\p{N}\p{M}]+/gu;
/** Characters that are shown around the first match. */
const [shownBefore, shownAfter] = [60, 180];

/** The part of a text around its first match, with every word marked that begins as one of `words` does. */
export function highlight(text: string, words: readonly string[]): Highlight[] {
  const isMatch = (one: string): boolean =>
    foldText(one)
      .split(' ')
      .some((part) => words.some((begin) => part.startsWith(begin)));
  const matches = [...text.matchAll(word)]
    .filter(([one]) => isMatch(one))
    .map(({ 0: one, index }) => ({ from: index, to: index + one.length }));
  const first = matches[0]?.from ?? 0;
  const from = startOfLetter(text, Math.max(0, first - shownBefore));
  const to = startOfLetter(text, Math.min(text.length, first + shownAfter));
  const parts: Highlight[] = from > 0 ? [{ text: '…', match: false }] : [];
  let at = from;
  const add = (end: number, match: boolean): void => {
    if (end > at) parts.push({ text: text.slice(at, end), match });
    at = Math.max(at, end);
  };
  for (const found of matches.filter((one) => one.from < to)) {
    add(found.from, false);
    add(Math.min(found.to, to), true);
  }
  add(to, false);
  if (to < text.length) parts.push({ text: '…', match: false });
  return parts;
}

/** A place that does not cut a surrogate pair. */
const startOfLetter = (text: string, at: number): number =>
  at > 0 && /[\udc00-\udfff]/.test(text.charAt(at)) && /[\ud800-\udbff]/.test(text.charAt(at - 1)) ? at - 1 : at;
