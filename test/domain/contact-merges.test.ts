import fc from 'fast-check';
import { afterMerge, afterUnmerge, ownOf, type Contents } from '../../domain/contact-merges.ts';
import type { ContactFields } from '../../domain/contact-fields.ts';
import type { Provenance } from '../../domain/contacts.ts';

const at = '2026-01-01T00:00:00.000Z';

type Person = Contents & { id: string; mergedInto: string | null };

const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });
const word = fc.constantFrom('ana', 'bo', 'cy');
const some = fc.record({
  savedName: maybe(word),
  company: maybe(word),
  isBusinessAccount: fc.boolean(),
  name: maybe(word),
  written: maybe(word),
  /** The provider removed its push name. */
  took: fc.boolean(),
  groups: fc.uniqueArray(fc.constantFrom('vip', 'spring', 'team')),
});

type Some = typeof some extends fc.Arbitrary<infer Value> ? Value : never;

const person = (id: string, { name, written, took, groups, ...given }: Some): Person => {
  const fields: ContactFields = {
    phoneNumber: null,
    pushName: null,
    verifiedName: null,
    profileImageUrl: null,
    whatsappStatus: null,
    ...given,
    company: written ?? given.company,
  };
  const provenance: Provenance = {
    ...(took ? { pushName: { source: 'provider', at } } : {}),
    ...(name === null ? {} : { name: { source: 'edit', at } }),
    ...(written === null
      ? {}
      : { company: { source: 'edit', at, over: { value: given.company, origin: { source: 'provider', at } } } }),
  };
  const edits = { ...(name === null ? {} : { name }), ...(written === null ? {} : { company: written }) };
  return { id, fields, edits, provenance, groups, mergedInto: null };
};

/** Merges `other`, and the contacts merged into it, into `into`, as the database does. */
function merge(people: Person[], into: Person, other: Person): void {
  const along = people.filter(({ mergedInto }) => mergedInto === other.id);
  Object.assign(other, ownOf(other));
  for (const one of [other, ...along]) {
    Object.assign(into, afterMerge(into, one, at));
    one.mergedInto = into.id;
  }
}

function unmerge(people: Person[], leaving: Person): void {
  const survivor = people.find(({ id }) => id === leaving.mergedInto)!;
  const staying = people.filter((one) => one !== leaving && one.mergedInto === survivor.id);
  Object.assign(survivor, afterUnmerge(survivor, leaving.id, staying, at));
  leaving.mergedInto = null;
}

const four = ['a', 'b', 'c', 'd'];
const step = fc.tuple(fc.nat(3), fc.nat(3));
const cases = fc.tuple(fc.tuple(some, some, some, some), fc.array(step, { maxLength: 12 }));

/** Merges two unmerged contacts, or undoes a merge. */
function walk(people: Person[], steps: readonly (readonly [number, number])[], check: () => void): void {
  for (const [n, m] of steps) {
    const [one, two] = [people[n]!, people[m]!];
    if (one.mergedInto) unmerge(people, one);
    else if (one !== two && !two.mergedInto) merge(people, one, two);
    check();
  }
}

it('restores each contact after merging and undoing in any order', () =>
  fc.assert(
    fc.property(cases, ([contents, steps]) => {
      const people = contents.map((one, n) => person(four[n]!, one));
      const before = structuredClone(people);
      walk(people, steps, () => {});
      for (const one of people) if (one.mergedInto) unmerge(people, one);
      expect(people).toEqual(before);
    }),
  ));

it("shows a survivor's own values, and else values of the contacts merged into it", () =>
  fc.assert(
    fc.property(cases, ([contents, steps]) => {
      const people = contents.map((one, n) => person(four[n]!, one));
      const before = structuredClone(people);
      walk(people, steps, () => {
        for (const [n, one] of people.entries()) {
          const own = before[n]!;
          const others = before.filter(({ id }) => people.find((now) => now.id === id)?.mergedInto === one.id);
          expect(new Set(one.groups)).toEqual(new Set([own, ...others].flatMap(({ groups }) => groups)));
          const shown = (values: (string | null | undefined)[], mine: string | null | undefined, now: unknown) =>
            expect(mine ? [mine] : values.filter(Boolean)).toEqual(now ? expect.arrayContaining([now]) : []);
          shown(
            others.map(({ edits }) => edits.name),
            own.edits.name,
            one.edits.name,
          );
          shown(
            others.map(({ edits }) => edits.company),
            own.edits.company,
            one.edits.company,
          );
          shown(
            others.map(({ fields }) => fields.savedName),
            own.fields.savedName,
            one.fields.savedName,
          );
        }
      });
    }),
  ));
