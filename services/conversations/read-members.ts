import { membersOfConversation } from '../../db/queries/conversations/people.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { personWithKeys, type SeenPerson } from '../../domain/seen-messages.ts';
import { withRetries } from '../syncs/with-retries.ts';
import { writeFacts, type History } from './history.ts';

/** Reads the members that a conversation has now: the ones that it had and that the provider does not list have left. */
export async function readMembers(history: History, keys: readonly string[]): Promise<void> {
  const { context, ref } = history;
  const at = context.clock.now().getTime();
  const attendees = await listed(history, keys);
  // A list of nobody tells nothing.
  if (!attendees.length) return;
  const names = new Set(attendees.flatMap((one) => one.keys));
  const here = await context.db.tenant(ref.tenantId, (em) => membersOfConversation(em, ref.accountId, keys[0] ?? ''));
  const gone = here.filter((one) => !one.keys.some((key) => names.has(key)));
  const conversation = { keys, attendees, departed: gone.map((one) => personWithKeys(one.keys)) };
  const { accountId, tenantId } = ref;
  const fact = {
    accountId,
    tenantId,
    teller: 'provider',
    isLive: false,
    receivedAt: at,
    told: { kind: 'conversation', conversation, at },
  } as const;
  await writeFacts(history, [fact], { cursor: history.cursor, part: null }, async () => undefined);
}

/** None where the provider does not have the conversation any more. */
async function listed({ held, reader }: History, keys: readonly string[]): Promise<SeenPerson[]> {
  try {
    return await withRetries(held, () => reader.attendees(held.call, keys));
  } catch (error) {
    if (error instanceof ProviderFailure && error.code === 'not_found') return [];
    throw error;
  }
}
