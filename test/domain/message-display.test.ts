import fc from 'fast-check';
import { displayOf, type DisplaySpan, type FindMention } from '../../domain/message-display.ts';
import { expectLinear } from '../support/linear.ts';

const nobody: FindMention = () => null;
const shown = (text: string, find = nobody): DisplaySpan[] => displayOf('whatsapp', text, find);
/** Spans as one text: `b[bold] i[italic] s[strike] m[mono] l[link] @[mention]`. */
const drawn = (text: string, find = nobody): string =>
  shown(text, find)
    .map(({ text: part, ...style }) => {
      const marks = Object.keys(style).map((name) => (name === 'mention' ? '@' : name.charAt(0)));
      return marks.length ? `${marks.join('')}[${part}]` : part;
    })
    .join('');

describe("C10: WhatsApp's texts as spans", () => {
  it.each([
    ['plain text', 'plain text'],
    ['*bold* and _italic_ and ~gone~', 'b[bold] and i[italic] and s[gone]'],
    ['*bold _both_ bold*', 'b[bold ]bi[both]b[ bold]'],
    ['_*both*_', 'bi[both]'],
    ['`code` and ```a *b* _c_```', 'm[code] and m[a *b* _c_]'],
    ['```two\nlines```', 'm[two\nlines]'],
    ['`two\nlines`', '`two\nlines`'],
    ['2 * 3 * 4', '2 * 3 * 4'],
    ['2*3*4', '2*3*4'],
    ['snake_case_name', 'snake_case_name'],
    ['* not bold*', '* not bold*'],
    ['*not bold *', '*not bold *'],
    ['*two\nlines*', '*two\nlines*'],
    ['**', '**'],
    ['(*bold*), "_it_"!', '(b[bold]), "i[it]"!'],
    ['*a _b* c_', 'b[a _b] c_'],
    ['*жирный*', 'b[жирный]'],
    ['see https://example.com/a_b_c?x=*1*&y now', 'see l[https://example.com/a_b_c?x=*1*&y] now'],
    ['(https://example.com/a).', '(l[https://example.com/a]).'],
    ['https://example.com/a_(b)', 'l[https://example.com/a_(b)]'],
    ['*https://example.com*', 'bl[https://example.com]'],
    ['www.example.com, ok', 'l[www.example.com], ok'],
    ['awww.example', 'awww.example'],
    ['javascript:alert(1)', 'javascript:alert(1)'],
    ['hello\n*there*', 'hello\nb[there]'],
    ['👍*yes*👍', '👍b[yes]👍'],
  ])('draws %j', (text, expected) => expect(drawn(text)).toBe(expected));

  it('leads from www. to https', () =>
    expect(shown('www.example.com')).toEqual([{ text: 'www.example.com', link: 'https://www.example.com' }]));

  it('names the people of mentions, and leaves digits of unknown people as they are', () => {
    const find: FindMention = (digits) => (digits === '33639980001' ? { attendee: 'a1', name: 'Maya' } : null);
    expect(shown('hi *@33639980001*, @33639980002', find)).toEqual([
      { text: 'hi ' },
      { text: '@Maya', bold: true, mention: { attendee: 'a1', name: 'Maya' } },
      { text: ', @33639980002' },
    ]);
    expect(drawn('mail@33639980001 @33639980001x @33639980001', find)).toBe('mail@33639980001 @33639980001x @[@Maya]');
  });

  it('shows nothing where there is no text', () => {
    expect(displayOf('whatsapp', null, nobody)).toEqual([]);
    expect(displayOf('mail', '', nobody)).toEqual([]);
  });
});

it('C10: other channels have links only', () =>
  expect(displayOf('linkedin', '*a* @33639980001 https://example.com', nobody)).toEqual([
    { text: '*a* @33639980001 ' },
    { text: 'https://example.com', link: 'https://example.com' },
  ]));

const piece = fc.constantFrom(
  '*',
  '_',
  '~',
  '`',
  '```',
  '\n',
  ' ',
  'a',
  'B',
  'é',
  '👍',
  '@33639980001',
  'https://',
  'www.',
  '.',
  ')',
  '(',
  '@',
);
const texts = fc.array(piece, { maxLength: 40 }).map((parts) => parts.join(''));

describe('every text', () => {
  it('loses marks alone', () =>
    fc.assert(
      fc.property(texts, (text) => {
        const bare = (one: string): string => one.replace(/[*_~`]/g, '');
        const all = shown(text)
          .map((span) => span.text)
          .join('');
        expect(bare(all)).toBe(bare(text));
      }),
    ));

  it('has no empty span, and keeps a link whole', () =>
    fc.assert(
      fc.property(texts, (text) => {
        for (const span of shown(text)) {
          expect(span.text).not.toBe('');
          if (span.link !== undefined) expect(span.link.endsWith(span.text)).toBe(true);
        }
      }),
    ));

  it('is drawn the same twice: plain spans have no marks that count', () =>
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z .,]{0,40}$/), (text) => {
        expect(drawn(text)).toBe(text);
      }),
    ));
});

describe('is read in linear time', () => {
  it.each([
    '*',
    '_a_ ',
    '*a ',
    '`',
    '` ',
    '```',
    '```a',
    'http://',
    'http://a) ',
    'http://a',
    ')',
    'www.',
    '@12345',
    '@33639980001 ',
    'h',
    '*_~',
    'a\n*',
  ])('of %j over and over', (part) => expectLinear((size) => part.repeat(Math.floor(size / 50 / part.length)), shown));
});
