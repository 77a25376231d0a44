import { z } from 'zod';
import type { Attachment } from '../../db/entities/messages.ts';
import type { DisplaySpan } from '../../domain/message-display.ts';
import { asFailureCode, failureRow } from '../../domain/failures.ts';
import type { MessageExtras } from '../../domain/message-extras.ts';
import { messageStatuses } from '../../domain/messages.ts';
import type { MessageDetails } from '../../services/messages/describe-messages.ts';
import { time, wireTime, wireTimeOrNull } from '../http/pagination.ts';
import { failureReason } from './failure-reason.ts';
import { sendAnswer, sendView } from './send.ts';
import { personAnswer, personView } from './attendee.ts';

const on = z.literal(true).optional();

export const displayAnswer = z
  .array(
    z
      .object({
        text: z.string(),
        bold: on,
        italic: on,
        strike: on,
        mono: on,
        link: z.string().optional().describe('Where the text leads to.'),
        mention: z
          .object({ attendee: z.string(), name: z.string() })
          .optional()
          .describe('The person that the text names.'),
      })
      .meta({ id: 'DisplaySpan' }),
  )
  .describe(
    'The text as parts to be drawn one after the other, without the marks of the channel. A line break is in a text.',
  );

const attachmentAnswer = z
  .object({
    id: z.string(),
    kind: z.enum(['image', 'video', 'audio', 'document', 'sticker', 'link', 'other']),
    media_id: z.string().nullable().describe('The stored file; null: it is not here yet, or cannot be had.'),
    url: z
      .string()
      .nullable()
      .describe('An address of this API, which takes the same key; null: there is no file to be had.'),
    mime_type: z.string().nullable(),
    file_name: z.string().nullable(),
    size: z.number().nullable().describe('In bytes.'),
    width: z.number().int().nullable().describe('In pixels.'),
    height: z.number().int().nullable().describe('In pixels.'),
    duration_ms: z.number().int().nullable(),
    is_voice: z.boolean().describe('A voice note.'),
    unavailable: z.boolean().describe('The provider no longer has the file.'),
  })
  .meta({ id: 'Attachment' });

export const direction = z.enum(['in', 'out']).nullable().describe('Null where the provider does not tell the sender.');

const failure = z
  .object({ reason: failureReason, what_to_do: z.string(), detail: z.string(), at: time })
  .meta({ id: 'MessageFailure' });
const pricing = z
  .object({
    billable: z.boolean().nullable(),
    model: z.string().nullable(),
    type: z.string().nullable(),
    category: z.string().nullable(),
  })
  .meta({ id: 'MessagePricing' });
const told = z.string().optional();
const context = z
  .object({
    payload: told.describe('Of a button or a quick reply that was pressed.'),
    referral: z
      .object({ source: told, type: told, ref: told, id: told, headline: told, body: told, url: told })
      .optional()
      .describe('The link or advertisement that led to the conversation.'),
    story: z
      .object({ kind: z.enum(['reply', 'mention']), id: z.string().nullable(), url: z.string().nullable() })
      .optional()
      .describe('The story that it answers, or that mentions the account.'),
    forwarded: on,
    content_type: told.describe('What the provider calls a content that has no form here.'),
  })
  .meta({ id: 'MessageContext' });

export const messageAnswer = z
  .object({
    id: z.string(),
    provider_message_id: z.string().nullable(),
    account_id: z.string(),
    conversation: z.string(),
    sender: personAnswer.nullable(),
    direction,
    text: z.string().nullable().describe('Null where there is none, and once it was deleted.'),
    display: displayAnswer,
    status: z.enum(messageStatuses),
    sent_at: time,
    sent_at_known: z.boolean().describe('False: the provider gave no time, and this is when the message was received.'),
    edited_at: time.nullable(),
    deleted_at: time.nullable(),
    reactions: z.array(z.object({ emoji: z.string(), attendee: personAnswer, at: time })),
    receipts: z
      .array(z.object({ attendee: personAnswer, status: z.enum(messageStatuses), at: time }))
      .optional()
      .describe('How far it came to each person of a group, where that is known.'),
    attachments: z.array(attachmentAnswer),
    reply_to: z
      .object({ id: z.string().nullable().describe('Null: it is not here.'), provider_message_id: z.string() })
      .nullable()
      .describe('The message that it answers.'),
    event: z.string().nullable().describe('What happened in the conversation, where nobody wrote a message.'),
    versions: z
      .array(z.object({ text: z.string().nullable(), edited_at: time.nullable().describe('Null: as it was sent.') }))
      .optional()
      .describe('The texts of an edited message, the first one first.'),
    send: sendAnswer.nullable().describe('How it is sent; null for a message that was not sent from here.'),
    failure: failure
      .nullable()
      .describe('Why it did not arrive although the provider had taken it; null where none was told.'),
    pricing: pricing.nullable().describe("What the provider charges, in its own words; null where it doesn't say."),
    context: context.nullable().describe('Where it came from, beside its text; null where nothing was told.'),
  })
  .meta({ id: 'Message' });

