import { isWorking } from '../../domain/accounts.ts';
import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import {
  changeConversation as writeChange,
  lockConversation,
  type ConversationChange,
  type LockedConversation,
} from '../../db/queries/conversations/change-conversation.ts';
import { requestChanges, type Requested } from '../../db/queries/conversations/conversation-changes.ts';
import { openQueue, wakeQueue } from '../../db/queries/sends/send-queue.ts';
import type { ChangedField } from '../../domain/conversations.ts';
import { refOf } from '../accounts/find-account.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { startSends } from '../signal.ts';
import { verbOf, wordOf } from './provider-state.ts';
import { anyConversation } from './find-conversations.ts';

/**
 * Changes a conversation, and notes in the same transaction what its provider is to be told; then has it told. Answers the
 * fields that the provider does not have, which are kept here alone.
 */
export async function changeConversation(
  context: Context,
  tenantId: string,
  id: string,
  change: ConversationChange,
): Promise<ChangedField[]> {
  const now = context.clock.now();
  if (change.muted instanceof Date && change.muted <= now)
    throw new Problem('invalid_request', 'muted: must be a time to come, true or false.');
  const { account, kept, starts } = await context.db.tenant(tenantId, async (em) => {
    const { accountId } = await anyConversation(em, id);
    const account = await em.findOneOrFail(Account, { id: accountId });
    const fields = (Object.keys(change) as ChangedField[]).filter((field) => change[field] !== undefined);
    const told = fields.filter((field) =>
      verbOf(context.providers[account.provider], account.channel, field, change.read),
    );
    const starts = told.length > 0 && (await wake(em, account, now));
    const before = await lockConversation(em, id);
    if (!before) throw new Problem('not_found', 'There is no such conversation.');
    await writeChange(em, id, change, now);
    const requested = fields.map((field) => requestOf(field, told.includes(field), before));
    await requestChanges(em, before, requested, now);
    return { account, kept: fields.filter((field) => !told.includes(field)), starts };
  });
  if (starts) await startSends(context, refOf(account), 'api');
  return kept;
}

/** Wakes the account's queue, which is locked before any conversation; its limits of messages do not hold a change. */
async function wake(em: Em, account: Account, now: Date): Promise<boolean> {
  const queue = await openQueue(em, account);
  // Until the account works again nothing can be told; the reconciler has the queue drained then.
  if (!isWorking(account)) return false;
  const isOfMessages = queue.holdsFor === 'budget' || queue.holdsFor === 'quiet_hours';
  const holdsUntil = isOfMessages ? null : queue.holdsUntil;
  return wakeQueue(em, account.id, { ...queue, holdsUntil }, now, now);
}

const requestOf = (field: ChangedField, isTold: boolean, before: LockedConversation): Requested => ({
  field,
  state: isTold ? 'pending' : 'local',
  providerHad: wordOf(field, before),
  reason: isTold ? null : 'unsupported',
  detail: null,
});
