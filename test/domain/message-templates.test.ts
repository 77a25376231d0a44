import fc from 'fast-check';
import { templateText, whyTemplateRefused, type TemplateOutline } from '../../domain/message-templates.ts';
import type { TemplateUse } from '../../domain/send-options.ts';

const outline: TemplateOutline = {
  name: 'order',
  language: 'en_US',
  isApproved: true,
  status: 'approved',
  header: { text: 'Order {{1}}' },
  body: { text: 'Hello {{1}}, your {{2}} is ready. Thank you, {{1}}.' },
  buttons: [
    { label: 'Call', takes: null },
    { label: 'Track', takes: { text: 'https://a.test/{{1}}' } },
    { label: 'Stop', takes: { text: '' } },
  ],
};
const use: TemplateUse = {
  name: 'order',
  language: 'en_US',
  header: [{ text: '7' }],
  body: [{ text: 'Ana' }, { text: 'coffee' }],
  buttons: [{ index: 1, text: 'abc' }],
};
const named: TemplateOutline = {
  ...outline,
  header: null,
  body: { text: 'Hello {{first_name}}, see {{ place }}.' },
  buttons: [],
};

describe('a template with its parameters', () => {
  it('has the text that the recipient sees', () => {
    expect(whyTemplateRefused(outline, use, [])).toBeNull();
    expect(templateText(outline, use)).toBe('Order 7\n\nHello Ana, your coffee is ready. Thank you, Ana.');
    const body = [
      { name: 'place', text: 'Main Rd' },
      { name: 'first_name', text: 'Ana' },
    ];
    expect(whyTemplateRefused(named, { ...use, header: [], buttons: [], body }, [])).toBeNull();
    expect(templateText(named, { ...use, header: [], body })).toBe('Hello Ana, see Main Rd.');
  });

  it('takes a parameter that looks like a place as it is', () =>
    expect(templateText(outline, { ...use, body: [{ text: '{{2}}' }, { text: '$& {{1}}' }] })).toBe(
      'Order 7\n\nHello {{2}}, your $& {{1}} is ready. Thank you, {{2}}.',
    ));

  it.each<[string, TemplateOutline | null, Partial<TemplateUse>, readonly ('image' | 'video')[], RegExp]>([
    ['that does not exist', null, {}, [], /^template: there is no template order in the language en_US/],
    ['that is not approved', { ...outline, isApproved: false, status: 'paused' }, {}, [], /^template: order is paused/],
    ['with too few parameters', outline, { body: [{ text: 'Ana' }] }, [], /^template.body: takes 2 parameters, not 1/],
    [
      'with too many',
      outline,
      { header: [{ text: '1' }, { text: '2' }] },
      [],
      /^template.header: takes 1 parameter, not 2/,
    ],
    [
      'with an empty one',
      outline,
      { body: [{ text: 'Ana' }, { text: ' ' }] },
      [],
      /^template.body: a parameter is empty/,
    ],
    [
      'without the parameter of a button',
      outline,
      { buttons: [] },
      [],
      /^template.buttons: the parameter of button 1 is missing/,
    ],
    [
      'with one for a button that takes none',
      outline,
      { buttons: [{ index: 0, text: 'a' }] },
      [],
      /button 0 takes no parameter/,
    ],
    ['with one for no button', outline, { buttons: [{ index: 9, text: 'a' }] }, [], /button 9 takes no parameter/],
    [
      'with two for one button',
      outline,
      {
        buttons: [
          { index: 1, text: 'a' },
          { index: 1, text: 'b' },
        ],
      },
      [],
      /named twice/,
    ],
    ['with a file that it does not take', outline, {}, ['image'], /^attachments: order takes none/],
    [
      'without its file',
      { ...outline, header: { file: 'image' } },
      { header: [] },
      [],
      /^attachments: order takes one attachment of the kind image/,
    ],
    ['with another file', { ...outline, header: { file: 'image' } }, { header: [] }, ['video'], /of the kind image/],
    [
      'with other names',
      named,
      { header: [], buttons: [], body: [{ name: 'first_name', text: 'a' }, { text: 'b' }] },
      [],
      /^template.body: the parameter place is missing/,
    ],
  ])('%s is refused before it is sent', (_, of, more, files, expected) =>
    expect(whyTemplateRefused(of, { ...use, ...more }, files)).toMatch(expected),
  );

  it('whose parameters fit has no place left', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z ]{1,8}$/), { minLength: 1, maxLength: 5 }), (words) => {
        const text = words.map((_, n) => `<{{${n + 1}}}>`).join(' ');
        const of = { ...outline, header: null, body: { text }, buttons: [] };
        const given = { ...use, header: [], buttons: [], body: words.map((word) => ({ text: `${word}.` })) };
        expect(whyTemplateRefused(of, given, [])).toBeNull();
        expect(templateText(of, given)).toBe(words.map((word) => `<${word}.>`).join(' '));
      }),
    );
  });
});
