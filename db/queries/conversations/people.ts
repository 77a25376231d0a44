import {
  identityKinds,
  identitySpellings,
  parseIdentity,
  phoneIdentity,
  type Identity,
} from '../../../domain/identities.ts';
import type { Em } from '../../connect.ts';
import { Contact, type ListedContact } from '../../entities/contacts.ts';
import { Attendee } from '../../entities/conversations.ts';
import { recordset, rows, sql } from '../../sql.ts';

/** The first attendees of each conversation, the account's owner left out, each as the person that it was merged into. */
export const firstAttendees = (
  em: Em,
  conversations: readonly string[],
  most: number,
): Promise<{ conversation: string; attendee: string }[]> =>
  rows(
    em,
    sql`select distinct c.id as conversation, coalesce(a.merged_into, a.id) as attendee
        from unnest(${conversations}::uuid[]) as c(id),
          lateral (
            select attendee_id from conversation_attendees where conversation_id = c.id order by attendee_id limit ${most}
          ) p
          join attendees a on a.id = p.attendee_id
        where not a.is_self order by 1, 2`,
  );

/** Attendees by each of the ids that they are asked for by: a merged one is the person that it was merged into. */
export async function attendeesById(em: Em, ids: Iterable<string>): Promise<Map<string, Attendee>> {
  const asked = [...new Set(ids)];
  if (!asked.length) return new Map();
  const survivors = await rows<{ id: string; survivor: string }>(
    em,
    sql`select id, coalesce(merged_into, id) as survivor from attendees where id = any(${asked}::uuid[])`,
  );
  const found = await em.find(Attendee, { id: { $in: [...new Set(survivors.map(({ survivor }) => survivor))] } });
  const byId = new Map(found.map((attendee) => [attendee.id, attendee]));
  return new Map(
    survivors.flatMap(({ id, survivor }) => {
      const attendee = byId.get(survivor);
      return attendee ? [[id, attendee] as const] : [];
    }),
  );
}

/** Attendees by the keys under which a provider names them, of the account `account`. */
export async function attendeesByKey(
  em: Em,
  asked: readonly { account: string; key: string }[],
): Promise<{ account: string; key: string; attendee: string }[]> {
  if (!asked.length) return [];
  return rows(
    em,
    sql`select k.account_id as account, k.key, k.target_id as attendee
        from ${recordset(asked, sql`(account uuid, key text)`)} as g
        join provider_keys k on k.account_id = g.account and k.kind = 'attendee' and k.key = g.key
        where k.target_id is not null`,
  );
}

/** Address books with one person of which the newest entry is looked for. */
const mostBooks = 20;

/**
 * The contact of each attendee, by identity: of the attendee's account, else of another account of the tenant where the
 * identity means the same person everywhere.
 */
export async function contactsOfAttendees(em: Em, attendees: readonly Attendee[]): Promise<Map<string, ListedContact>> {
  const names = attendees.flatMap((attendee) =>
    identitiesOf(attendee).map(({ value, everywhere }, rank) => ({
      attendee: attendee.id,
      account: attendee.accountId,
      value,
      everywhere,
      rank,
    })),
  );
  if (!names.length) return new Map();
  const links = await rows<{ attendee: string; contact: string }>(
    em,
    // Limits keep PostgreSQL from reading whole tables for a page of people.
    sql`select distinct on (n.attendee) n.attendee, r.id as contact
        from ${recordset(names, sql`(attendee uuid, account uuid, value text, everywhere boolean, rank int)`)} as n,
          lateral (
            select x.account_id, x.contact_id from contact_aliases x
            where x.value = n.value and x.kind = any(${[...identityKinds]}::text[])
              and (n.everywhere or x.account_id = n.account)
            order by x.account_id = n.account desc limit ${mostBooks}
          ) x,
          lateral (select coalesce(merged_into, id) as id from contacts where id = x.contact_id limit 1) c,
          lateral (select id, last_updated_from_wasender from contacts where id = c.id limit 1) r
        order by n.attendee, x.account_id = n.account desc, n.rank, r.last_updated_from_wasender desc nulls last, r.id`,
  );
  const contacts = await em.find(
    Contact,
    { id: { $in: [...new Set(links.map(({ contact }) => contact))] } },
    { exclude: ['raw'] },
  );
  const byId = new Map<string, ListedContact>(contacts.map((contact) => [contact.id, contact]));
  return new Map(
    links.flatMap(({ attendee, contact }) => {
      const found = byId.get(contact);
      return found ? [[attendee, found] as const] : [];
    }),
  );
}

