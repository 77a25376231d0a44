import { foldText, highlight, searchWords } from '../../domain/search-text.ts';

it.each([
  ['José Ñandú', 'jose nandu'],
  ['ŁÓDŹ', 'łodz'],
  ['ΟΔΥΣΣΕΥΣ', 'οδυσσευσ'],
  ['Йод Ёлка', 'иод елка'],
  ['ﬁne Ｗide', 'fine wide'],
  ["don't-stop", 'don t stop'],
  ['a👍b', 'a b'],
])('folds %j', (text, folded) => expect(foldText(text)).toBe(folded));

it('takes the words of a search, each once', () => expect(searchWords(' Ana, ana  Ñu! ')).toEqual(['ana', 'nu']));

describe('a highlight', () => {
  const marked = (text: string, ...words: string[]): string =>
    highlight(text, words)
      .map((part) => (part.match ? `[${part.text}]` : part.text))
      .join('');

  it.each([
    ['Hello José, hello', ['jos', 'hello'], '[Hello] [José], [hello]'],
    ['<b>bold</b>', ['bold'], '<b>[bold]</b>'],
    ['nothing here', ['else'], 'nothing here'],
    ['', ['x'], ''],
  ])('of %j', (text, words, expected) => expect(marked(text, ...words)).toBe(expected));

  it('is the part around the first match, and cuts no sign', () => {
    const parts = highlight(`${'👍'.repeat(200)} found ${'👍'.repeat(200)}`, ['found']);
    const text = parts.map((part) => part.text).join('');
    expect(text.length).toBeLessThan(260);
    expect(text.isWellFormed()).toBe(true);
    expect(parts.filter(({ match }) => match)).toEqual([{ text: 'found', match: true }]);
  });
});
