import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';
import { keepFigures } from '../analytics/count-days.ts';
import { lockDays } from '../analytics/marks.ts';
import { recountConversations } from '../messages/join-rows.ts';

/** Keeps the transaction short. */
const batch = 500;

/**
 * Removes messages that their tenant does not keep any longer, with all that belongs to them; those that wait to be sent
 * stay, and so do the figures of analytics. Answers how many; call again while it is not 0. System role.
 */
export async function removeOldMessages(em: Em, now: Date): Promise<number> {
  const old = await rows<{ id: string; conversationId: string; accountId: string }>(
    em,
    sql`select m.id, m.conversation_id as "conversationId", m.account_id as "accountId" from (
          select id, ${now}::timestamptz - make_interval(days => message_retention_days) as before from tenants
          where message_retention_days is not null) t,
        lateral (
          select id, conversation_id, account_id from messages m where m.tenant_id = t.id and m.sent_at < t.before
            and not exists (
              select from message_sends s where s.message_id = m.id and s.state in ('queued', 'sending', 'unclear'))
          order by m.sent_at limit ${batch}) m
        limit ${batch}`,
  );
  if (!old.length) return 0;
  const ids = old.map(({ id }) => id);
  const conversations = [...new Set(old.map(({ conversationId }) => conversationId))];
  await lockDays(
    em,
    old.map(({ accountId }) => accountId),
  );
  // Locked in the order in which facts lock them: keys, messages, conversations.
  await rows(
    em,
    sql`select from provider_keys where target_id = any(${ids}::uuid[]) order by account_id, kind, key for update`,
  );
  await rows(em, sql`select from messages where id = any(${ids}::uuid[]) order by id for update`);
  await rows(em, sql`select from conversations where id = any(${conversations}::uuid[]) order by id for no key update`);
  await keepFigures(em, ids);
  const removed = await rows(em, sql`delete from messages where id = any(${ids}::uuid[]) returning id`);
  await recountConversations(em, conversations);
  return removed.length;
}
