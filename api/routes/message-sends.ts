import { z } from 'zod';
import { attachmentKinds } from '../../domain/message-capabilities.ts';
import type { SendOptions, TemplateParameter } from '../../domain/send-options.ts';
import type { DraftFile } from '../../services/messages/draft-files.ts';
import { queueMessage, type Draft } from '../../services/messages/queue-message.ts';
import { cancelSend, retrySend } from '../../services/messages/decide-send.ts';
import { messageAddress } from '../http/addresses.ts';
import { time } from '../http/pagination.ts';
import { route } from '../http/route.ts';
import { messageAnswer } from '../views/message.ts';
import { shownMessage } from './messages.ts';

const tag = 'messages';
const attachment = z
  .object({
    media_id: z.string().optional().describe('Of a file from POST /media, or of another message.'),
    url: z
      .url({ protocol: /^https?$/ })
      .max(2_000)
      .optional()
      .describe('An address of the internet. The file is fetched before the answer, within 20 seconds.'),
    kind: z
      .enum(attachmentKinds)
      .optional()
      .describe('By default as its type says, and as a document where that cannot be sent.'),
    file_name: z.string().min(1).max(255).optional(),
    is_voice: z.boolean().optional().describe('An audio is sent as a voice note.'),
  })
  .refine(
    ({ media_id: id, url }) => (id === undefined) !== (url === undefined),
    'must have media_id or url, one of them.',
  )
  .meta({ id: 'OutgoingAttachment', example: { media_id: '01900000-0000-7000-8000-000000000000' } });

const parameters = z.union([z.array(z.string().max(4_096)), z.record(z.string().max(100), z.string().max(4_096))]);
const template = z
  .object({
    name: z.string().min(1).max(512),
    language: z.union([z.string().min(2).max(15), z.strictObject({ code: z.string().min(2).max(15) })]),
    parameters: parameters
      .optional()
      .describe('Of the body: texts in the order of its places, or by the names that the template gives them.'),
    header: parameters.optional().describe('Of a header with a text. The file of a header is the attachment.'),
    buttons: z
      .array(z.object({ index: z.number().int().min(0).max(20), text: z.string().min(1).max(2_000) }))
      .max(10)
      .optional()
      .describe('Of buttons that take a parameter; index counts all buttons of the template from 0.'),
  })
  .meta({ id: 'MessageTemplate', example: { name: 'hello_world', language: 'en_US' } });
const quickReply = z
  .object({
    title: z.string().min(1).max(100),
    payload: z.string().min(1).max(1_000).optional().describe('Comes back with the answer; by default the title.'),
  })
  .meta({ id: 'QuickReply', example: { title: 'Yes', payload: 'order-1-yes' } });

const draft = {
  text: z.string().optional(),
  attachments: z
    .array(attachment)
    .max(10)
    .optional()
    .describe('How many, how large and of which types: GET /providers tells it for each channel.'),
  reply_to: z.string().optional().describe('A message of the same conversation.'),
  send_at: time.optional().describe('When it is to be sent; within a year.'),
  template: template
    .optional()
    .describe('A template that the provider has approved, in place of a text: its parameters are checked at once.'),
  quick_replies: z.array(quickReply).max(30).optional().describe('Answers that the person chooses from.'),
  tag: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('Why it may go out after the window has closed; window.way_out of the capabilities lists what counts.'),
};

interface Written {
  text?: string | undefined;
  attachments?: z.output<typeof attachment>[] | undefined;
  reply_to?: string | undefined;
  send_at?: string | undefined;
  template?: z.output<typeof template> | undefined;
  quick_replies?: z.output<typeof quickReply>[] | undefined;
  tag?: string | undefined;
}

const draftOf = ({ text, attachments, reply_to: replyTo, send_at: at, ...written }: Written): Draft => ({
  text,
  files: attachments?.map(fileOf),
  replyTo,
  sendAt: at === undefined ? undefined : new Date(at),
  options: optionsOf(written),
});

