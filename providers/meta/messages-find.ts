import { epochMs } from '../../domain/webhook-events.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { HandedOver, ProviderCall, Recipient, SentSearch, UnknownSend } from '../provider.ts';
import { clockSkewMs, judge, maySayTheSame, saysTheSame, type SentCandidate } from '../shared/find-sent.ts';
import { newestMessages } from './conversations.ts';
import { personId, selfIds } from './recipients.ts';
import { readMessage } from './seen-messages.ts';

/** Its times are cut to seconds, and it shows a message some seconds after the call. */
const settleMs = 60_000;

/**
 * Looks through the newest messages of the conversation. WhatsApp keeps none, and no call has an idempotency key: there only
 * a status that brings our reference, or an echo, tells what became of the message.
 */
export async function findSent(call: ProviderCall, message: HandedOver, unknown: UnknownSend): Promise<SentSearch> {
  if (call.channel === 'whatsapp') return { outcome: 'unclear', checkAgainAt: null };
  const person = await personId(call, recipientOf(message));
  const { items, hasOlder } = await newestOrNone(call, person);
  const self = selfIds(call);
  const isRecent = (at: number | null): boolean => at === null || at >= unknown.since - clockSkewMs;
  const candidates: SentCandidate[] = [];
  for (const item of items) {
    const seen = readMessage(item, [person], self);
    const at = epochMs(item['created_time']);
    // One that cannot be read may be the one.
    if (!seen && isRecent(at)) return { outcome: 'unclear', checkAgainAt: null };
    if (seen?.direction !== 'out' || !(isRecent(at) || maySayTheSame(seen, message))) continue;
    const { keys, conversationKeys, status, sentAt } = seen;
    candidates.push({
      message: { keys, conversationKeys },
      status,
      sentAt,
      isCertain: saysTheSame(seen, message),
    });
  }
  const oldest = items.map((one) => epochMs(one['created_time'])).at(-1) ?? null;
  const isWhole = !hasOlder || (oldest !== null && !isRecent(oldest));
  return judge({ candidates, isWhole, settleMs }, unknown, call.now);
}

/** A person who never had a conversation has none that shows the message. */
async function newestOrNone(call: ProviderCall, person: string): ReturnType<typeof newestMessages> {
  try {
    return await newestMessages(call, [person]);
  } catch (error) {
    if (error instanceof ProviderFailure && error.code === 'not_found') return { items: [], hasOlder: false };
    throw error;
  }
}

function recipientOf({ to }: HandedOver): Recipient {
  if ('kind' in to) return to;
  const [person] = to;
  if (person) return person;
  throw new ProviderFailure('request_refused', 'The message has no recipient.');
}
