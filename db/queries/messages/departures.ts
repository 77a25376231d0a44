import type { Em } from '../../connect.ts';
import type { ConversationDeparture } from '../../entities/conversations.ts';
import { recordset, rows, sql } from '../../sql.ts';

export type Departure = ConversationDeparture;

const departure = sql`("conversationId" uuid, "attendeeId" uuid, "tenantId" uuid, "leftAt" timestamptz)`;

/** Notes when attendees left conversations; of each the last time counts. */
export async function noteDepartures(em: Em, departures: readonly Departure[]): Promise<void> {
  if (!departures.length) return;
  await rows(
    em,
    sql`insert into conversation_departures as d (conversation_id, attendee_id, tenant_id, left_at)
        select "conversationId", "attendeeId", "tenantId", "leftAt" from ${recordset(departures, departure)} as g
        order by 1, 2
        on conflict (conversation_id, attendee_id) do update set left_at = excluded.left_at
        where excluded.left_at > d.left_at`,
  );
}

/** Takes those that left out of the attendees, unless a list of members or a message of theirs shows them there later. */
export async function removeDeparted(
  em: Em,
  { conversations, attendees }: { conversations: readonly string[]; attendees: readonly string[] },
): Promise<void> {
  if (!conversations.length && !attendees.length) return;
  await rows(
    em,
    sql`delete from conversation_attendees o using conversation_departures d, attendees a
        where (d.conversation_id = any(${[...conversations]}::uuid[]) or d.attendee_id = any(${[...attendees]}::uuid[]))
          and d.attendee_id in (a.id, a.merged_into) and o.conversation_id = d.conversation_id and o.attendee_id = a.id
          and coalesce(o.member_at, '-infinity') <= d.left_at
          and not exists (
            select from messages m
            where m.conversation_id = o.conversation_id and m.sender_id = o.attendee_id and m.sent_at > d.left_at)`,
  );
}
