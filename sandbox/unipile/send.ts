import type { Request } from 'express';
import { attachmentType } from './attachments.ts';
import { storeMessage } from './chat-store.ts';
import { disconnected, invalid, UnipileError } from './errors.ts';
import { messageId, type MessageRef } from './ids.ts';
import type { State } from './state.ts';
import type { Account, AttendeeRef, ChatRef, StoredAttachment } from './types.ts';
import { emitMessage } from './webhooks.ts';

export interface Draft {
  text: string | null;
  attachments: StoredAttachment[];
  quoteId: string | null;
}

/** Throws 400 when it is empty. */
export function readDraft(req: Request): Draft {
  const fields = (req.body ?? {}) as Record<string, unknown>;
  const text = typeof fields['text'] === 'string' && fields['text'] !== '' ? fields['text'] : null;
  const files = (Array.isArray(req.files) ? req.files : []).filter((file) =>
    ['attachments', 'voice_message', 'video_message'].includes(file.fieldname.replace(/\[\d*\]$/, '')),
  );
  if (text === null && files.length === 0) {
    throw new UnipileError('missing_parameters', 'text or attachments is required.');
  }
  const attachments = files.map((file): StoredAttachment => ({
    type: attachmentType(file.mimetype),
    file_name: file.originalname,
    mimetype: file.mimetype,
    bytes: file.buffer,
  }));
  return { text, attachments, quoteId: typeof fields['quote_id'] === 'string' ? fields['quote_id'] : null };
}

/** A field that may be repeated, as a list. */
export function readList(req: Request, name: string): string[] {
  const fields = (req.body ?? {}) as Record<string, unknown>;
  const value = fields[name] ?? fields[`${name}[]`];
  return (Array.isArray(value) ? value : value === undefined ? [] : [value]).map(String).filter((one) => one !== '');
}

/** Throws 401. */
export function requireConnected(account: Account): void {
  if (account.status !== 'OK') throw disconnected();
  if (account.type === 'MAIL' || account.type === 'GOOGLE_OAUTH' || account.type === 'OUTLOOK') {
    throw invalid('A mail account has no chats.');
  }
}

/** Returns the message's id. */
export function sendFromApi(state: State, account: Account, chat: ChatRef, draft: Draft): string {
  const ref = storeMessageRef(state, account, chat, null, draft);
  if (state.variants.values.echo_webhook) emitMessage(state, account, ref, 'message_received');
  return messageId(account, ref);
}

/** Sends no event. `from` null: the owner. */
export function storeMessageRef(
  state: State,
  account: Account,
  chat: ChatRef,
  from: AttendeeRef | null,
  draft: Draft,
): MessageRef & { kind: 'stored' } {
  const message = storeMessage(account.store, chat, { ...draft, from }, state.shared.clock.now());
  return { kind: 'stored', message };
}
