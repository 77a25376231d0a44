import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { dueForCheck } from '../../db/queries/accounts/due-for-check.ts';
import {
  beginCall,
  holdChanges,
  nextChange,
  releaseNewerChange,
  settleChange,
  type DueChange,
  type SettledChange,
} from '../../db/queries/conversations/conversation-changes.ts';
import { newestReadMessage } from '../../db/queries/conversations/newest-read-message.ts';
import { providerKeysOf } from '../../db/queries/sends/provider-ids.ts';
import { holdQueue, lockQueue } from '../../db/queries/sends/send-queue.ts';
import { failureRow, ProviderFailure } from '../../domain/failures.ts';
import { longestCallMs, pauseMs, triedForMs, tryAgainMs, waitsForAccount } from '../../domain/sends.ts';
import type { Provider, ProviderCall } from '../../providers/provider.ts';
import { connectionTo } from '../connections/login/attempt-tx.ts';
import { timeOf, type Context } from '../context.ts';
import type { SendRef } from '../messages/take-send.ts';
import { stateOf, verbOf, wordOf } from './provider-state.ts';

/** A change that was taken to be told. */
export interface TakenChange {
  kind: 'change';
  change: DueChange;
  /** What to call; null where there is nothing to tell. Throws `ProviderFailure`. */
  tell: ((signal: AbortSignal) => Promise<void> | undefined) | null;
  /** Why the provider is not told. */
  refusal: ProviderFailure | null;
}

/** What the provider made of a change; null: it took it. */
export type ChangeOutcome = ProviderFailure | null;

const after = (now: Date, ms: number): Date => new Date(now.getTime() + ms);

/** Takes the change of an account that is due first, in the transaction that holds the lock of its queue; null: none is due. */
export async function takeChange(context: Context, em: Em, account: Account, now: Date): Promise<TakenChange | null> {
  const change = await nextChange(em, account.id, now);
  if (!change) return null;
  const taken = { kind: 'change', change, tell: null, refusal: null } as const;
  const refused = (...why: ConstructorParameters<typeof ProviderFailure>): TakenChange => ({
    ...taken,
    refusal: new ProviderFailure(...why),
  });
  await beginCall(em, change, now, after(now, longestCallMs));
  const verb = verbOf(context.providers[account.provider], account.channel, change.field, !change.markedUnread);
  if (!verb) return refused('unsupported', 'The provider has no such field.');
  // Its first message makes the conversation at the provider.
  if (change.isNew) return refused('not_found', 'The provider does not know the conversation yet.');
  const keys = await providerKeysOf(em, 'conversation', change.conversationId);
  const connection = await connectionTo(context, em, account, now, account.providerAccountId).catch(failureOf);
  if (connection instanceof ProviderFailure) return { ...taken, refusal: connection };
  const { provider, call } = connection;
  if (verb === 'setState') {
    // All of it would be read, also what came since.
    if (change.field === 'read' && !change.markedUnread && change.unreadCount > 0)
      return refused('superseded', 'A newer message came first, and the provider marks whole conversations as read.');
    return { ...taken, tell: setState(provider, call, keys, change, now) };
  }
  const message = change.readUpTo && (await newestReadMessage(em, change.conversationId, change.readUpTo));
  if (!message) return taken;
  const ref = { keys: await providerKeysOf(em, 'message', message), conversationKeys: keys };
  return { ...taken, tell: (signal) => provider.messages?.markRead?.({ ...call, signal }, ref) };
}

function failureOf(error: unknown): ProviderFailure {
  if (error instanceof ProviderFailure) return error;
  throw error;
}

const setState =
  ({ conversations }: Provider, call: ProviderCall, keys: readonly string[], change: DueChange, now: Date) =>
  (signal: AbortSignal): Promise<void> | undefined =>
    conversations?.setState?.({ ...call, signal }, keys, stateOf(change, now));

/** Tells the provider. A worker that stops waits for the answer: a later change must not overtake the call. */
export async function tellChange(
  { log }: Context,
  ref: SendRef,
  { tell, refusal }: TakenChange,
): Promise<ChangeOutcome> {
  if (refusal) return refusal;
  try {
    await tell?.(AbortSignal.timeout(longestCallMs));
    return null;
  } catch (error) {
    if (error instanceof ProviderFailure) return error;
    log.warn({ account: ref.accountId, err: error }, 'a change of a conversation failed');
    return new ProviderFailure('unexpected', failureRow('unexpected').whatToDo, { effect: 'unknown' });
  }
}

/** Writes what became of a change. It is safe to repeat, so that a lost answer is one more try. */
export function settleTaken(
  context: Context,
  ref: SendRef,
  { change }: TakenChange,
  outcome: ChangeOutcome,
): Promise<void> {
  return context.db.tenant(ref.tenantId, async (em) => {
    const now = timeOf(context, ref);
    await lockQueue(em, ref.accountId);
    const isCertain = outcome?.effect !== 'unknown';
    const settled = outcome ? await afterFailure(em, ref, change, outcome, now) : ({ state: 'synced' } as const);
    const isNewest = await settleChange(em, change, settled, isCertain, now);
    if (!isNewest && isCertain)
      await releaseNewerChange(em, change, outcome ? undefined : wordOf(change.field, change), now);
  });
}

async function afterFailure(
  em: Em,
  { accountId }: SendRef,
  change: DueChange,
  { code, message, retryAfterMs }: ProviderFailure,
  now: Date,
): Promise<SettledChange> {
  const why = { reason: code, detail: message };
  const { action } = failureRow(code);
  if (code === 'unsupported' || code === 'superseded') return { state: 'local', ...why };
  const isOfAccount = waitsForAccount.has(code);
  const startsAnew = isOfAccount || action === 'reconnect';
  const isOver = change.triedSince !== null && now.getTime() - change.triedSince.getTime() > triedForMs;
  if (action === 'reconnect') await dueForCheck(em, accountId, now);
  if (action === 'wait' || startsAnew) {
    const until = after(now, retryAfterMs ?? pauseMs);
    await holdQueue(em, accountId, until, isOfAccount ? 'account' : 'rate_limited');
    await holdChanges(em, accountId, until);
    if (startsAnew || !isOver) return { state: 'pending', nextTryAt: until, ...why, startsAnew };
  } else if ((action === 'retry' || change.isNew) && !isOver)
    return { state: 'pending', nextTryAt: after(now, tryAgainMs(change.tries + 1)), ...why };
  return { state: 'failed', ...why };
}
