import { hash } from 'node:crypto';
import {
  aliasesOf,
  contentOf,
  isSamePicture,
  withoutRepeats,
  type ContactAlias,
  type SeenContact,
} from '../../../domain/contacts.ts';
import { arrayOf, bulk, type Em } from '../../connect.ts';
import { ContactPage, type Known, type SavedPerson, type Saving } from './contact-page.ts';
import type { Vault } from '../../vault.ts';
import { lockContacts } from './lock-contacts.ts';

/**
 * Writes the people of a page: found again by any of their aliases, rewritten only where their entry says something
 * new, and two contacts that an entry shows to be one person become one. Answers what came of each entry, repeats of
 * one identity counted once; one person may still come under two aliases. Takes the account's lock.
 */
export async function saveContacts(em: Em, of: SavingPage, entries: readonly SeenContact[]): Promise<SavedPerson[]> {
  const people = withoutRepeats(entries).map((entry): Person => ({ entry, ...readinessOf(entry, of.keep, of.ahead) }));
  await lockContacts(em, of.accountId);
  const known = await knownAliases(
    em,
    of.accountId,
    people.flatMap(({ aliases }) => aliases),
    of.keep === null || of.keep.has('profileImageUrl'),
  );
  const page = new ContactPage(em, { ...of, keys: await of.vault.keysOf(em, of.tenantId) }, known);

  const saved: SavedPerson[] = [];
  const changed: { at: number; person: Person }[] = [];
  for (const [at, person] of people.entries()) {
    const same = unchangedAs(known, person);
    saved.push({ contactId: same?.root ?? '', outcome: 'unchanged', named: same?.named ?? false });
    if (!same) changed.push({ at, person });
  }
  await page.load(changed.flatMap(({ person }) => person.aliases));
  for (const { at, person } of changed) {
    saved[at] = page.take(person.entry, person.aliases, person.hash);
    await page.send();
  }
  await page.written();
  return saved;
}

/** What can be told of an entry before PostgreSQL is asked. */
interface Readiness {
  aliases: ContactAlias[];
  hash: string;
  /** By which rule the hash was made. */
  keep: string;
}

interface Person extends Readiness {
  entry: SeenContact;
}

/** What was made ready of entries to come; for one run, whose entries are these very objects. */
export type Ahead = Map<SeenContact, Readiness>;
/** How a page is saved; without `ahead` everything is made ready now. */
export interface SavingPage extends Omit<Saving, 'keys'> {
  vault: Vault;
  ahead?: Ahead;
}

const ruleOf = (keep: ReadonlySet<string> | null): string => (keep ? [...keep].join() : '');

/** Does ahead what `saveContacts` does with each entry before it asks PostgreSQL; what was ahead before is forgotten. */
export function makeReady(ahead: Ahead, entries: readonly SeenContact[], keep: ReadonlySet<string> | null): void {
  ahead.clear();
  for (const entry of entries) ahead.set(entry, readinessOf(entry, keep));
}

function readinessOf(entry: SeenContact, keep: ReadonlySet<string> | null, ahead?: Ahead): Readiness {
  const made = ahead?.get(entry);
  if (made?.keep === ruleOf(keep)) return made;
  return { aliases: aliasesOf(entry), hash: hash('sha256', contentOf(entry, keep), 'base64url'), keep: ruleOf(keep) };
}

/**
 * The aliases that are known, by their values, with who stands for each. Steps that each read an index by a list: of a
 * join the planner, which has seen no statistics of a table that has just been filled, makes a loop over all of it.
 */
async function knownAliases(
  em: Em,
  accountId: string,
  aliases: ContactAlias[],
  keepsPictures: boolean,
): Promise<Map<string, Known>> {
  const found = await bulk<{ value: string; contact_id: string; content_hash: string | null }>(
    em,
    `select value, contact_id, content_hash from contact_aliases
     where account_id = $1 and kind = any($2::text[]) and value = any($3::text[])`,
    [accountId, [...new Set(aliases.map(({ kind }) => kind))], arrayOf(aliases.map(({ value }) => value))],
  );
  const contacts = await namesOf(
    em,
    found.map(({ contact_id: id }) => id),
  );
  const merged = [...contacts.values()].flatMap(({ merged_into: root }) => root ?? []);
  const roots = merged.length ? await namesOf(em, merged) : contacts;
  return new Map(
    found.map(({ value, contact_id: contactId, content_hash: hash }) => {
      const root = contacts.get(contactId)?.merged_into ?? contactId;
      const standing = roots.get(root) ?? contacts.get(root);
      const picture = keepsPictures && standing?.wasender_jid === value ? standing.picture : undefined;
      return [value, { contactId, root, hash, named: standing?.named ?? false, picture }];
    }),
  );
}

interface AttemptWithStep {
  id: string;
  merged_into: string | null;
  named: boolean;
  wasender_jid: string | null;
  picture: string | null;
}

async function namesOf(em: Em, ids: readonly string[]): Promise<Map<string, AttemptWithStep>> {
  const found = await bulk<AttemptWithStep>(
    em,
    `select id, merged_into, coalesce(verified_name, saved_name, push_name) is not null as named, wasender_jid,
       profile_image_url as picture
     from contacts where id = any($1::uuid[])`,
    [arrayOf([...new Set(ids)])],
  );
  return new Map(found.map((one) => [one.id, one]));
}

/** The person when the entry under its own identity is what it was, and tells no alias that is new or somebody else's. */
function unchangedAs(known: ReadonlyMap<string, Known>, { entry, aliases, hash }: Person): Known | null {
  const found = aliases.map((alias) => known.get(alias.value));
  const own = found[0];
  if (own?.hash !== hash || !found.every((one) => one?.root === own.root)) return null;
  const compared = own.picture !== undefined && entry.pictureUrl !== undefined;
  return compared && !isSamePicture(own.picture ?? null, entry.pictureUrl ?? null) ? null : own;
}
