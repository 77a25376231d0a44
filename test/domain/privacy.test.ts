import { mostSubjects, subjectName, subjectNamed, subjectOf, SubjectSet, tracesOf } from '../../domain/erasure.ts';

describe('a subject', () => {
  it.each([
    ['33639980001@s.whatsapp.net', 'jid:33639980001@s.whatsapp.net'],
    ['33639980001:12@s.whatsapp.net', 'jid:33639980001@s.whatsapp.net'],
    ['33639980001@c.us', 'jid:33639980001@s.whatsapp.net'],
    ['+33 6 39 98 00 01', 'jid:33639980001@s.whatsapp.net'],
    ['33639980001', 'jid:33639980001@s.whatsapp.net'],
    ['900000000000001@lid', 'lid:900000000000001@lid'],
    ['900000000000001:3@lid', 'lid:900000000000001@lid'],
  ])('is the same in every spelling: %s', (text, name) => {
    expect(subjectName(subjectOf(text)!)).toBe(name);
    expect(subjectNamed(name)).toEqual(subjectOf(text));
  });

  it.each(['120363000000000001@g.us', '1234@newsletter', 'status@broadcast', 'Ana', '', '12', '1'.repeat(16)])(
    'is not "%s"',
    (text) => expect(subjectOf(text)).toBeNull(),
  );

  it('has search texts: its name, and its number where it has one', () => {
    expect(tracesOf([subjectOf('+33639980001')!, subjectOf('900000000000001@lid')!])).toEqual([
      '33639980001@s.whatsapp.net',
      '33639980001',
      '900000000000001@lid',
    ]);
  });
});

const namesOf = (set: SubjectSet): string[] => {
  const people = set.people();
  return people === 'too_many' ? [people] : people.map(subjectName);
};

describe('a set of subjects', () => {
  it('holds each once, and ids of channels unchanged', () => {
    const people = new SubjectSet();
    for (const name of ['33639980001', '+33 639 98 00 01', 33639980001, 'Ana', null]) people.add(name);
    people.addId('ACoAAB1');
    people.addId('33639980001@c.us');
    expect(namesOf(people)).toEqual(['jid:33639980001@s.whatsapp.net', 'id:ACoAAB1']);
  });

  it('stops reading at the limit of people in one body', () => {
    const people = new SubjectSet();
    people.addMentions(Array.from({ length: mostSubjects + 100 }, (_, n) => `${1_000_000 + n}@lid`));
    expect(people.isFull).toBe(true);
    expect(people.people()).toBe('too_many');
  });

  it('reads a deeply nested value', () => {
    let value: unknown = '1234567@lid';
    for (let n = 0; n < 100_000; n += 1) value = [value];
    const people = new SubjectSet();
    people.addMentions(value);
    expect(namesOf(people)).toEqual(['lid:1234567@lid']);
  });
});
