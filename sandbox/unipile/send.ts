import type { Request } from 'express';
import { attachmentType } from './attachments.ts';
import { chatState, storeMessage, type NewMessage } from './chat-store.ts';
import { disconnected, invalid, notFound, UnipileError } from './errors.ts';
import { messageId, type MessageRef } from './ids.ts';
import { messageByAnyId } from './lookup.ts';
import type { State } from './state.ts';
import type { Account, AccountType, ChatRef, StoredAttachment } from './types.ts';
import { emitMessage } from './webhooks.ts';

type Draft = Pick<NewMessage, 'text' | 'attachments' | 'quoteId'>;

/** In characters; the channels' own limits. */
const LONGEST_TEXT: Partial<Record<AccountType, number>> = {
  WHATSAPP: 65_536,
  TELEGRAM: 4096,
  LINKEDIN: 8000,
  INSTAGRAM: 1000,
  MESSENGER: 2000,
  TWITTER: 10_000,
};

/** Throws 400 when it is empty or too long, 404 when the quoted message does not exist. */
export function readDraft(req: Request, account: Account): Draft {
  const fields = (req.body ?? {}) as Record<string, unknown>;
  const text = typeof fields['text'] === 'string' && fields['text'] !== '' ? fields['text'] : null;
  const files = (Array.isArray(req.files) ? req.files : []).filter((file) =>
    ['attachments', 'voice_message', 'video_message'].includes(file.fieldname.replace(/\[\d*\]$/, '')),
  );
  if (text === null && files.length === 0) {
    throw new UnipileError('missing_parameters', 'text or attachments is required.');
  }
  const longest = LONGEST_TEXT[account.type] ?? Infinity;
  if (text !== null && text.length > longest) {
    throw new UnipileError('too_many_characters', `text must not exceed ${longest} characters.`);
  }
  const quote = typeof fields['quote_id'] === 'string' ? messageByAnyId(account, fields['quote_id']) : undefined;
  if (quote === null) throw notFound('Quoted message');
  const attachments = files.map((file): StoredAttachment => ({
    type: attachmentType(file.mimetype),
    file_name: file.originalname,
    mimetype: file.mimetype,
    bytes: file.buffer,
    ...(file.fieldname === 'voice_message' && { voice: true as const }),
  }));
  return { text, attachments, quoteId: quote ? messageId(account, quote) : null };
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

/** Returns the message's id. It is in the lists, and echoed, after `send_lag_seconds`. Throws 403. */
export function sendFromApi(state: State, account: Account, chat: ChatRef, draft: Draft): string {
  if (chatState(account.store, chat).readOnly) {
    throw new UnipileError('insufficient_permissions', 'Only others write in this chat.');
  }
  const { clock } = state.shared;
  const { send_lag_seconds: lag, echo_webhook } = state.variants.values;
  const sent: NewMessage = { ...draft, from: null, eventType: null, lagging: lag > 0 };
  const message = storeMessage(account.store, chat, sent, clock.now());
  const ref: MessageRef = { kind: 'stored', message };
  const appear = (): void => {
    message.lagging = false;
    if (echo_webhook) emitMessage(state, account, ref, 'message_received');
  };
  if (lag > 0) clock.at(clock.now() + lag * 1000, appear);
  else appear();
  return messageId(account, ref);
}
