import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** The place after every send of a conversation. Locks the conversation, so that places have the order of commits. */
export async function newPosition(em: Em, conversationId: string): Promise<number> {
  await rows(em, sql`select from conversations where id = ${conversationId} for no key update`);
  const [last] = await rows<{ position: number }>(
    em,
    sql`select position from message_sends where conversation_id = ${conversationId} order by position desc limit 1`,
  );
  return (last?.position ?? 0) + 1;
}
