import type { Subject } from '../../../domain/erasure.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { recountConversations } from '../messages/join-rows.ts';

/**
 * Takes a person out of an account's conversations: the conversations with the person, and of those with others what the person
 * wrote, read and reacted to.
 */
export async function deleteMessagesOf(
  em: Em,
  accountId: string,
  people: readonly Subject[],
): Promise<{ conversations: number; messages: number }> {
  const keys = people.map(({ value }) => value);
  const [found] = await rows<{ attendees: string[]; conversations: string[] }>(
    em,
    sql`with named as (
        select kind, target_id as id from provider_keys
        where account_id = ${accountId} and kind in ('attendee', 'conversation') and key = any(${keys}::text[])),
      root as (
        select coalesce(a.merged_into, a.id) as id from named n join attendees a on a.id = n.id where n.kind = 'attendee')
      select
        (select coalesce(jsonb_agg(distinct a.id), '[]') from root r join attendees a on r.id in (a.id, a.merged_into))
          as attendees,
        (select coalesce(jsonb_agg(distinct id), '[]') from named where kind = 'conversation') as conversations`,
  );
  const { attendees = [], conversations = [] } = found ?? {};
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
      where m.conversation_id in (
          select conversation_id from conversation_attendees where attendee_id = any(${attendees}::uuid[])
          union select conversation_id from conversation_departures where attendee_id = any(${attendees}::uuid[]))
        and exists (
          select from jsonb_array_elements(m.reactions) r where (r ->> 'by')::uuid = any(${attendees}::uuid[]))`,
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
