import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { Conversation } from '../../db/entities/conversations.ts';
import type { LockedQueue } from '../../db/queries/sends/send-queue.ts';
import { sendingRulesOf } from '../../db/queries/tenants/sending-stops.ts';
import { quietAt, quietHoursOf } from '../../domain/quiet-hours.ts';

/** Whether quiet hours hold an account's queue, and a message to this conversation passes them: its person wrote lately. */
export async function passesQuietHours(
  em: Em,
  sender: Account,
  queue: LockedQueue,
  conversationId: string,
  now: Date,
): Promise<boolean> {
  if (queue.holdsFor !== 'quiet_hours') return false;
  const { lastActionAt } = await em.findOneOrFail(Conversation, { id: conversationId });
  const { zone, quietHours } = await sendingRulesOf(em, sender.tenantId);
  const since = quietAt(quietHoursOf(sender.quietHours, quietHours), zone, now)?.repliesSince;
  return Boolean(since && lastActionAt && lastActionAt > since);
}
