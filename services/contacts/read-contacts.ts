import { peopleOfGroup } from '../../db/queries/contacts/find-contacts.ts';
import { membersAfter, partnersAfter } from '../../db/queries/conversations/people.ts';
import type { ConversationTarget, PartnersTarget } from '../../db/queries/syncs/sync-target.ts';
import { askedAs, type SeenContact } from '../../domain/contacts.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { parseIdentity } from '../../domain/identities.ts';
import { firstId } from '../../platform/ids.ts';
import type { ContactReader, ProviderCall } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import { peopleById, type Person } from '../conversations/people.ts';
import { withContacts } from '../provider-names.ts';
import { withRetries, type Patience } from '../syncs/with-retries.ts';

/** A part of what a sync reads, and where the next one begins. */
export interface ContactBatch {
  contacts: SeenContact[];
  delivered: number;
  /** Null on the last page. */
  cursor: string | null;
  /** How much is done with this page, from 0 to 1; null where it is not known. */
  part: number | null;
}

/** A connected account and the calls to its provider. */
export interface Reading extends Patience {
  reader: ContactReader;
  call: ProviderCall;
}

/** People of a page that is written at once. */
export const pageSize = 2_000;
/** People that are asked for one by one and written together. */
const onesPageSize = 20;

/**
 * All contacts from `cursor` on. They are read at once and handed on in the order of their identities: the provider's
 * own pages shift when a person is added or removed, and people would be missed. Where they cannot be had at once
 * (`inPages`), those pages are read all the same.
 */
export async function* readContacts(
  reading: Reading,
  cursor: string | null,
  inPages: boolean,
): AsyncGenerator<ContactBatch> {
  const { reader, call } = reading;
  if (cursor?.startsWith('p:') || (cursor === null && inPages)) {
    for (let at = cursor; ;) {
      const page = await withRetries(reading, () => reader.page(call, at === null ? null : at.slice(2)));
      at = page.cursor === null ? null : `p:${page.cursor}`;
      yield { ...page, cursor: at, part: null };
      if (at === null) return;
    }
  }
  const all = await withRetries(reading, () => reader.all(call));
  const people = all.contacts.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const after = cursor?.slice(2) ?? '';
  let at = people.findIndex(({ id }) => id > after);
  if (at < 0) at = people.length;
  // Entries that name no person are counted with the first page.
  let others = cursor === null ? all.delivered - people.length : 0;
  do {
    let end = Math.min(at + pageSize, people.length);
    // Entries of one identity stay together: a page ends between people.
    while (end < people.length && people[end]?.id === people[end - 1]?.id) end += 1;
    const contacts = people.slice(at, end);
    const last = contacts.at(-1);
    yield {
      contacts,
      delivered: contacts.length + others,
      cursor: end < people.length && last ? `s:${last.id}` : null,
      part: people.length ? end / people.length : 1,
    };
    others = 0;
    at = end;
  } while (at < people.length);
}

/** One person by number. Throws `not_found` where the provider does not know it. */
export async function* readOne(reading: Reading, phone: string): AsyncGenerator<ContactBatch> {
  const { reader, call } = reading;
  const found = await withRetries(reading, () => reader.one(call, phone));
  if (!found) throw new ProviderFailure('not_found', 'The provider does not know this number.');
  yield { contacts: [askedAs(phone, found)], delivered: 1, cursor: null, part: 1 };
}

/** Whose contacts are read. */
interface Reader {
  tenantId: string;
  accountId: string;
}

/** The people of a group, each asked for alone. */
export const readGroup = (
  { db }: Context,
  { tenantId, accountId }: Reader,
  reading: Reading,
  group: string,
  cursor: string | null,
): AsyncGenerator<ContactBatch> =>
  readOnes(reading, cursor, (after) =>
    db.tenant(tenantId, (em) => peopleOfGroup(em, accountId, group, after, onesPageSize)),
  );

/** The people of conversations, each asked for alone. */
export const readPeople = (
  { db, providers }: Context,
  { tenantId, accountId }: Reader,
  reading: Reading,
  target: ConversationTarget | PartnersTarget,
  cursor: string | null,
): AsyncGenerator<ContactBatch> =>
  readOnes(reading, cursor, (after) =>
    db.tenant(tenantId, async (em) => {
      const from = after ?? firstId;
      const withBooks =
        'conversations' in target && target.conversations === 'own_and_others' ? withContacts(providers) : null;
      const found =
        'conversation_ids' in target
          ? await membersAfter(em, target.conversation_ids, from, onesPageSize)
          : await partnersAfter(em, accountId, withBooks, from, onesPageSize);
      const people = await peopleById(
        em,
        found.map(({ id }) => id),
      );
      return found.map(({ id }) => ({ id, identity: identityOf(people.get(id)) }));
    }),
  );

/** By which a person is asked for; null where the channel's id of them is none that an address book has. */
const identityOf = (person: Person | undefined): string | null =>
  person?.phone ?? parseIdentity(person?.attendee.providerAttendeeId ?? null)?.value ?? null;

/**
 * People in pages that `next` answers, each asked for alone. People without an identity, and those that the provider does
 * not know, are left out.
 */
async function* readOnes(
  reading: Reading,
  cursor: string | null,
  next: (after: string | null) => Promise<{ id: string; identity: string | null }[]>,
): AsyncGenerator<ContactBatch> {
  const { reader, call } = reading;
  for (let after = cursor; ;) {
    const people = await next(after);
    const contacts: SeenContact[] = [];
    for (const identity of new Set(people.flatMap((one) => one.identity ?? []))) {
      const found = await withRetries(reading, () => reader.one(call, identity));
      if (found) contacts.push(askedAs(identity, found));
    }
    after = people.length === onesPageSize ? (people.at(-1)?.id ?? null) : null;
    yield { contacts, delivered: people.length, cursor: after, part: null };
    if (after === null) return;
  }
}
