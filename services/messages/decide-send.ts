import { isWorking } from '../../domain/accounts.ts';
import { newPosition } from '../../db/queries/sends/new-position.ts';
import { showSend } from '../../db/queries/sends/move-message.ts';
import { openQueue, wakeQueue } from '../../db/queries/sends/send-queue.ts';
import { moveSend } from '../../db/queries/sends/settle-send.ts';
import type { Em } from '../../db/connect.ts';
import { LockMode } from '@mikro-orm/core';
import { MessageSend } from '../../db/entities/sends.ts';
import { ownAccount, refOf } from '../accounts/find-account.ts';
import type { CallerRequest } from '../principal.ts';
import { Problem } from '../problem.ts';
import { startSends } from '../signal.ts';
import { ownMessage } from './find-message.ts';
import { passesQuietHours } from './quiet-replies.ts';
import { checkSender, readQueued, type QueuedMessage } from './queue-message.ts';

/**
 * Sends a message again that was not sent, or of which nobody knows whether it was. One that failed goes behind what its
 * conversation has queued since; an unclear one keeps its place.
 */
export async function retrySend({ context, principal }: CallerRequest, id: string): Promise<QueuedMessage> {
  const { db, clock } = context;
  const now = clock.now();
  const { account, starts } = await db.tenant(principal.tenantId, async (em) => {
    const sender = await ownAccount(em, (await ownMessage(em, id)).accountId);
    const queue = await openQueue(em, sender);
    const send = await lockSend(em, id);
    if (send.state === 'queued') return { account: sender, starts: false };
    if (send.state === 'sending') throw new Problem('send_in_progress');
    if (send.state === 'sent') throw new Problem('send_ended', 'The message was sent.');
    checkSender(context, sender);
    if (!(await showSend(em, id, 'queued', now))) throw new Problem('send_ended', 'The message has arrived.');
    const position = send.state === 'unclear' ? send.position : await newPosition(em, send.conversationId);
    await moveSend(em, id, [send.state], {
      state: 'queued',
      position,
      dueAt: null,
      nextTryAt: now,
      sentMarkAt: null,
      tries: 0,
      looks: 0,
      reason: null,
      detail: null,
      createdAt: now,
      endedAt: null,
    });
    const isReply = await passesQuietHours(em, sender, queue, send.conversationId, now);
    const wakes = await wakeQueue(em, sender.id, queue, now, now, isReply);
    return { account: sender, starts: wakes && isWorking(sender) };
  });
  if (starts) await startSends(context, refOf(account), 'api');
  return db.tenant(principal.tenantId, (em) => readQueued(em, id));
}

/** Takes a message back that waits to be sent, or leaves one as it is of which nobody knows whether it was. */
export async function cancelSend({ context, principal }: CallerRequest, id: string): Promise<QueuedMessage> {
  const { db, clock } = context;
  const now = clock.now();
  const { account, starts } = await db.tenant(principal.tenantId, async (em) => {
    const sender = await ownAccount(em, (await ownMessage(em, id)).accountId);
    const queue = await openQueue(em, sender);
    const send = await lockSend(em, id);
    if (send.state === 'cancelled') return { account: sender, starts: false };
    if (send.state === 'sending') throw new Problem('send_in_progress');
    if (send.state !== 'queued' && send.state !== 'unclear')
      throw new Problem('send_ended', send.state === 'sent' ? 'The message was sent.' : 'The message has failed.');
    const reason = send.state === 'unclear' ? 'outcome_unknown' : 'cancelled';
    await moveSend(em, id, [send.state], { state: 'cancelled', reason, detail: null, endedAt: now });
    await showSend(em, id, 'failed', now);
    // It may have held others of its conversation.
    const isReply = await passesQuietHours(em, sender, queue, send.conversationId, now);
    const wakes = await wakeQueue(em, sender.id, queue, now, now, isReply);
    return { account: sender, starts: wakes && isWorking(sender) };
  });
  if (starts) await startSends(context, refOf(account), 'api');
  return db.tenant(principal.tenantId, (em) => readQueued(em, id));
}

/** The send of a message; the caller has locked its queue. 409 where it was not sent from here. */
async function lockSend(em: Em, id: string): Promise<MessageSend> {
  const send = await em.findOne(MessageSend, { messageId: id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
  if (!send) throw new Problem('send_ended', 'The message was not sent from here.');
  return send;
}