const optionsOf = ({ template: used, quick_replies: replies, tag: reason }: Written): SendOptions => ({
  ...(used && {
    template: {
      name: used.name,
      language: typeof used.language === 'string' ? used.language : used.language.code,
      header: parametersOf(used.header),
      body: parametersOf(used.parameters),
      buttons: used.buttons ?? [],
    },
  }),
  ...(replies?.length && {
    quickReplies: replies.map(({ title, payload }) => ({ title, ...(payload !== undefined && { payload }) })),
  }),
  ...(reason !== undefined && { tag: reason }),
});

const parametersOf = (given: z.output<typeof parameters> = []): TemplateParameter[] =>
  Array.isArray(given)
    ? given.map((text) => ({ text }))
    : Object.entries(given).map(([name, text]) => ({ name, text }));

const fileOf = (given: z.output<typeof attachment>): DraftFile => ({
  mediaId: given.media_id,
  url: given.url,
  kind: given.kind,
  fileName: given.file_name,
  isVoice: given.is_voice,
});

export const sendToConversation = route({
  name: 'sendToConversation',
  method: 'post',
  path: '/conversations/{id}/messages',
  summary: 'Send a message in a conversation: it is saved at once, then sent; its status tells how far it has come',
  tag,
  scope: 'write',
  idempotent: true,
  params: z.object({ id: z.string().describe('The conversation.') }),
  body: z.object(draft),
  example: { text: 'Hello' },
  answer: messageAnswer,
  status: 202,
  watch: ({ id }) => messageAddress(id),
  handle: async (call) => {
    const queued = await queueMessage(call, { conversation: call.params.id }, draftOf(call.body));
    return { body: await shownMessage(call, queued.message.id) };
  },
});

export const sendToPeople = route({
  name: 'sendMessage',
  method: 'post',
  path: '/messages',
  summary: 'Send a message to a person; the conversation is begun where there is none',
  tag,
  scope: 'write',
  idempotent: true,
  body: z.object({
    account: z.string().describe('The account that sends it.'),
    recipients: z
      .array(z.string().min(1).max(255))
      .min(1)
      .max(50)
      .describe(
        "By number with its country code, by the person's handle or id on the channel, or by an attendee's id.",
      ),
    ...draft,
  }),
  example: { account: '01900000-0000-7000-8000-000000000000', recipients: ['+33639980001'], text: 'Hello' },
  answer: messageAnswer,
  status: 202,
  watch: ({ id }) => messageAddress(id),
  handle: async (call) => {
    const { account, recipients, ...body } = call.body;
    const queued = await queueMessage(call, { account, recipients }, draftOf(body));
    return { body: await shownMessage(call, queued.message.id) };
  },
});

const messageParams = z.object({ id: z.string().describe('The message.') });

const retry = route({
  name: 'retryMessage',
  method: 'post',
  path: '/messages/{id}/retry',
  summary: 'Send a message again that failed, or of which it is not known whether it was sent',
  tag,
  scope: 'write',
  idempotent: true,
  params: messageParams,
  answer: messageAnswer,
  status: 202,
  watch: ({ id }) => messageAddress(id),
  handle: async (call) => ({ body: await shownMessage(call, (await retrySend(call, call.params.id)).message.id) }),
});

const cancel = route({
  name: 'cancelMessage',
  method: 'post',
  path: '/messages/{id}/cancel',
  summary:
    'Take back a message that waits to be sent, or leave one as it is of which it is not known whether it was sent',
  tag,
  scope: 'write',
  idempotent: true,
  params: messageParams,
  answer: messageAnswer,
  handle: async (call) => ({ body: await shownMessage(call, (await cancelSend(call, call.params.id)).message.id) }),
});

export const messageSendRoutes = [sendToConversation, sendToPeople, retry, cancel];
