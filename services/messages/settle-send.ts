import type { Em } from '../../db/connect.ts';
import { dueForCheck } from '../../db/queries/accounts/due-for-check.ts';
import { showSend } from '../../db/queries/sends/move-message.ts';
import { ownKey } from '../../domain/own-keys.ts';
import { holdQueue } from '../../db/queries/sends/send-queue.ts';
import { moveSend, type SendChange } from '../../db/queries/sends/settle-send.ts';
import { Conversation } from '../../db/entities/conversations.ts';
import { Message } from '../../db/entities/messages.ts';
import { failureRow, type FailureCode, type ProviderFailure } from '../../domain/failures.ts';
import {
  lookAgainMs,
  mostLooks,
  mostTries,
  pauseMs,
  triedForMs,
  tryAgainMs,
  unclearRestMs,
  waitsForAccount,
} from '../../domain/sends.ts';
import { timeOf, type Context } from '../context.ts';
import { applyFacts } from './apply-facts.ts';
import type { SentMessage } from '../../providers/contract/messages.ts';
import type { SendRef, TakenSend } from './take-send.ts';

/** What came of a send, as the counts of a run name it. */
export type Settled = 'sent' | 'failed' | 'open';

/**
 * What became known of a send: it was taken, it was certainly not sent, nothing that is certain (until `checkAgainAt`, in
 * milliseconds since the epoch, perhaps), or the provider's refusal of the call.
 */
export type SendOutcome =
  | { kind: 'taken'; taken: SentMessage }
  | { kind: 'absent' }
  | { kind: 'unknown'; checkAgainAt: number | null }
  | { kind: 'refused'; failure: ProviderFailure };

/** Writes the outcome of a send, with all that was learned, in one transaction. */
export function settleSend(context: Context, ref: SendRef, send: TakenSend, outcome: SendOutcome): Promise<Settled> {
  return context.db.tenant(ref.tenantId, (em) => {
    const tx: SettleTx = { context, em, ref, send, now: timeOf(context, ref) };
    switch (outcome.kind) {
      case 'taken':
        return wasTaken(tx, outcome.taken);
      case 'absent':
        return isAbsent(tx);
      case 'unknown':
        return staysUnknown(tx, outcome.checkAgainAt);
      case 'refused':
        return send.kind === 'look' ? lookRefused(tx, outcome.failure) : wasRefused(tx, outcome.failure);
    }
  });
}

interface SettleTx {
  context: Context;
  em: Em;
  ref: SendRef;
  send: TakenSend;
  now: Date;
}

const after = (now: Date, ms: number): Date => new Date(now.getTime() + ms);
const isOver = ({ send, now }: SettleTx): boolean => now.getTime() - send.dueSince.getTime() > triedForMs;
const move = ({ em, send }: SettleTx, change: SendChange): Promise<boolean> =>
  moveSend(em, send.messageId, ['sending', 'unclear'], change);

/** The provider has it. An echo that came first is joined by the ids: both rows become one. */
async function wasTaken(tx: SettleTx, { keys, conversationKeys }: SentMessage): Promise<Settled> {
  const { context, em, send, now } = tx;
  const { messageId, parcel } = send;
  const moved = await moveSend(em, messageId, ['queued', 'sending', 'unclear'], {
    state: 'sent',
    endedAt: now,
    reason: null,
    detail: null,
  });
  // Another worker found it already: what it learned is the same.
  if (!moved) return 'open';
  const message = await em.findOneOrFail(Message, { id: messageId });
  const conversation = await em.findOneOrFail(Conversation, { id: message.conversationId });
  const ids = [...conversationKeys, ...parcel.conversationKeys];
  await applyFacts(
    em,
    context.vault,
    [
      {
        accountId: message.accountId,
        tenantId: message.tenantId,
        teller: 'us',
        isLive: true,
        receivedAt: parcel.sentMarkAt,
        told: {
          kind: 'message',
          message: {
            keys: [...keys, ownKey(messageId)],
            conversationKeys: [...new Set([...ids, conversation.providerConversationId])],
            direction: 'out',
            sender: null,
            text: message.text,
            sentAt: null,
            status: 'sent',
            deleted: false,
            quotedKey: message.quotedKey,
            attachments: [],
            reactions: [],
          },
          conversation: { keys: [conversation.providerConversationId] },
        },
      },
    ],
    now,
  );
  return 'sent';
}

