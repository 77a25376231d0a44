import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** The newest incoming message of a conversation up to a time that its provider has; null where there is none. */
export async function newestReadMessage(em: Em, conversationId: string, upTo: Date): Promise<string | null> {
  const [found] = await rows<{ id: string }>(
    em,
    sql`select id from messages
        where conversation_id = ${conversationId} and direction = 'in' and event is null and sent_at <= ${upTo}
          and provider_message_id is not null
        order by sent_at desc, sort_key desc limit 1`,
  );
  return found?.id ?? null;
}
