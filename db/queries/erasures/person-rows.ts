import type { Subject } from '../../../domain/erasure.ts';
import type { Em } from '../../connect.ts';
import { rows, sql, type Sql } from '../../sql.ts';

/** What is a person's own: an erasure takes it, and an export of the person shows it. Ids. */
export interface PersonRows {
  attendees: string[];
  /** Those with the person alone. */
  conversations: string[];
}

/** Finds a person in the conversations of an account, or of all accounts. */
export async function personRows(em: Em, accountId: string | null, people: readonly Subject[]): Promise<PersonRows> {
  const keys = people.map(({ value }) => value);
  const [found] = await rows<PersonRows>(
    em,
    sql`with named as (
        select k.kind, k.target_id as id from accounts o
        join provider_keys k on k.account_id = o.id and k.kind in ('attendee', 'conversation')
          and k.key = any(${keys}::text[])
        where ${accountId === null ? sql`true` : sql`o.id = ${accountId}::uuid`}),
      root as (
        select coalesce(a.merged_into, a.id) as id from named n join attendees a on a.id = n.id where n.kind = 'attendee')
      select
        (select coalesce(jsonb_agg(distinct a.id), '[]') from root r join attendees a on r.id in (a.id, a.merged_into))
          as attendees,
        (select coalesce(jsonb_agg(distinct id), '[]') from named where kind = 'conversation' and id is not null)
          as conversations`,
  );
  return found ?? { attendees: [], conversations: [] };
}

/** Messages `m` of others to which the person reacted. */
export const reactedTo = ({ attendees }: Pick<PersonRows, 'attendees'>): Sql =>
  sql`m.conversation_id in (
        select conversation_id from conversation_attendees where attendee_id = any(${attendees}::uuid[])
        union select conversation_id from conversation_departures where attendee_id = any(${attendees}::uuid[]))
      and exists (
        select from jsonb_array_elements(m.reactions) r where (r ->> 'by')::uuid = any(${attendees}::uuid[]))`;

/** Rows of `account_events` whose data has one of these texts. */
export const namedInTimeline = (traces: readonly string[]): Sql =>
  sql`exists (select from unnest(${[...traces]}::text[]) t where position(t in data::text) > 0)`;
