import { z } from 'zod';
import { Message } from '../../db/entities/messages.ts';
import type { Em } from '../../db/connect.ts';
import { listMessages as placesOf, type MessageFilter } from '../../db/queries/messages/list-messages.ts';
import { isId } from '../../platform/ids.ts';
import type { Context } from '../../services/context.ts';
import { checkNamed } from '../../services/conversations/find-conversations.ts';
import { describeMessages } from '../../services/messages/describe-messages.ts';
import { Problem } from '../../services/problem.ts';
import { cursorPlace, pageOf, pageQuery, placeCursor, placeTime, time } from '../http/pagination.ts';
import { route, type Call } from '../http/route.ts';
import { inOrder, updatesPage, updatesPageOf, updatesQuery } from '../http/updates.ts';
import { messageAnswer, messageView, type MessageView } from '../views/message.ts';
import { conversationParams } from './conversations.ts';

const tag = 'messages';
const times = {
  before: time.optional().describe('Messages that were sent before this time.'),
  after: time.optional().describe('Messages that were sent after this time.'),
};
const place = z.strictObject({ at: placeTime, key: z.string().max(1_000) });
const placeById = place.extend({ key: z.uuid() });

interface Paging {
  limit: number;
  cursor: string | undefined;
  before: string | undefined;
  after: string | undefined;
}

const sentBetween = ({ before, after }: Pick<Paging, 'before' | 'after'>): MessageFilter => ({
  sentBefore: before === undefined ? undefined : new Date(before),
  sentAfter: after === undefined ? undefined : new Date(after),
});

/** A page of messages, newest first. */
async function messagesPage(
  em: Em,
  { context, principal: { tenantId } }: Pick<Call, 'context' | 'principal'>,
  filter: MessageFilter,
  { limit, cursor, before, after }: Paging,
) {
  const wanted = { ...(await checkNamed(em, filter)), ...sentBetween({ before, after }) };
  const from = cursorPlace(filter.conversation === undefined ? placeById : place, cursor);
  const places = await placesOf(em, tenantId, wanted, { after: from, limit: limit + 1 });
  const shown = places.slice(0, limit);
  const last = places.length > limit ? shown.at(-1) : undefined;
  const ids = shown.map(({ id }) => id);
  return {
    items: await messagesById(em, context, ids),
    next_cursor: last ? placeCursor({ at: last.at, key: last.key }) : null,
  };
}

/** Messages as callers see them, in the order of `ids`. */
async function messagesById(em: Em, { publicUrl, clock }: Context, ids: readonly string[]): Promise<MessageView[]> {
  const found = inOrder(await em.find(Message, { id: { $in: [...ids] } }), ids);
  return (await describeMessages(em, found)).map((one) => messageView(publicUrl, one, clock.now()));
}

export const getThread = route({
  name: 'listConversationMessages',
  method: 'get',
  path: '/conversations/{id}/messages',
  summary: 'List the messages of a conversation, newest first',
  tag,
  scope: 'read',
  params: conversationParams,
  query: z.object({ ...pageQuery, ...times }),
  answer: pageOf(messageAnswer),
  handle: ({ params: { id }, query: { limit, cursor, before, after }, ...call }) =>
    call.context.db.tenant(call.principal.tenantId, async (em) => ({
      body: await messagesPage(em, call, { conversation: id }, { limit, cursor, before, after }),
    })),
});

const listMessages = route({
  name: 'listMessages',
  method: 'get',
  path: '/messages',
  summary: 'List messages of all conversations, newest first',
  tag,
  scope: 'read',
  query: z.object({ ...pageQuery, ...updatesQuery, account: z.string().optional(), ...times }),
  answer: updatesPageOf(messageAnswer),
  handle: async ({ query: { limit, cursor, updated_since: since, before, after, account }, ...call }) => {
    if (since === undefined)
      return call.context.db.tenant(call.principal.tenantId, async (em) => ({
        body: await messagesPage(em, call, { account }, { limit, cursor, before, after }),
      }));
    const filter = async (em: Em): Promise<MessageFilter> => ({
      ...(await checkNamed(em, { account })),
      ...sentBetween({ before, after }),
    });
    const asked = { table: 'messages', since, limit, cursor, filter } as const;
    return { body: await updatesPage(call, asked, (em, ids) => messagesById(em, call.context, ids)) };
  },
});

/** A message as a caller sees it. Throws `not_found`. */
export const shownMessage = ({ context, principal }: Pick<Call, 'context' | 'principal'>, id: string) =>
  context.db.tenant(principal.tenantId, async (em) => {
    const message = isId(id) ? await em.findOne(Message, { id }) : null;
    const [details] = message ? await describeMessages(em, [message]) : [];
    if (!details) throw new Problem('not_found', 'There is no such message.');
    return messageView(context.publicUrl, details, context.clock.now());
  });

const getMessage = route({
  name: 'getMessage',
  method: 'get',
  path: '/messages/{id}',
  summary: 'Read a message',
  tag,
  scope: 'read',
  params: z.object({ id: z.string().describe('The message.') }),
  answer: messageAnswer,
  handle: async (call) => ({ body: await shownMessage(call, call.params.id) }),
});

export const messageRoutes = [getThread, listMessages, getMessage];