export type MessageView = z.input<typeof messageAnswer>;

/** A message as callers see it at a time. */
export function messageView(publicUrl: string, details: MessageDetails, now: Date): MessageView {
  const { send, message, receipts, repliesTo } = details;
  const { quotedKey, versions, deletedAt } = message;
  return {
    id: message.id,
    provider_message_id: message.providerMessageId,
    account_id: message.accountId,
    conversation: message.conversationId,
    sender: details.sender && personView(details.sender),
    direction: message.direction,
    text: message.text,
    display: displayView(details.display),
    status: message.status,
    sent_at: wireTime(message.sentAt),
    sent_at_known: message.sentAtKnown,
    edited_at: wireTimeOrNull(message.editedAt),
    deleted_at: wireTimeOrNull(deletedAt),
    reactions: details.reactions.map(({ emoji, person, at }) => ({
      emoji,
      attendee: personView(person),
      at: wireTime(at),
    })),
    ...(receipts.length && {
      receipts: receipts.map(({ receipt: { status, at }, person }) => ({
        attendee: personView(person),
        status,
        at: wireTime(at),
      })),
    }),
    attachments: details.attachments.map((one) => attachmentView(publicUrl, one)),
    reply_to: quotedKey === null ? null : { id: repliesTo, provider_message_id: quotedKey },
    event: message.event,
    send: send && sendView(send, details.queue, now),
    ...extrasView(message.extras ?? {}),
    ...(deletedAt === null &&
      versions.length > 1 && {
        versions: versions.map(({ text, at }) => ({ text, edited_at: at === null ? null : wireTime(new Date(at)) })),
      }),
  };
}

function extrasView({
  failure: failed,
  pricing: priced,
  context: from,
}: MessageExtras): Pick<MessageView, 'failure' | 'pricing' | 'context'> {
  const { contentType, ...others } = from ?? {};
  const { billable = null, model = null, type = null, category = null } = priced ?? {};
  return {
    failure: failed
      ? {
          reason: failed.reason,
          what_to_do: failureRow(asFailureCode(failed.reason)).whatToDo,
          detail: failed.detail,
          at: wireTime(new Date(failed.at)),
        }
      : null,
    pricing: priced ? { billable, model, type, category } : null,
    context: from ? { ...others, ...(contentType !== undefined && { content_type: contentType }) } : null,
  };
}

export const displayView = (spans: readonly DisplaySpan[]): z.input<typeof displayAnswer> => [...spans];

const attachmentView = (publicUrl: string, attachment: Attachment): z.input<typeof attachmentAnswer> => ({
  id: attachment.id,
  kind: attachment.kind,
  media_id: attachment.mediaId,
  url: hasFile(attachment) ? `${publicUrl}/api/v1/attachments/${attachment.id}/content` : null,
  mime_type: attachment.mimeType,
  file_name: attachment.fileName,
  size: attachment.size === null ? null : Number(attachment.size),
  width: attachment.width,
  height: attachment.height,
  duration_ms: attachment.durationMs,
  is_voice: attachment.isVoice,
  unavailable: attachment.unavailable,
});

/** A file that is not here yet is fetched when it is asked for. */
const hasFile = ({ mediaId, source, unavailable }: Attachment): boolean =>
  mediaId !== null || (source !== null && !unavailable);
