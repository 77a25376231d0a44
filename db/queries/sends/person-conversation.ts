import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** The conversation of an account that has one of these ids, or that is with this person alone; null where there is none. */
export async function findConversation(
  em: Em,
  accountId: string,
  keys: readonly string[],
  person: string | null,
): Promise<string | null> {
  const [found] = await rows<{ id: string }>(
    em,
    sql`select id from (
          select k.target_id as id, 0 as rank from provider_keys k
          where k.account_id = ${accountId} and k.kind = 'conversation' and k.key = any(${[...keys]}::text[])
          union all
          select c.id, 1 from provider_keys k
          join attendees a on a.id = k.target_id
          join conversation_attendees o on o.attendee_id = coalesce(a.merged_into, a.id)
          join conversations c on c.id = o.conversation_id and c.kind = 'person'
          where k.account_id = ${accountId} and k.kind = 'attendee' and k.key = ${person}::text and not a.is_self
        ) as those where id is not null order by rank, id limit 1`,
  );
  return found?.id ?? null;
}
