import { hash } from 'node:crypto';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import {
  aliasesOf,
  contentOf,
  isNamed,
  isSamePicture,
  withoutRepeats,
  type SeenContact,
} from '../../../domain/contacts.ts';
import { identityOf, identitySpellings, phoneOf, type Identity } from '../../../domain/identities.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { isContradicted, partnerOf } from './alias-pairs.ts';
import { ContactPage, type Known, type SavedPerson, type Saving } from './contact-page.ts';
import { lockContacts } from './lock-contacts.ts';

interface Person {
  entry: SeenContact;
  aliases: Identity[];
  hash: string;
}

/**
 * Finds people by any alias, rewrites only new entries, merges contacts of one person. Returns each entry's outcome,
 * repeats of an identity counted once; none for a person without a contact whom an event does not name. Takes the account's
 * lock.
 */
export async function saveContacts(em: Em, of: Saving, entries: readonly SeenContact[]): Promise<SavedPerson[]> {
  const told = withoutRepeats(entries).map((entry) => ({ entry, aliases: aliasesOf(entry) }));
  await lockContacts(em, of.accountId);
  const finding = knownAliases(
    em,
    of.accountId,
    told.flatMap(({ aliases }) => aliases),
    of.keep === null || of.keep.has('profileImageUrl'),
  );
  // A failure is seen below. PostgreSQL looks up while the hashes are made.
  finding.catch(() => {});
  await yieldToEventLoop();
  let people = told.map(({ entry, aliases }): Person => ({
    entry,
    aliases,
    hash: hash('sha256', contentOf(entry, of.keep), 'base64url'),
  }));
  const known = await finding;
  for (const person of people) if (person.entry.asked !== undefined) dropForeign(known, person);
  people = people.filter((person) => person.entry.toldAt === undefined || keepOfEvent(known, person));
  const former = people.flatMap(({ aliases }) => formerPartners(known, aliases));
  const unknown = former.filter(({ value }) => !known.has(value));
  if (unknown.length)
    for (const [value, one] of await knownAliases(em, of.accountId, unknown, false)) known.set(value, one);
  const page = new ContactPage(em, of, await of.vault.keysOf(em, of.tenantId), known);

  const saved: SavedPerson[] = [];
  const changed: { at: number; person: Person }[] = [];
  for (const [at, person] of people.entries()) {
    const same = unchangedAs(known, person);
    saved.push({ contactId: same?.root ?? '', outcome: 'unchanged', named: same?.named ?? false });
    if (!same) changed.push({ at, person });
  }
  await page.load([...changed.flatMap(({ person }) => person.aliases), ...former].map(({ value }) => value));
  // Entries that contradict come first: what others tell is of the people as they are then.
  const parts = ({ person }: { person: Person }): number => formerPartners(known, person.aliases).length;
  if (former.length) changed.sort((a, b) => parts(b) - parts(a));
  for (const { at, person } of changed) saved[at] = page.take(person.entry, person.aliases, person.hash);
  await page.write();
  return saved;
}

// Each step reads an index by a list: a join over a table that was just filled, without statistics, becomes a loop over
// it.
async function knownAliases(
  em: Em,
  accountId: string,
  aliases: readonly Identity[],
  keepsPictures: boolean,
): Promise<Map<string, Known>> {
  const found = await rows<{ value: string; contact_id: string; content_hash: string | null; pair: string | null }>(
    em,
    sql`select value, contact_id, content_hash, pair from contact_aliases
        where account_id = ${accountId} and kind = any(${[...new Set(aliases.map(({ kind }) => kind))]}::text[])
          and value = any(${aliases.map(({ value }) => value)}::text[])`,
  );
  const contacts = await headsOf(
    em,
    found.map(({ contact_id: id }) => id),
  );
  const merged = [...contacts.values()].flatMap(({ merged_into: root }) => root ?? []);
  const roots = merged.length ? await headsOf(em, merged) : contacts;
  return new Map(
    found.map(({ value, contact_id: contactId, content_hash: digest, pair }) => {
      const root = contacts.get(contactId)?.merged_into ?? contactId;
      const survivor = roots.get(root) ?? contacts.get(root);
      const picture = keepsPictures && survivor?.identity === value ? survivor.picture : undefined;
      return [value, { contactId, root, hash: digest, pair, named: survivor?.named ?? false, picture }];
    }),
  );
}

interface ContactHead {
  id: string;
  merged_into: string | null;
  named: boolean;
  identity: string | null;
  picture: string | null;
}

async function headsOf(em: Em, ids: readonly string[]): Promise<Map<string, ContactHead>> {
  const found = await rows<ContactHead>(
    em,
    sql`select id, merged_into, coalesce(verified_name, saved_name, push_name) is not null as named,
          wasender_jid as identity, profile_image_url as picture
        from contacts where id = any(${[...new Set(ids)]}::uuid[])`,
  );
  return new Map(found.map((one) => [one.id, one]));
}

/**
 * The identity that was asked for joins no other contact than one of the same number: the number may have been given to
 * another person.
 */
function dropForeign(known: ReadonlyMap<string, Known>, person: Person): void {
  const { asked, id } = person.entry;
  const owner = known.get(asked ?? '');
  const others = person.aliases.filter(({ value }) => value !== asked);
  const isForeign = owner && others.some(({ value }) => (known.get(value)?.root ?? owner.root) !== owner.root);
  const isSpelling = identitySpellings(identityOf(id)).some(({ value }) => value === asked);
  if (isForeign && !isSpelling) person.aliases = others;
}

/**
 * False for an entry of an event that tells nothing of a person without a contact. An event may be forged, so it takes no
 * people apart: where it contradicts what is known, it counts for its own identity alone.
 */
function keepOfEvent(known: ReadonlyMap<string, Known>, person: Person): boolean {
  const { aliases, entry } = person;
  const contradicts = aliases.some((alias) => {
    const pair = known.get(alias.value)?.pair;
    return pair && isContradicted(pair, partnerOf(aliases, alias));
  });
  if (contradicts) {
    const own = identityOf(entry.id);
    person.entry = { ...entry, phone: phoneOf(own), lid: own.kind === 'lid' ? own.value : null };
    person.aliases = [own];
  }
  return isNamed(entry) || person.aliases.some(({ value }) => known.has(value));
}

/** Aliases with which those of an entry were paired, where the entry tells otherwise. */
const formerPartners = (known: ReadonlyMap<string, Known>, aliases: readonly Identity[]): Identity[] =>
  aliases.flatMap((alias) => {
    const pair = known.get(alias.value)?.pair;
    return pair && isContradicted(pair, partnerOf(aliases, alias)) ? identityOf(pair) : [];
  });

/**
 * The known alias where the entry under it is what it was, and joins no contacts. An alias that a newer entry told of
 * another person is not taken back by an entry that says what it said before.
 */
function unchangedAs(known: ReadonlyMap<string, Known>, { entry, aliases, hash }: Person): Known | null {
  const own = known.get(entry.id);
  if (own?.hash !== hash || entry.pictureChanged) return null;
  const isTheirs = ({ value }: Identity): boolean => {
    const one = known.get(value);
    if (!one) return value !== entry.asked;
    return one.root === own.root || (one.pair !== null && one.pair !== entry.id);
  };
  if (!aliases.every(isTheirs)) return null;
  const compared = own.picture !== undefined && entry.pictureUrl !== undefined;
  return compared && !isSamePicture(own.picture ?? null, entry.pictureUrl ?? null) ? null : own;
}
