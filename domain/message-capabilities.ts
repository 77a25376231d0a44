import type { SendOptions } from './send-options.ts';

export const attachmentKinds = ['image', 'video', 'document', 'audio', 'sticker'] as const;
export type AttachmentKind = (typeof attachmentKinds)[number];

/** What one kind of attachment may be. */
interface AttachmentLimit {
  maxBytes: number;
  /** Media types; `image/*` is all of a family. Absent: any. */
  types?: readonly string[];
  /** No text goes with it. */
  withoutText?: true;
  /** No other attachment goes with it. */
  alone?: true;
}

/** How long after sending a message can still be changed; null where the provider does not say. */
interface ChangeLimit {
  withinMs: number | null;
}

/** For how long after the person acted a conversation takes every message, and what it takes later. */
export interface MessageWindow {
  hours: number;
  wayOut: {
    /** A template goes out at any time. */
    template?: true;
    /** Reasons for which a message goes out for longer: hours since the person acted. */
    tags?: readonly { name: string; hours: number }[];
  };
}

/** What can be sent on a channel through a provider, known before anything is sent. JSON. */
export interface MessageCapabilities {
  /** UTF-16 code units. */
  textLimit: number;
  /** Of a text that goes with an attachment. */
  captionLimit: number;
  attachments: Readonly<Partial<Record<AttachmentKind, AttachmentLimit>>>;
  attachmentsPerMessage: number;
  reply: boolean;
  react: boolean;
  edit: ChangeLimit | null;
  remove: ChangeLimit | null;
  /** `alone`: at any time. `with_message`: for a while before a message goes out. */
  typing: 'alone' | 'with_message' | null;
  markRead: boolean;
  receipts: { delivered: boolean; read: boolean };
  groups: boolean;
  /** What a person without a conversation may be named by. */
  startBy: readonly ('phone' | 'identity' | 'handle')[];
  /** Templates that the provider has approved can be sent. */
  templates?: true;
  /** Answers that the person chooses from; titles in UTF-16 code units. */
  quickReplies?: { most: number; titleLimit: number };
  window?: MessageWindow;
}

/** A file as far as it decides whether it can be sent. Its size is in bytes; null is not known yet. */
export interface FileOutline {
  kind: AttachmentKind;
  size: number | null;
  mimeType: string | null;
}

/** What of a message decides whether it can be sent. */
export interface MessageOutline {
  text: string | null;
  attachments: readonly FileOutline[];
  isReply: boolean;
  options?: SendOptions;
}

/** Why a message cannot be sent, as one sentence; null where it can be tried. */
export function whyUnsendable(capabilities: MessageCapabilities, message: MessageOutline): string | null {
  const { text, attachments, isReply, options = {} } = message;
  if (!text?.trim() && attachments.length === 0 && !options.template) return 'A message needs a text or an attachment.';
  const why = whyOptionsRefused(capabilities, options, text);
  if (why !== null) return why;
  const longest = attachments.length ? capabilities.captionLimit : capabilities.textLimit;
  if (text && text.length > longest) return `The text has ${text.length} characters; at most ${longest} can be sent.`;
  if (isReply && !capabilities.reply) return 'Messages cannot be answered one by one here.';
  if (attachments.length && Object.keys(capabilities.attachments).length === 0) return 'No files can be sent here.';
  const most = capabilities.attachmentsPerMessage;
  if (attachments.length > most) return `A message takes at most ${most} attachment${most === 1 ? '' : 's'} here.`;
  const alone = attachments.length > 1 && attachments.find(({ kind }) => capabilities.attachments[kind]?.alone);
  if (alone) return `An attachment of the kind ${alone.kind} goes alone here.`;
  return attachments.map((one) => whyRefused(capabilities, one, text)).find((why) => why !== null) ?? null;
}

function whyOptionsRefused(
  { templates, quickReplies, window }: MessageCapabilities,
  { template, quickReplies: replies = [], tag }: SendOptions,
  text: string | null,
): string | null {
  if (template && !templates) return 'Templates cannot be sent here.';
  if (template && text?.trim()) return 'A template has its own text: a message has one of the two.';
  if (template && replies.length) return 'A template has its own buttons: no quick replies go with it.';
  if (replies.length && !quickReplies) return 'Quick replies cannot be sent here.';
  if (quickReplies && replies.length > quickReplies.most)
    return `A message takes at most ${quickReplies.most} quick replies here.`;
  const long = replies.find(({ title }) => quickReplies && title.length > quickReplies.titleLimit);
  if (long) return `The quick reply "${long.title}" is longer than ${quickReplies?.titleLimit} characters.`;
  if (replies.length && !text?.trim()) return 'Quick replies need a text.';
  const tags = window?.wayOut.tags ?? [];
  if (tag === undefined || tags.some(({ name }) => name === tag)) return null;
  return tags.length ? `tag must be one of ${tags.map(({ name }) => name).join(', ')}.` : 'Messages take no tag here.';
}

function whyRefused(
  { attachments }: MessageCapabilities,
  { kind, size, mimeType }: FileOutline,
  text: string | null,
): string | null {
  const limit = attachments[kind];
  if (!limit) return `An attachment of the kind ${kind} cannot be sent here.`;
  if (text && limit.withoutText) return `No text goes with an attachment of the kind ${kind} here.`;
  if (size === 0) return 'The attachment is empty.';
  if (size !== null && size > limit.maxBytes)
    return `The attachment has ${size} bytes; at most ${limit.maxBytes} can be sent as ${kind}.`;
  const fits = mimeType === null || !limit.types || limit.types.some((type) => isOfType(mimeType, type));
  return fits ? null : `An attachment of the type ${mimeType} cannot be sent as ${kind}.`;
}

/** The kind of a file that its sender names no kind for: by its type, and as a document where it cannot be sent so. */
export function kindOfFile(
  capabilities: MessageCapabilities,
  file: Pick<FileOutline, 'size' | 'mimeType'>,
): AttachmentKind {
  const family = file.mimeType?.split('/')[0];
  const kind = family === 'image' || family === 'video' || family === 'audio' ? family : 'document';
  const fits = whyRefused(capabilities, { ...file, kind }, null) === null;
  return fits || !capabilities.attachments.document ? kind : 'document';
}

/** Bytes of the largest file that can be sent. */
export const largestFile = (capabilities: MessageCapabilities): number =>
  Math.max(0, ...Object.values(capabilities.attachments).map(({ maxBytes }) => maxBytes));

/** Whether a media type, with or without parameters, is of a type or family. */
function isOfType(mimeType: string, type: string): boolean {
  const plain = (mimeType.split(';')[0] ?? '').trim().toLowerCase();
  return type.endsWith('/*') ? plain.startsWith(type.slice(0, -1)) : plain === type;
}
