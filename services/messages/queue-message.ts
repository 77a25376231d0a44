import { keepWithMessages } from '../../db/queries/media/media.ts';
import { isWorking } from '../../domain/accounts.ts';
import { recountConversations } from '../../db/queries/messages/join-rows.ts';
import { newPosition } from '../../db/queries/sends/new-position.ts';
import { ownAttachmentKey } from '../../db/queries/sends/own-attachments.ts';
import { ownKey } from '../../domain/own-keys.ts';
import { openQueue, wakeQueue } from '../../db/queries/sends/send-queue.ts';
import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { Attendee, ProviderKey, type Conversation } from '../../db/entities/conversations.ts';
import { Attachment, Message } from '../../db/entities/messages.ts';
import { MessageSend, SendQueue } from '../../db/entities/sends.ts';
import {
  kindOfFile,
  whyUnsendable,
  type FileOutline,
  type MessageCapabilities,
} from '../../domain/message-capabilities.ts';
import { templateText, whyTemplateRefused, type TemplateOutline } from '../../domain/message-templates.ts';
import type { SendOptions } from '../../domain/send-options.ts';
import type { StoredPerson } from '../../domain/recipients.ts';
import { scheduledForMs } from '../../domain/sends.ts';
import { newId } from '../../platform/ids.ts';
import { ownAccount, refOf } from '../accounts/find-account.ts';
import type { Context } from '../context.ts';
import type { CallerRequest } from '../principal.ts';
import { Problem } from '../problem.ts';
import { startSends } from '../signal.ts';
import { conversationWith, recipientsOf } from './conversation-with.ts';
import { fetchFiles, readyFiles, type DraftFile, type ReadyFile } from './draft-files.ts';
import { checkWindow } from './check-window.ts';
import { passesQuietHours } from './quiet-replies.ts';
import { ownConversation, ownMessage } from './find-message.ts';
import { findTemplate } from './templates.ts';

/** A message as a caller writes it. */
export interface Draft {
  text?: string | undefined;
  files?: readonly DraftFile[] | undefined;
  /** The message that is answered. */
  replyTo?: string | undefined;
  /** Null or absent: as soon as possible. */
  sendAt?: Date | undefined;
  options?: SendOptions | undefined;
}

/** Where a message goes: a conversation that is there, or people. */
export type Target = { conversation: string } | { account: string; recipients: readonly string[] };

/** A message with its send, where it was sent from here, and the queue that it is in. */
export interface QueuedMessage {
  message: Message;
  send: MessageSend | null;
  queue: SendQueue | null;
}

/**
 * Writes a message that is to be sent, with its files, its send and its place in the account's queue, in one transaction;
 * and has the queue drained. Executed again, it answers the first message. Whatever is wrong with the input is a `Problem`,
 * and no message is written. A file at an address is fetched before, while the caller waits: what is queued needs nobody's
 * server any more, and its type and size are known.
 */
export async function queueMessage(
  { context, principal, operationId, gone }: CallerRequest & { gone: AbortSignal },
  target: Target,
  given: Draft,
): Promise<QueuedMessage> {
  const { db, clock } = context;
  const { tenantId } = principal;
  const files = await storedFiles(context, tenantId, operationId, target, given, gone);
  const template = await templateOf(context, tenantId, operationId, target, given);
  const draft = { ...given, files };
  const now = clock.now();
  const { account, starts } = await db.tenant(tenantId, async (em) => {
    const done = await em.findOne(Message, { id: operationId });
    if (done) return { account: await em.findOneOrFail(Account, { id: done.accountId }), starts: false };
    const { found, sender, capabilities } = await senderOf(context, em, target);
    const ready = await readyFiles(em, capabilities, files);
    checkDraft(capabilities, draft, ready, now);
    const text = textOf(draft, template, ready);
    const people = 'recipients' in target ? await recipientsOf(em, sender, capabilities, target.recipients) : [];
    const queue = await openQueue(em, sender);
    const conversation = found ?? (await conversationWith(context, em, sender, people, now));
    if (conversation.readOnly) throw new Problem('conversation_read_only');
    checkWindow(capabilities, conversation, draft.options ?? {}, draft.sendAt ?? now);
    await addMessage(em, operationId, conversation, { ...draft, text }, people, now);
    if (ready.length) await addFiles(em, operationId, conversation, ready, now);
    const dueAt = draft.sendAt ?? now;
    const isReply = await passesQuietHours(em, sender, queue, conversation.id, now);
    const starts = await wakeQueue(em, sender.id, queue, dueAt, now, isReply);
    // Until the account works again nothing can be sent; the reconciler has the queue drained then.
    return { account: sender, starts: starts && isWorking(sender) };
  });
  if (starts) await startSends(context, refOf(account), 'api');
  return db.tenant(tenantId, (em) => readQueued(em, operationId));
}

