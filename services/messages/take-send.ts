import { isWorking } from '../../domain/accounts.ts';
import { recountConversations } from '../../db/queries/messages/join-rows.ts';
import { Conversation, ProviderKey } from '../../db/entities/conversations.ts';
import { Message } from '../../db/entities/messages.ts';
import { MessageSend } from '../../db/entities/sends.ts';
import { Account } from '../../db/entities/accounts.ts';
import type { Em } from '../../db/connect.ts';
import { showSend } from '../../db/queries/sends/move-message.ts';
import { nextChangeAt } from '../../db/queries/conversations/conversation-changes.ts';
import { nextSend, nextTryAt } from '../../db/queries/sends/next-send.ts';
import { ownKey } from '../../domain/own-keys.ts';
import { findEcho, knownKeys, providerKeysOf } from '../../db/queries/sends/provider-ids.ts';
import { countCall } from '../../db/queries/sends/send-calls.ts';
import { holdQueue, lockQueue, saveQueue, starting, type LockedQueue } from '../../db/queries/sends/send-queue.ts';
import { endQueuedSends, endUndecidable, moveSend } from '../../db/queries/sends/settle-send.ts';
import { clockSkewMs } from '../../domain/attempts.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { personKey, type StoredPerson } from '../../domain/recipients.ts';
import {
  echoWithinMs,
  longestCallMs,
  longestSleepMs,
  lookAgainMs,
  pauseMs,
  type HoldReason,
} from '../../domain/sends.ts';
import { connectionTo } from '../connections/login/attempt-tx.ts';
import { timeOf, type Context } from '../context.ts';
import { takeChange, type TakenChange } from '../conversations/tell-provider.ts';
import { parcelFiles, type Parcel } from './hand-over.ts';
import { heldUntil, type Held } from './held-until.ts';

export interface SendRef {
  tenantId: string;
  accountId: string;
  now: number;
}

/** The activity that drains a queue. A later activity of the same run, or a later try, takes over from it. */
export interface SendHolder {
  run: string;
  id: string;
  signal: AbortSignal;
}

/** How long a worker's lease of a queue lasts after its last sign of life, in milliseconds. */
export const queueLeaseMs = 60_000;
/** A queue that sleeps for longer has no run: the reconciler starts one. */
const sleepGraceMs = 30_000;
/** A send that was taken, and what is to be done: `send` it, or `look` for it. */
export interface TakenSend {
  kind: 'send' | 'look';
  messageId: string;
  conversationId: string;
  tries: number;
  looks: number;
  isUnclear: boolean;
  /** When it was to be sent. */
  dueSince: Date;
  parcel: Parcel;
  /** Ids of an echo of ours that came already. */
  echo: readonly string[];
}

export type Next = TakenSend | TakenChange | { kind: 'wait'; ms: number } | { kind: 'done' };

/**
 * Takes the next send of an account, in one transaction with its mark and its place in the limits; where none can be sent, a
 * change of a conversation. `done`: nothing is left that can be done, the account does not work, or another worker drains the
 * queue.
 */
export function takeSend(context: Context, ref: SendRef, holder: SendHolder, isFirst: boolean): Promise<Next> {
  return context.db.tenant(ref.tenantId, async (em) => {
    const now = timeOf(context, ref);
    const queue = await lockQueue(em, ref.accountId);
    if (!queue || !mayDrain(queue, holder, isFirst, now)) return { kind: 'done' };
    const account = await em.findOne(Account, { id: ref.accountId });
    if (!account) return { kind: 'done' };
    if (!isWorking(account) || account.mergedInto || !account.providerAccountId) {
      if (account.mergedInto || isResting(account)) await endAll(em, account, now);
      await saveQueue(em, account.id, { lease: null, leaseUntil: null, sleeps: false, wakeAt: null });
      return { kind: 'done' };
    }
    const held = await heldUntil(em, account, queue, now);
    const next = await nextSend(em, account.id, now, held);
    const pause = pauseOf(held);
    const lease = { ...leaseOf(holder, now, queueLeaseMs), sleeps: false, wakeAt: null };
    if (!next) {
      const change = pause ? null : await takeChange(context, em, account, now);
      if (!change) return rest(em, account, holder, { held, pause }, now);
      await saveQueue(em, account.id, lease);
      return change;
    }
    await saveQueue(em, account.id, lease);
    try {
      return await take(context, em, account, next.messageId, now);
    } catch (error) {
      if (!(error instanceof ProviderFailure)) throw error;
      // The credentials are missing: an operator sets them.
      await holdQueue(em, account.id, new Date(now.getTime() + pauseMs), 'account');
      return { kind: 'wait', ms: pauseMs };
    }
  });
}

function mayDrain(
  { lease, leaseUntil, sleeps }: LockedQueue,
  holder: SendHolder,
  isFirst: boolean,
  now: Date,
): boolean {
  if (lease === holder.id) return true;
  if (!isFirst) return false;
  if (sleeps) return true;
  return lease === null || lease === starting || lease.startsWith(holder.run) || !leaseUntil || leaseUntil <= now;
}

const leaseOf = ({ id }: SendHolder, now: Date, ms: number): { lease: string; leaseUntil: Date } => ({
  lease: id,
  leaseUntil: new Date(now.getTime() + ms),
});

