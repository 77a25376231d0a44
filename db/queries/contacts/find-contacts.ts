import { numberRules, numberSpellings, phoneSpellings } from '../../../domain/phone.ts';
import { jidOf, type Identity } from '../../../domain/identities.ts';
import { anyCasePattern, canonicalText, cleanText } from '../../../domain/text.ts';
import { firstId } from '../../../platform/ids.ts';
import type { Em } from '../../connect.ts';
import { Contact, type ListedContact } from '../../entities/contacts.ts';
import { rows, sql, type Sql } from '../../sql.ts';

export interface ContactFilter {
  ids?: readonly string[] | undefined;
  account?: string | undefined;
  accounts?: readonly string[] | undefined;
  group?: string | undefined;
  synced?: boolean | undefined;
  /** Whether the last whole sync did not find them. */
  missing?: boolean | undefined;
  /** Words of names, or digits of the number, also of contacts merged into the match. */
  q?: string | undefined;
}

/** Contacts that were not merged into another one. */
export const contactsWhere = (filter: ContactFilter): Sql =>
  sql.join([sql`c.merged_into is null`, ...contactConditions(filter)], sql` and `);

/** Conditions on contacts `c`, merged ones too. */
export function contactConditions({ ids, account, accounts, group, synced, missing, q }: ContactFilter): Sql[] {
  const parts: Sql[] = [];
  if (ids !== undefined) parts.push(sql`c.id = any(${ids}::uuid[])`);
  if (account !== undefined) parts.push(sql`c.account_id = ${account}`);
  if (accounts !== undefined) parts.push(sql`c.account_id = any(${accounts}::uuid[])`);
  if (group !== undefined) parts.push(sql`${canonicalText(group)} = any(c.groups)`);
  if (synced !== undefined) parts.push(sql`c.wasender_sync_status = ${synced ? 'synced' : 'not_synced'}`);
  if (missing !== undefined) parts.push(sql`(c.missing_since is not null) = ${missing}`);
  const words = cleanText(q ?? null);
  if (words) parts.push(sql`(${searched(words)})`);
  return parts;
}

/** A number in each of its spellings, as one text. */
const spellings = (number: Sql): Sql =>
  sql`concat_ws(' ', ${number}, ${sql.join(
    numberRules.map(([pattern, other]) => sql`regexp_replace(${number}, ${pattern}, ${other.replaceAll('$', '\\')})`),
  )})`;

/** All words occur in the names, each anywhere; or the digits are a part of the number, however they are spaced. */
function searched(q: string): Sql {
  const patterns = q.split(/\s+/).map(anyCasePattern);
  const numbers = phoneSpellings(q).map((digits) => `%${digits}%`);
  const matches = (contact: 'c' | 'm'): Sql => {
    const column = (name: string) => sql.ref(`${contact}.${name}`);
    const names = sql`concat_ws(' ', ${sql.join(['name', 'verified_name', 'company', 'push_name'].map(column))})`;
    const inNames = sql.join(
      patterns.map((pattern) => sql`${names} ~ ${pattern}`),
      sql` and `,
    );
    return sql.join(
      [sql`(${inNames})`, ...numbers.map((digits) => sql`${spellings(column('phone_number'))} like ${digits}`)],
      sql` or `,
    );
  };
  // Merged contacts have a small index of their own.
  return sql`${matches('c')} or c.id in (
    select m.merged_into from contacts m where m.merged_into is not null and (${matches('m')}))`;
}

/** Contacts by id, without the provider's entries, which may be long. */
export async function listContacts(
  em: Em,
  filter: ContactFilter,
  { after = null, limit }: { after?: string | null | undefined; limit: number },
): Promise<ListedContact[]> {
  const ids = await rows<{ id: string }>(
    em,
    sql`select c.id from contacts c where ${contactsWhere(filter)} ${after === null ? sql`` : sql`and c.id > ${after}`}
        order by c.id limit ${limit}`,
  );
  return contactsById(
    em,
    ids.map(({ id }) => id),
  );
}

/** In the order of their ids, without the provider's entries. */
export const contactsById = (em: Em, ids: readonly string[]): Promise<ListedContact[]> =>
  em.find(Contact, { id: { $in: [...ids] } }, { orderBy: { id: 'asc' }, exclude: ['raw'] });

/** Accounts with such contacts, in the order of their locks. */
export async function accountsWith(em: Em, filter: ContactFilter): Promise<string[]> {
  const found = await rows<{ id: string }>(
    em,
    sql`select a.id from accounts a
        where exists (select from contacts c where c.account_id = a.id and ${contactsWhere(filter)}) order by a.id`,
  );
  return found.map(({ id }) => id);
}

/** The account and survivor of each contact. Unknown ids are left out. */
export const placesOf = (
  em: Em,
  ids: readonly string[],
): Promise<{ id: string; account_id: string; merged_into: string | null }[]> =>
  rows(em, sql`select id, account_id, merged_into from contacts where id = any(${ids}::uuid[])`);

export async function familyOf(em: Em, id: string): Promise<{ merged: string[]; aliases: Identity[] }> {
  const merged = await rows<{ id: string }>(em, sql`select id from contacts where merged_into = ${id} order by id`);
  const ids = merged.map((one) => one.id);
  const aliases = await rows<Identity>(
    em,
    sql`select kind, value from contact_aliases where contact_id = any(${[id, ...ids]}::uuid[]) order by kind, value`,
  );
  return { merged: ids, aliases };
}

/** The contact with this number (E.164), in any spelling, in one of these accounts; of several the one that was synced last. */
export async function contactByPhone(em: Em, accounts: readonly string[], phone: string): Promise<Contact | null> {
  const values = numberSpellings(phone).map(jidOf);
  const [found] = await rows<{ id: string }>(
    em,
    sql`select r.id from contact_aliases a join contacts c on c.id = a.contact_id
          join contacts r on r.id = coalesce(c.merged_into, c.id)
        where a.account_id = any(${accounts}::uuid[]) and a.kind = 'jid' and a.value = any(${values}::text[])
        order by a.value = ${values[0]} desc, r.last_updated_from_wasender desc nulls last, r.id limit 1`,
  );
  return found ? em.findOne(Contact, { id: found.id }) : null;
}

/** A page of a group, with the identity or number for the provider. */
export const peopleOfGroup = (
  em: Em,
  accountId: string,
  group: string,
  after: string | null,
  limit: number,
): Promise<{ id: string; identity: string }[]> =>
  rows(
    em,
    sql`select id, coalesce(wasender_jid, phone_number) as identity from contacts
        where account_id = ${accountId} and merged_into is null and ${canonicalText(group)} = any(groups)
          and id > ${after ?? firstId} and coalesce(wasender_jid, phone_number) is not null
        order by id limit ${limit}`,
  );