/** The files of a draft, those at addresses stored. What is wrong apart from them is a `Problem` before any of them is fetched. */
async function storedFiles(
  context: Context,
  tenantId: string,
  operationId: string,
  target: Target,
  draft: Draft,
  gone: AbortSignal,
): Promise<readonly DraftFile[]> {
  const { files = [] } = draft;
  if (files.every(({ url }) => url === undefined)) return files;
  const capabilities = await context.db.tenant(tenantId, async (em) => {
    if (await em.findOne(Message, { id: operationId })) return null;
    const { capabilities: found } = await senderOf(context, em, target);
    const unknown = { size: null, mimeType: null };
    const outlined = files.map(({ kind }) => ({ kind: kind ?? kindOfFile(found, unknown), ...unknown }));
    checkDraft(found, draft, outlined, context.clock.now());
    return found;
  });
  return capabilities ? fetchFiles(context, tenantId, capabilities, files, gone) : [];
}

/** The template of a draft, as its provider has it. Undefined where there is none to check. */
async function templateOf(
  context: Context,
  tenantId: string,
  operationId: string,
  target: Target,
  { options }: Draft,
): Promise<TemplateOutline | null | undefined> {
  const template = options?.template;
  if (!template) return undefined;
  const account = await context.db.tenant(tenantId, async (em) => {
    if (await em.findOne(Message, { id: operationId })) return null;
    const { sender, capabilities } = await senderOf(context, em, target);
    return capabilities.templates ? sender : null;
  });
  return account ? findTemplate(context, account, template) : undefined;
}

/** What the recipient reads. 422 where a template does not take what it is filled with. */
function textOf(
  { text, options }: Draft,
  outline: TemplateOutline | null | undefined,
  files: readonly FileOutline[],
): string | undefined {
  const template = options?.template;
  if (!template || outline === undefined) return text;
  const kinds = files.map(({ kind }) => kind);
  const why = whyTemplateRefused(outline, template, kinds);
  if (why !== null) throw new Problem('invalid_request', why);
  return outline ? templateText(outline, template) : undefined;
}

async function senderOf(
  context: Context,
  em: Em,
  target: Target,
): Promise<{ found: Conversation | null; sender: Account; capabilities: MessageCapabilities }> {
  const found = 'conversation' in target ? await ownConversation(em, target.conversation) : null;
  const sender = await ownAccount(em, found?.accountId ?? ('account' in target ? target.account : ''));
  return { found, sender, capabilities: checkSender(context, sender) };
}

/** A message of the tenant with its send. 404 when there is none. */
export async function readQueued(em: Em, id: string): Promise<QueuedMessage> {
  const message = await ownMessage(em, id);
  const send = await em.findOne(MessageSend, { messageId: id });
  return { message, send, queue: send && (await em.findOne(SendQueue, { accountId: message.accountId })) };
}

/** 422 where the provider sends nothing, 409 where the account has no login. One that waits for its owner queues. */
export function checkSender({ providers }: Context, account: Account): MessageCapabilities {
  const capabilities = providers[account.provider]?.messages?.capabilities[account.channel];
  if (!capabilities) throw new Problem('unsupported', `${account.provider} sends no messages for ${account.channel}.`);
  if (!account.providerAccountId || account.state === 'disconnected' || account.state === 'failed')
    throw new Problem('account_not_connected');
  return capabilities;
}

