import { z } from 'zod';
import { attachmentKinds, type MessageCapabilities } from '../../domain/message-capabilities.ts';

const changeLimit = z
  .object({ within_ms: z.number().int().nullable().describe('Null: the provider does not say.') })
  .nullable();

export const messageCapabilitiesAnswer = z
  .object({
    text_limit: z.number().int().describe('UTF-16 code units.'),
    caption_limit: z.number().int().describe('Of a text that goes with an attachment.'),
    attachments_per_message: z.number().int(),
    attachments: z
      .partialRecord(
        z.enum(attachmentKinds),
        z.object({
          max_bytes: z.number().int(),
          types: z.array(z.string()).nullable().describe('Media types; image/* is all of a family, null any.'),
          takes_text: z.boolean().describe('A text can go with it.'),
          goes_alone: z.boolean().describe('No other attachment goes with it.'),
        }),
      )
      .describe('The kinds that can be sent.'),
    reply: z.boolean(),
    react: z.boolean(),
    edit: changeLimit.describe('Null: never.'),
    delete: changeLimit.describe('Null: never.'),
    typing: z.boolean().describe('It can be shown that the account is writing.'),
    mark_read: z.boolean(),
    receipts: z.object({ delivered: z.boolean(), read: z.boolean() }).describe('What is told of sent messages.'),
    groups: z.boolean(),
    start_by: z.array(z.enum(['phone', 'identity', 'handle'])).describe('What a person can be named by.'),
    templates: z.boolean().describe('Templates that the provider has approved can be sent.'),
    quick_replies: z
      .object({ most: z.number().int(), title_limit: z.number().int() })
      .nullable()
      .describe('Answers that the person chooses from; null: none.'),
    window: z
      .object({
        hours: z.number().describe('For how long after the person acted a conversation takes every message.'),
        way_out: z.object({
          template: z.boolean().describe('A template goes out at any time.'),
          tags: z
            .array(z.object({ name: z.string(), hours: z.number() }))
            .describe('Values of tag with which a message goes out for longer: hours since the person acted.'),
        }),
      })
      .nullable()
      .describe('Null: messages go out at any time.'),
  })
  .meta({ id: 'MessageCapabilities' });

/** What can be sent on a channel, as callers see it. */
export const messageCapabilitiesView = (of: MessageCapabilities): z.input<typeof messageCapabilitiesAnswer> => ({
  text_limit: of.textLimit,
  caption_limit: of.captionLimit,
  attachments_per_message: of.attachmentsPerMessage,
  attachments: Object.fromEntries(
    Object.entries(of.attachments).map(([kind, { maxBytes, types, withoutText, alone }]) => [
      kind,
      { max_bytes: maxBytes, types: types ? [...types] : null, takes_text: !withoutText, goes_alone: alone === true },
    ]),
  ),
  reply: of.reply,
  react: of.react,
  edit: of.edit && { within_ms: of.edit.withinMs },
  delete: of.remove && { within_ms: of.remove.withinMs },
  typing: of.typing === 'alone',
  mark_read: of.markRead,
  receipts: { ...of.receipts },
  groups: of.groups,
  start_by: [...of.startBy],
  templates: of.templates === true,
  quick_replies: of.quickReplies ? { most: of.quickReplies.most, title_limit: of.quickReplies.titleLimit } : null,
  window: of.window
    ? {
        hours: of.window.hours,
        way_out: {
          template: of.window.wayOut.template === true,
          tags: (of.window.wayOut.tags ?? []).map(({ name, hours }) => ({ name, hours })),
        },
      }
    : null,
});
