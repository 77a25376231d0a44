import type { MessageStatus } from '../../../domain/messages.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/**
 * Shows how far a send has come on its message, unless the message is known to have arrived. Unlike all that providers
 * tell, this may go back: a message that was not sent is queued again.
 */
export async function showSend(
  em: Em,
  messageId: string,
  status: MessageStatus,
  now: Date,
  sentAt: Date | null = null,
): Promise<boolean> {
  const shown = await rows(
    em,
    sql`update messages set status = ${status}, updated_at = ${now}, sent_at = coalesce(${sentAt}::timestamptz, sent_at)
        where id = ${messageId} and status in ('queued', 'sending', 'unclear', 'failed') returning id`,
  );
  return shown.length > 0;
}
