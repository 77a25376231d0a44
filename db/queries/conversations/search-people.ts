import { phoneSpellings } from '../../../domain/phone.ts';
import { byIndex } from '../../by-index.ts';
import type { Em } from '../../connect.ts';
import { rows, sql, type Sql } from '../../sql.ts';
import { wordQuery } from '../messages/search-messages.ts';

/** What is searched for: the words of a text, as `searchWords` spells them, and the text itself. */
export interface Searched {
  q: string;
  words: readonly string[];
}

/** Matches of one kind that are ranked together. */
const mostFound = 500;

/** Attendees whose own name, number or contact's names have all of the words; the account's owner left out. */
function people(tenantId: string, { q, words }: Searched, account: string | undefined): Sql {
  const query = sql`to_tsquery('simple', ${wordQuery(words)})`;
  const names = sql`names_of(a.name, a.phone_number)`;
  const digits = phoneSpellings(q).filter((one) => one.length >= 3);
  // An index of parts knows the letters that the locale of the database knows; ASCII is in every one.
  const inside = words.every((word) => /^[a-z0-9]{3,}$/.test(word))
    ? [
        sql.join(
          words.map((word) => sql`${names} like ${`%${word}%`}`),
          sql` and `,
        ),
      ]
    : [];
  const ways = [
    sql`to_tsvector('simple'::regconfig, ${names}) @@ ${query}`,
    ...digits.map((one) => sql`${names} like ${`%${one}%`}`),
    ...inside,
  ];
  const contactNames = sql`names_of(c.name, c.verified_name, c.company, c.push_name, c.phone_number)`;
  const ofAccount = account === undefined ? sql`` : sql`and a.account_id = ${account}`;
  return sql`
    select a.id, a.merged_into, ${names} as names from attendees a
    where a.tenant_id = ${tenantId} and not a.is_self ${ofAccount} and (${sql.join(ways, sql` or `)})
    union all
    select a.id, a.merged_into, c.names
    from (
      select c.id, ${contactNames} as names from contacts c
      where c.tenant_id = ${tenantId} and to_tsvector('simple'::regconfig, ${contactNames}) @@ ${query} limit ${mostFound}
    ) c
    join contact_aliases x on x.contact_id = c.id
    join provider_keys k on k.tenant_id = ${tenantId} and k.kind = 'attendee' and k.key = x.value
    join attendees a on a.id = k.target_id and not a.is_self ${ofAccount}`;
}

/** 0: the names begin with the first word, 1: another word of them does, 2: the words are inside. */
const rankOf = (names: Sql, [first = '']: readonly string[]): Sql =>
  sql`case when ltrim(${names}) like ${`${first}%`} then 0 when ${names} like ${`% ${first}%`} then 1 else 2 end`;

/** The ids of people, the best match first. */
export const searchPeople = (
  em: Em,
  tenantId: string,
  searched: Searched,
  account?: string,
): Promise<{ id: string }[]> =>
  byIndex(em, 'any', () =>
    rows(
      em,
      sql`with found as (
            select coalesce(merged_into, id) as id, names from (${people(tenantId, searched, account)}) p limit ${2 * mostFound})
          select id from found group by id
          order by min(${rankOf(sql`names`, searched.words)}), min(names), id limit ${mostFound}`,
    ),
  );

/** The ids of conversations with such a name, or with such people: those named so first, each kind newest first. */
export const searchConversations = (
  em: Em,
  tenantId: string,
  searched: Searched,
  account?: string,
): Promise<{ id: string }[]> =>
  byIndex(em, 'any', () =>
    rows(
      em,
      sql`with named as (
            select c.id from conversations c
            where c.tenant_id = ${tenantId} and c.name is not null
              and words_of(c.name) @@ to_tsquery('simple', ${wordQuery(searched.words)})
              ${account === undefined ? sql`` : sql`and c.account_id = ${account}`} limit ${mostFound}),
          people as (select id from (${people(tenantId, searched, account)}) p limit ${mostFound}),
          found as (
            select id, true as named from named
            union all (select ca.conversation_id, false from people p join conversation_attendees ca on ca.attendee_id = p.id limit ${mostFound}))
          select c.id from (select id, bool_or(named) as named from found group by id) f join conversations c on c.id = f.id
          where c.tenant_id = ${tenantId}
          order by (f.named or c.kind = 'person') desc, c.last_message_at desc nulls last, c.id desc limit ${mostFound}`,
    ),
  );
