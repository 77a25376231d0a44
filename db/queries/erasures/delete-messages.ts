import type { Subject } from '../../../domain/erasure.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { recountConversations } from '../messages/join-rows.ts';
import { personRows, reactedTo } from './person-rows.ts';

/**
 * Takes a person out of an account's conversations: the conversations with the person, and of those with others what the person
 * wrote, read and reacted to.
 */
export async function deleteMessagesOf(
  em: Em,
  accountId: string,
  people: readonly Subject[],
): Promise<{ conversations: number; messages: number }> {
  const { attendees, conversations } = await personRows(em, accountId, people);
  if (!attendees.length && !conversations.length) return { conversations: 0, messages: 0 };
  const [gone] = await rows<{ messages: number }>(
    em,
    sql`with gone as (delete from messages where conversation_id = any(${conversations}::uuid[]) returning 1)
      select count(*)::int as messages from gone`,
  );
  await rows(em, sql`delete from conversations where id = any(${conversations}::uuid[])`);
  const written = await rows<{ conversationId: string }>(
    em,
    sql`delete from messages where sender_id = any(${attendees}::uuid[]) returning conversation_id as "conversationId"`,
  );
  await rows(
    em,
    sql`update messages m set reactions = (
        select coalesce(jsonb_agg(r order by r ->> 'by'), '[]') from jsonb_array_elements(m.reactions) r
        where (r ->> 'by')::uuid <> all(${attendees}::uuid[]))
      where ${reactedTo({ attendees })}`,
  );
  await rows(em, sql`delete from message_receipts where attendee_id = any(${attendees}::uuid[])`);
  await rows(
    em,
    sql`delete from message_effects where account_id = ${accountId} and (effect ->> 'by')::uuid = any(${attendees}::uuid[])`,
  );
  await rows(em, sql`delete from attendees where id = any(${attendees}::uuid[])`);
  await recountConversations(em, [...new Set(written.map(({ conversationId }) => conversationId))]);
  return { conversations: conversations.length, messages: (gone?.messages ?? 0) + written.length };
}
