import { setTimeout as sleep } from 'node:timers/promises';
import { isDatabaseBusy, isDatabaseDown } from '../../db/database-down.ts';
import { keepQueue } from '../../db/queries/sends/send-queue.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { SendProgress } from '../../domain/sends.ts';
import { timeOf, type Context } from '../context.ts';
import { settleTaken, tellChange } from '../conversations/tell-provider.ts';
import { findHandedOver, handOver } from './hand-over.ts';
import { settleSend, type SendOutcome, type Settled } from './settle-send.ts';
import { queueLeaseMs, takeSend, type SendHolder, type SendRef, type TakenSend } from './take-send.ts';

/** After this an activity ends and another continues, so that a long queue takes turns with other tenants, in milliseconds. */
const handBackMs = 60_000;

/** Rests before it is written again that a message was taken, where PostgreSQL could not note it, in milliseconds. */
const settleAgainMs = [200, 1_000, 3_000, 10_000, 20_000];

/**
 * Sends what an account's queue holds, and tells the provider of changed conversations, one after the other, until nothing can be sent now or the time of one activity is
 * over (`more`). A process may die anywhere: the mark stands before each call, and the next worker looks for what has a mark
 * and no outcome before it sends anything again.
 */
export async function drainSends(context: Context, ref: SendRef, holder: SendHolder): Promise<SendProgress> {
  const began = performance.now();
  const counts = { sent: 0, failed: 0 };
  const keeping = setInterval(() => {
    const until = new Date(timeOf(context, ref).getTime() + queueLeaseMs);
    context.db
      .tenant(ref.tenantId, (em) => keepQueue(em, ref.accountId, holder.id, until))
      .catch((error: unknown) =>
        context.log.warn({ account: ref.accountId, err: error }, 'the lease of a queue was not prolonged'),
      );
  }, queueLeaseMs / 3);
  try {
    for (let isFirst = true; ; isFirst = false) {
      const next = await takeSend(context, ref, holder, isFirst);
      if (next.kind === 'done') return { ...counts, more: false, waitMs: null };
      if (next.kind === 'wait') return { ...counts, more: false, waitMs: next.ms };
      if (next.kind === 'change') await settleTaken(context, ref, next, await tellChange(context, ref, next));
      else {
        const settled = await settle(context, ref, next, await outcomeOf(context, ref, next, holder));
        if (settled !== 'open') counts[settled] += 1;
      }
      holder.signal.throwIfAborted();
      if (performance.now() - began > handBackMs) return { ...counts, more: true, waitMs: null };
    }
  } finally {
    clearInterval(keeping);
  }
}

/**
 * Writes an outcome. That the message was taken is tried several times while PostgreSQL is busy or away: otherwise it is lost,
 * and the message is unclear where the provider cannot be asked.
 */
async function settle(context: Context, ref: SendRef, send: TakenSend, outcome: SendOutcome): Promise<Settled> {
  for (let n = 0; ; n += 1)
    try {
      return await settleSend(context, ref, send, outcome);
    } catch (error) {
      const rest = settleAgainMs[n];
      if (rest === undefined || !maySettleAgain(error, outcome)) throw error;
      context.log.warn({ account: ref.accountId, message: send.messageId, err: error }, 'an outcome is written again');
      await sleep(rest);
    }
}

/** That the provider took a message stays true whatever another worker learns meanwhile; no other outcome does. */
const maySettleAgain = (error: unknown, { kind }: SendOutcome): boolean =>
  kind === 'taken' && (isDatabaseBusy(error) || isDatabaseDown(error));

async function outcomeOf(
  context: Context,
  ref: SendRef,
  send: TakenSend,
  { signal }: SendHolder,
): Promise<SendOutcome> {
  const { parcel } = send;
  try {
    // A worker that stops waits for the answer: else the outcome would be unknown.
    const patience = AbortSignal.timeout(context.config.SEND_TIMEOUT_SECONDS * 1_000);
    if (send.kind === 'send')
      return {
        kind: 'taken',
        taken: await handOver({ ...parcel, call: { ...parcel.call, signal: patience } }, context.log),
      };
    if (send.echo.length) return { kind: 'taken', taken: { keys: send.echo, conversationKeys: [] } };
    const found = await findHandedOver({ ...parcel, call: { ...parcel.call, signal } });
    if (found.outcome === 'found') return { kind: 'taken', taken: found.message };
    return found.outcome === 'not_sent' ? { kind: 'absent' } : { kind: 'unknown', checkAgainAt: found.checkAgainAt };
  } catch (error) {
    if (send.kind === 'look') signal.throwIfAborted();
    if (error instanceof ProviderFailure && (error.effect === 'none' || send.kind === 'look'))
      return { kind: 'refused', failure: error };
    context.log.warn(
      { account: ref.accountId, message: send.messageId, err: error },
      'the outcome of a send is unknown',
    );
    return { kind: 'unknown', checkAgainAt: null };
  }
}