const isResting = ({ state }: Account): boolean => state === 'disconnected' || state === 'failed';

/** The account will not send again: what was not handed over ends, and what may have been is left to a person. */
async function endAll(em: Em, account: Account, now: Date): Promise<void> {
  await endQueuedSends(em, account.id, account.mergedInto ? 'same_identity' : 'not_connected', now);
  await endUndecidable(em, account.id, now);
}

/** Until when no change of a conversation may be told: limits of messages and quiet hours do not hold it. */
const pauseOf = (held: Held | null): Date | null => (held && !ofMessages.has(held.reason) ? held.until : null);

const ofMessages: ReadonlySet<HoldReason> = new Set(['budget', 'quiet_hours']);

/** Nothing can be done now: the run sleeps for a short while, or ends. `held` are sends, `pause` is of changes. */
async function rest(
  em: Em,
  account: Account,
  holder: SendHolder,
  { held, pause }: { held: Held | null; pause: Date | null },
  now: Date,
): Promise<Next> {
  const [send, change] = [await nextTryAt(em, account.id, now, held), await nextChangeAt(em, account.id)];
  const times = [send, change && pause && pause > change ? pause : change].filter((one) => one !== null);
  const next = times.length ? new Date(Math.min(...times.map((one) => one.getTime()))) : null;
  const ms = next ? Math.max(next.getTime() - now.getTime(), 1) : null;
  const sleeps = ms !== null && ms <= longestSleepMs;
  const lease = sleeps ? leaseOf(holder, now, ms + sleepGraceMs) : { lease: null, leaseUntil: null };
  await saveQueue(em, account.id, { ...lease, sleeps, wakeAt: next });
  return sleeps ? { kind: 'wait', ms } : { kind: 'done' };
}

async function take(context: Context, em: Em, account: Account, messageId: string, now: Date): Promise<TakenSend> {
  const send = await em.findOneOrFail(MessageSend, { messageId });
  const message = await em.findOneOrFail(Message, { id: messageId });
  const { provider, call } = await connectionTo(context, em, account, now, account.providerAccountId);
  const files = await parcelFiles(context, em, account, messageId);
  // Events that came with our reference told ids of an earlier try: it was sent.
  const told = send.tries > 0 ? await providerKeysOf(em, 'message', messageId) : [];
  const isNew = send.state === 'queued' && !told.length;
  const sentMarkAt = isNew ? now : (send.sentMarkAt ?? now);
  const taken = {
    messageId,
    conversationId: message.conversationId,
    tries: send.tries + (isNew ? 1 : 0),
    looks: isNew ? 0 : send.looks,
    isUnclear: send.state === 'unclear',
    dueSince: send.dueAt && send.dueAt > send.createdAt ? send.dueAt : send.createdAt,
    parcel: {
      provider,
      call,
      text: message.text,
      files,
      conversationKeys: await keysOfConversation(em, account, message.conversationId, send.recipients),
      recipients: send.recipients,
      replyTo: await keysOfReply(em, account.id, message.quotedKey),
      options: send.options ?? {},
      reference: ownKey(messageId),
      sentMarkAt: sentMarkAt.getTime(),
      callEndedAt: (send.callEndedAt ?? new Date(sentMarkAt.getTime() + longestCallMs)).getTime(),
      known: isNew ? [] : await knownKeys(em, account.id, messageId, sentMarkAt),
    },
  };
  if (!isNew) {
    const from = new Date(sentMarkAt.getTime() - clockSkewMs);
    const to = new Date(sentMarkAt.getTime() + echoWithinMs + clockSkewMs);
    const { conversationId, text } = message;
    const sizes = files.map(({ size }) => size);
    const echo = told.length ? told : await findEcho(em, { conversationId, text, sizes, from, to });
    return { ...taken, kind: 'look', echo };
  }
  await moveSend(em, messageId, ['queued'], {
    state: 'sending',
    sentMarkAt,
    tries: taken.tries,
    looks: 0,
    callEndedAt: null,
    nextTryAt: new Date(now.getTime() + (lookAgainMs(0) ?? 0)),
    reason: null,
    detail: null,
  });
  await countCall(em, account, now);
  await showSend(em, messageId, 'sending', now, now);
  await recountConversations(em, [message.conversationId]);
  return { ...taken, kind: 'send', echo: [] };
}

/** The conversation's ids at the provider. One that was begun here may be named after its people alone: that is none. */
async function keysOfConversation(
  em: Em,
  { channel }: Account,
  id: string,
  recipients: readonly StoredPerson[],
): Promise<string[]> {
  const { providerConversationId: own } = await em.findOneOrFail(Conversation, { id });
  const people = recipients.map((person) => personKey(channel, person));
  const keys = (await providerKeysOf(em, 'conversation', id)).filter((key) => !people.includes(key));
  return keys.includes(own) ? [own, ...keys.filter((key) => key !== own)] : keys;
}

/** The ids of the message with this one. */
async function keysOfReply(em: Em, accountId: string, quotedKey: string | null): Promise<string[]> {
  if (quotedKey === null) return [];
  const target = await em.findOne(ProviderKey, { accountId, kind: 'message', key: quotedKey });
  const keys = target?.targetId ? await providerKeysOf(em, 'message', target.targetId) : [];
  return [quotedKey, ...keys.filter((key) => key !== quotedKey)];
}
