import { z } from 'zod';
import { messageAnswer } from '../views/message.ts';
import { Problem } from '../../services/problem.ts';
import { messageAddress } from '../http/addresses.ts';
import { sendToConversation, sendToPeople } from './message-sends.ts';
import type { Alias } from './aliases.ts';

type Sent = z.output<typeof messageAnswer>;

/** The documented paths of sending. */
export const sendAliases: Alias[] = [
  {
    method: 'post',
    path: '/api/v1/communications/whatsapp/chats/{chat_id}/send/',
    of: sendToConversation,
    params: z.object({ chat_id: z.string() }),
    body: sendToConversation.body,
    ask: ({ params, body }) => ({ params: { id: params['chat_id'] }, body }),
    answer: messageAnswer,
    watch: ({ id }: Sent) => messageAddress(id),
    rename: (message: Sent) => message,
  },
  {
    method: 'post',
    path: '/api/unipile/message',
    of: sendToPeople,
    body: z.object({
      content: z.string().optional(),
      recipients: z.union([z.string(), z.array(z.string()).min(1)]),
      accountId: z.string(),
      platform: z.string().optional(),
    }),
    status: 200,
    ask: ({ body }) => {
      if (typeof body['content'] !== 'string' || body['content'].trim() === '')
        throw new Problem('malformed_request', 'content: is missing.', { fix: 'Give the text as content.' });
      return { body: { account: body['accountId'], recipients: [body['recipients']].flat(), text: body['content'] } };
    },
    answer: z.object({ success: z.boolean(), messageId: z.string() }),
    rename: ({ id }: Sent) => ({ success: true, messageId: id }),
  },
];
