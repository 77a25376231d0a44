import { z } from 'zod';
import { flag, pageOf, pageQuery, time } from '../http/pagination.ts';
import { accountAnswer } from '../views/account.ts';
import { attendeeAnswer, personContact } from '../views/attendee.ts';
import { fetching, waitQuery } from '../views/file.ts';
import { conversationAnswer, type ConversationView } from '../views/conversation.ts';
import { messageAnswer } from '../views/message.ts';
import { listAccounts } from './accounts.ts';
import type { Alias } from './aliases.ts';
import { getPicture, listAttendees } from './attendees.ts';
import { changedConversation, conversationChange, listConversations, updateConversation } from './conversations.ts';
import { getThread } from './messages.ts';

const whatsapp = '/api/v1/communications/whatsapp';
const listQuery = z.object({ ...pageQuery, account: z.string().optional() });
const chatParams = z.object({ chat_id: z.string().describe('The conversation.') });
const asIs = (answer: unknown): unknown => answer;

/** A conversation with the fields of its contact beside its own too; `id` is the conversation's. */
const uniqueConversation = conversationAnswer.extend(personContact.omit({ id: true }).shape);

/** A group, or a person of whom nothing is known, has no fields of a contact but its name. */
const asUnique = (conversation: ConversationView): z.input<typeof uniqueConversation> => {
  const { contact, name } = conversation;
  const { id: _, ...fields } = contact ?? unknown;
  return { ...conversation, ...fields, name: fields.name ?? name, display_name: name };
};

const unknown = {
  id: null,
  phone_number: null,
  display_phone: null,
  name: null,
  verified_name: null,
  profile_image_url: null,
  is_business_account: false,
  whatsapp_status: null,
};

/** The documented paths of conversations. */
export const conversationAliases: Alias[] = [
  {
    method: 'get',
    path: `${whatsapp}/accounts/`,
    of: listAccounts,
    query: listQuery,
    ask: ({ query }) => ({ query: { ...query, channel: 'whatsapp' } }),
    answer: pageOf(accountAnswer),
    rename: asIs,
  },
  {
    method: 'get',
    path: `${whatsapp}/chats/`,
    of: listConversations,
    query: z.object({ ...listQuery.shape, unread: flag, archived: flag, auto_sync: flag }),
    ask: ({ query }) => ({ query: { ...texts(query), channel: 'whatsapp' } }),
    answer: pageOf(conversationAnswer),
    rename: asIs,
  },
  {
    method: 'put',
    path: `${whatsapp}/chats/{chat_id}/`,
    of: updateConversation,
    params: chatParams,
    body: z.strictObject(conversationChange),
    ask: ({ params, body }) => ({ params: { id: params['chat_id'] }, body }),
    answer: changedConversation,
    rename: asIs,
  },
  {
    method: 'get',
    path: `${whatsapp}/chats/{chat_id}/messages/`,
    of: getThread,
    params: chatParams,
    query: z.object({ ...pageQuery, before: time.optional(), after: time.optional() }),
    ask: ({ params, query }) => ({ params: { id: params['chat_id'] }, query }),
    answer: pageOf(messageAnswer),
    rename: asIs,
  },
  {
    method: 'get',
    path: `${whatsapp}/attendees/`,
    of: listAttendees,
    query: z.object({ ...listQuery.shape, conversation: z.string().optional() }),
    ask: ({ query }) => ({ query }),
    answer: pageOf(attendeeAnswer),
    rename: asIs,
  },
  {
    method: 'get',
    path: `${whatsapp}/attendees/{id}/picture/`,
    of: getPicture,
    params: z.object({ id: z.string() }),
    query: waitQuery,
    ask: ({ params, query }) => ({ params, query }),
    answer: fetching,
    rename: asIs,
  },
  {
    method: 'get',
    path: '/api/conversations/unique',
    of: listConversations,
    query: z.object({ ...listQuery.shape, auto_sync: flag }),
    ask: ({ query }) => ({ query: texts(query) }),
    answer: pageOf(uniqueConversation),
    rename: ({ items, next_cursor }: { items: ConversationView[]; next_cursor: string | null }) => ({
      items: items.map(asUnique),
      next_cursor,
    }),
  },
];

/** A query with its flags as they are sent: the route that is stood for reads them again. */
const texts = (query: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(query).map(([name, value]) => [name, typeof value === 'boolean' ? String(value) : value]),
  );
