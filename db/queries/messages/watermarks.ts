import type { Em } from '../../connect.ts';
import { recordset, rows, sql } from '../../sql.ts';

/** Rows of one conversation, and the watermarks that were told of it now; null for none. */
export interface MarkedConversation {
  conversations: readonly string[];
  delivered: Date | null;
  read: Date | null;
}

const isBelow = sql`m.direction = 'out' and m.sent_at_known and m.event is null`;
/** A failure that the provider told loses to a proof of arrival. */
const hasFailed = sql`(m.status = 'failed' and m.extras ? 'failure')`;

/**
 * Messages that were sent up to the watermarks of their conversations and do not show it yet, those told now included.
 * Up to an earlier watermark all show it.
 */
export async function messagesBelowMarks(em: Em, marked: readonly MarkedConversation[]): Promise<string[]> {
  if (!marked.length) return [];
  const asked = marked.flatMap(({ conversations, delivered, read }, part) =>
    conversations.map((conversation) => ({ part, conversation, delivered, read })),
  );
  const found = await rows<{ id: string }>(
    em,
    sql`with g as (select * from ${recordset(asked, sql`(part int, conversation uuid, delivered timestamptz, read timestamptz)`)} as g),
      marks as (
        select g.part, greatest(max(g.delivered), max(c.delivered_up_to)) as delivered,
          greatest(max(g.read), max(c.seen_up_to)) as read
        from g left join conversations c on c.id = g.conversation group by g.part)
      select m.id from g join marks k on k.part = g.part join conversations c on c.id = g.conversation
        join messages m on m.conversation_id = c.id
          and m.sent_at > coalesce(c.seen_up_to, '-infinity') and m.sent_at <= k.read
      where ${isBelow} and (m.status in ('sent', 'delivered') or ${hasFailed})
      union
      select m.id from g join marks k on k.part = g.part join conversations c on c.id = g.conversation
        join messages m on m.conversation_id = c.id
          and m.sent_at > coalesce(greatest(c.delivered_up_to, c.seen_up_to), '-infinity') and m.sent_at <= k.delivered
      where ${isBelow} and (m.status = 'sent' or ${hasFailed})`,
  );
  return found.map(({ id }) => id);
}