/** It is sent again, unless a person is to decide by now. */
async function isAbsent(tx: SettleTx): Promise<Settled> {
  const { send, now } = tx;
  if (send.isUnclear) return staysUnknown(tx, null);
  if (send.tries >= mostTries || isOver(tx)) return fail(tx, 'provider_unavailable', null);
  await move(tx, { state: 'queued', sentMarkAt: null, nextTryAt: now });
  await showSend(tx.em, send.messageId, 'queued', now);
  return 'open';
}

async function staysUnknown(tx: SettleTx, checkAgainAt: number | null): Promise<Settled> {
  const { em, send, now } = tx;
  const looks = send.kind === 'look' ? send.looks + 1 : send.looks;
  const rest = send.isUnclear ? null : lookAgainMs(looks);
  const callEndedAt = send.kind === 'send' ? now : undefined;
  if (rest !== null) {
    const nextTryAt = new Date(Math.max(now.getTime() + rest, checkAgainAt ?? 0));
    await move(tx, { state: 'sending', looks, nextTryAt, ...(callEndedAt && { callEndedAt }) });
    return 'open';
  }
  await move(tx, { state: 'unclear', looks, nextTryAt: after(now, unclearRestMs), reason: 'outcome_unknown' });
  await showSend(em, send.messageId, 'unclear', now);
  return 'open';
}

/** The provider did not let itself be asked: nothing was learned, and the look does not count. */
async function lookRefused(tx: SettleTx, failure: ProviderFailure): Promise<Settled> {
  const { send, now } = tx;
  await holdFor(tx, failure);
  if (isOver(tx)) return staysUnknown({ ...tx, send: { ...send, looks: mostLooks } }, null);
  await move(tx, {
    state: send.isUnclear ? 'unclear' : 'sending',
    nextTryAt: after(now, failure.retryAfterMs ?? pauseMs),
  });
  return 'open';
}

/** The provider did not send it, and says why. */
async function wasRefused(tx: SettleTx, failure: ProviderFailure): Promise<Settled> {
  const { em, send, now } = tx;
  const waits = await holdFor(tx, failure);
  const isTried = waits || failureRow(failure.code).action === 'retry';
  if (!isTried || isOver(tx)) return fail(tx, failure.code, failure.message);
  await move(tx, {
    state: 'queued',
    sentMarkAt: null,
    nextTryAt: waits ? now : after(now, Math.max(tryAgainMs(send.tries), failure.retryAfterMs ?? 0)),
    reason: failure.code,
    detail: failure.message,
  });
  await showSend(em, send.messageId, 'queued', now);
  return 'open';
}

/** Holds the whole queue where the refusal is about the account, not about the message. */
async function holdFor({ em, ref, now }: SettleTx, { code, retryAfterMs }: ProviderFailure): Promise<boolean> {
  const { action } = failureRow(code);
  const ofAccount = waitsForAccount.has(code);
  if (action === 'reconnect') await dueForCheck(em, ref.accountId, now);
  if (action !== 'wait' && !ofAccount) return false;
  await holdQueue(em, ref.accountId, after(now, retryAfterMs ?? pauseMs), ofAccount ? 'account' : 'rate_limited');
  return true;
}

async function fail(tx: SettleTx, reason: FailureCode, detail: string | null): Promise<Settled> {
  const { em, send, now } = tx;
  await move(tx, { state: 'failed', reason, detail, endedAt: now });
  await showSend(em, send.messageId, 'failed', now);
  return 'failed';
}