/** What contacts may know an attendee by; WhatsApp's names are the same for every account. */
function identitiesOf({ providerAttendeeId, phoneNumber }: Attendee): { value: string; everywhere: boolean }[] {
  const own = parseIdentity(providerAttendeeId);
  const identities: Identity[] = [
    ...(own ? identitySpellings(own) : []),
    ...(phoneNumber ? identitySpellings(phoneIdentity(phoneNumber)) : []),
  ];
  const values = [...new Set(identities.map(({ value }) => value))].map((value) => ({ value, everywhere: true }));
  return own ? values : [{ value: providerAttendeeId, everywhere: false }, ...values];
}

/** Attendees of these conversations after `after`, in the order of their ids, the accounts' owners left out. */
export const membersAfter = (
  em: Em,
  conversations: readonly string[],
  after: string,
  limit: number,
): Promise<{ id: string }[]> =>
  rows(
    em,
    sql`select distinct a.id from conversation_attendees ca join attendees a on a.id = ca.attendee_id
        where ca.conversation_id = any(${conversations}::uuid[]) and not a.is_self and a.id > ${after}
        order by a.id limit ${limit}`,
  );

/**
 * The same of all conversations of two of an account, or also of the tenant's accounts at other providers than
 * `withBooks`. Under row-level security.
 */
export const partnersAfter = (
  em: Em,
  accountId: string,
  withBooks: readonly string[] | null,
  after: string,
  limit: number,
): Promise<{ id: string }[]> =>
  rows(
    em,
    sql`select a.id from attendees a
        where not a.is_self and a.id > ${after} and ${
          withBooks === null
            ? sql`a.account_id = ${accountId}`
            : sql`exists (select from accounts b where b.id = a.account_id
                and (b.id = ${accountId} or b.provider <> all(${withBooks}::text[])))`
        } and exists (
          select from conversation_attendees ca join conversations c on c.id = ca.conversation_id
          where ca.attendee_id = a.id and c.kind = 'person')
        order by a.id limit ${limit}`,
  );

/** The people of a conversation, the account's owner left out, each with the ids that the provider has for the person. */
export const membersOfConversation = (em: Em, accountId: string, key: string): Promise<{ keys: string[] }[]> =>
  rows(
    em,
    sql`select array_agg(distinct k.key) as keys
        from provider_keys c
          join conversation_attendees o on o.conversation_id = c.target_id
          join attendees a on a.id = o.attendee_id
          join provider_keys k on k.target_id = coalesce(a.merged_into, a.id) and k.kind = 'attendee'
        where c.account_id = ${accountId} and c.kind = 'conversation' and c.key = ${key} and not a.is_self
        group by coalesce(a.merged_into, a.id)`,
  );

export interface AttendeeFilter {
  account?: string | undefined;
  conversation?: string | undefined;
  among?: readonly string[] | undefined;
}

/** A page of attendees by id, merged ones left out. */
export async function listAttendees(
  em: Em,
  { account, conversation, among }: AttendeeFilter,
  { after, limit }: { after: string | null; limit: number },
): Promise<{ id: string }[]> {
  const parts = [sql`a.merged_into is null`];
  if (account !== undefined) parts.push(sql`a.account_id = ${account}`);
  if (conversation !== undefined) parts.push(sql`a.id = any(${await membersOf(em, conversation)}::uuid[])`);
  if (among !== undefined) parts.push(sql`a.id = any(${among}::uuid[])`);
  if (after !== null) parts.push(sql`a.id > ${after}`);
  return rows(em, sql`select a.id from attendees a where ${sql.join(parts, sql` and `)} order by a.id limit ${limit}`);
}

async function membersOf(em: Em, conversation: string): Promise<string[]> {
  const found = await rows<{ id: string }>(
    em,
    sql`select distinct a.id
        from conversation_attendees ca,
          lateral (select coalesce(merged_into, id) as id from attendees where id = ca.attendee_id limit 1) a
        where ca.conversation_id = ${conversation}`,
  );
  return found.map(({ id }) => id);
}