function checkDraft(
  capabilities: MessageCapabilities,
  { text, replyTo, sendAt, options = {} }: Draft,
  attachments: readonly FileOutline[],
  now: Date,
): void {
  const isReply = replyTo !== undefined;
  const why = whyUnsendable(capabilities, { text: text ?? null, attachments, isReply, options });
  if (why !== null) throw new Problem('invalid_request', why);
  if (!sendAt) return;
  if (sendAt <= now) throw new Problem('invalid_request', 'send_at: is in the past.');
  if (sendAt.getTime() > now.getTime() + scheduledForMs)
    throw new Problem('invalid_request', 'send_at: must be within a year.');
}

async function addMessage(
  em: Em,
  id: string,
  conversation: Conversation,
  draft: Draft,
  people: readonly StoredPerson[],
  now: Date,
): Promise<void> {
  const { tenantId, accountId } = conversation;
  const quotedKey = draft.replyTo === undefined ? null : await quotedBy(em, conversation, draft.replyTo);
  const position = await newPosition(em, conversation.id);
  const self = await em.findOne(Attendee, { accountId, isSelf: true, mergedInto: null });
  const text = draft.text || null;
  em.persist(
    em.create(Message, {
      id,
      tenantId,
      accountId,
      conversationId: conversation.id,
      providerMessageId: null,
      sortKey: ownKey(id),
      direction: 'out',
      senderId: self?.id ?? null,
      text,
      versions: [],
      status: 'queued',
      sentAt: now,
      sentAtKnown: false,
      editedAt: null,
      deletedAt: null,
      deletionConfirmed: false,
      toldBy: 'us',
      isLive: true,
      event: null,
      quotedKey,
      reactions: [],
      createdAt: now,
      updatedAt: now,
    }),
  );
  em.persist(
    em.create(ProviderKey, { accountId, kind: 'message', key: ownKey(id), tenantId, targetId: id, createdAt: now }),
  );
  await em.flush();
  em.persist(
    em.create(MessageSend, {
      messageId: id,
      tenantId,
      accountId,
      conversationId: conversation.id,
      position,
      state: 'queued',
      dueAt: draft.sendAt ?? null,
      nextTryAt: draft.sendAt ?? now,
      tries: 0,
      looks: 0,
      sentMarkAt: null,
      callEndedAt: null,
      recipients: people.length ? [...people] : await firstRecipients(em, conversation.id),
      options: draft.options && Object.keys(draft.options).length ? draft.options : null,
      reason: null,
      detail: null,
      createdAt: now,
      endedAt: null,
    }),
  );
  await em.flush();
  await recountConversations(em, [conversation.id]);
}

/** What a provider tells later of the same files adds nothing: their message has its own. */
async function addFiles(
  em: Em,
  messageId: string,
  conversation: Conversation,
  files: readonly ReadyFile[],
  now: Date,
): Promise<void> {
  const { tenantId, accountId } = conversation;
  const stored = files.map(({ media }) => media.id);
  await keepWithMessages(em, stored, now);
  // Attachments are listed by their ids.
  const ids = files.map(() => newId()).toSorted();
  for (const [n, { media, kind, mimeType, size, fileName, isVoice }] of files.entries())
    em.persist(
      em.create(Attachment, {
        id: ids[n] ?? newId(),
        tenantId,
        accountId,
        messageId,
        key: ownAttachmentKey(n),
        kind,
        mimeType,
        fileName,
        size,
        width: null,
        height: null,
        durationMs: null,
        isVoice,
        unavailable: false,
        source: null,
        mediaId: media.id,
        createdAt: now,
      }),
    );
}

/** The people that a conversation was begun with here: its provider may not know it yet. */
async function firstRecipients(em: Em, conversationId: string): Promise<StoredPerson[]> {
  const first = await em.findOne(MessageSend, { conversationId }, { orderBy: { position: 'asc' } });
  return first?.recipients ?? [];
}

/** An id of the message that is answered. 422 where it is not of this conversation, or not at the provider. */
async function quotedBy(em: Em, conversation: Conversation, id: string): Promise<string> {
  const message = await ownMessage(em, id).catch(() => null);
  if (message?.conversationId !== conversation.id)
    throw new Problem('invalid_request', 'reply_to: is not a message of this conversation.');
  if (message.deletedAt) throw new Problem('invalid_request', 'reply_to: is a message that was deleted.');
  if (message.providerMessageId === null)
    throw new Problem('invalid_request', 'reply_to: is a message that was not sent yet.');
  return message.providerMessageId;
}
