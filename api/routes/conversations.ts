import { z } from 'zod';
import type { Em } from '../../db/connect.ts';
import {
  countConversations,
  listConversations as placesOf,
  type ConversationFilter,
} from '../../db/queries/conversations/list-conversations.ts';
import { channelNames } from '../../domain/channels.ts';
import { changedFields } from '../../domain/conversations.ts';
import { changeConversation } from '../../services/conversations/change-conversation.ts';
import {
  describeConversations,
  type ConversationDetails,
} from '../../services/conversations/describe-conversations.ts';
import { fetchNames } from '../../services/conversations/fetch-names.ts';
import { anyConversation, checkNamed } from '../../services/conversations/find-conversations.ts';
import { pictureFile } from '../../services/media/picture-file.ts';
import { cursorPlace, flag, pageQuery, placeCursor, placeTime, time } from '../http/pagination.ts';
import { route, type Call } from '../http/route.ts';
import { shownText } from '../http/text.ts';
import { updatesPage, updatesPageOf, updatesQuery } from '../http/updates.ts';
import { fetching, patienceOf, pictureOrLater, waitQuery } from '../views/file.ts';
import { conversationAnswer, conversationView, type ConversationView } from '../views/conversation.ts';

const tag = 'conversations';
export const conversationParams = z.object({ id: z.string().describe('The conversation.') });

const place = z.strictObject({ pinned: z.boolean(), at: placeTime, id: z.uuid() });
const label = shownText(64);

export const listConversations = route({
  name: 'listConversations',
  method: 'get',
  path: '/conversations',
  summary: 'List conversations as an inbox does: pinned ones first, then by their newest message',
  tag,
  scope: 'read',
  query: z.object({
    ...pageQuery,
    ...updatesQuery,
    account: z.string().optional(),
    channel: z.enum(channelNames).optional(),
    unread: flag.describe('Whether something is unread, or marked so by hand.'),
    archived: flag.describe('Without it archived ones and others are listed.'),
    label: label.optional(),
    attendee: z.string().optional().describe('Conversations with this attendee.'),
    auto_sync: flag.describe(
      'Has people without a name fetched from your address books; the answer does not wait for it. At most 5 people for each request.',
    ),
  }),
  answer: updatesPageOf(conversationAnswer),
  handle: async ({ context, principal, query }) => {
    const { limit, cursor, updated_since: since, auto_sync: autoSync, ...filter } = query;
    const { tenantId } = principal;
    const wanted = (em: Em) => checkNamed(em, filter);
    const { items: found, ...page } =
      since === undefined
        ? await context.db.tenant(tenantId, async (em) => inboxPage(em, tenantId, await wanted(em), limit, cursor))
        : await updatesPage(
            { context, principal },
            { table: 'conversations', since, limit, cursor, filter: wanted },
            describeConversations,
          );
    if (autoSync) await fetchNames(context, tenantId, found);
    return { body: { ...page, items: found.map(conversationView(context, context.clock.now())) } };
  },
});

async function inboxPage(
  em: Em,
  tenantId: string,
  filter: ConversationFilter,
  limit: number,
  cursor: string | undefined,
): Promise<{ items: ConversationDetails[]; next_cursor: string | null }> {
  const places = await placesOf(em, tenantId, filter, { after: cursorPlace(place, cursor), limit: limit + 1 });
  const shownPlaces = places.slice(0, limit);
  const last = places.length > limit ? shownPlaces.at(-1) : undefined;
  const ids = shownPlaces.map(({ id }) => id);
  return { items: await describeConversations(em, ids), next_cursor: last ? placeCursor(last) : null };
}

const counts = z.object({
  total: z.number().int(),
  unread: z.number().int().describe('Conversations with something unread.'),
  unread_messages: z.number().int(),
  archived: z.number().int(),
});

const getCounts = route({
  name: 'countConversations',
  method: 'get',
  path: '/conversations/counts',
  summary: 'Count conversations: all, unread and archived ones, of the tenant and of each account',
  tag,
  scope: 'read',
  query: z.object({ account: z.string().optional() }),
  answer: z.object({ ...counts.shape, accounts: z.array(z.object({ account_id: z.string(), ...counts.shape })) }),
  handle: ({ context, principal: { tenantId }, query }) =>
    context.db.tenant(tenantId, async (em) => {
      const { account } = await checkNamed(em, query);
      const accounts = await countConversations(em, tenantId, account);
      const sum = (name: 'total' | 'unread' | 'unread_messages' | 'archived'): number =>
        accounts.reduce((all, one) => all + one[name], 0);
      return {
        body: {
          total: sum('total'),
          unread: sum('unread'),
          unread_messages: sum('unread_messages'),
          archived: sum('archived'),
          accounts,
        },
      };
    }),
});

/** One conversation as a key's tenant sees it. */
const shown = ({ context, principal }: Pick<Call, 'context' | 'principal'>, id: string): Promise<ConversationView> =>
  context.db.tenant(principal.tenantId, async (em) => {
    const found = await describeConversations(em, [(await anyConversation(em, id)).id]);
    return found.map(conversationView(context, context.clock.now()))[0]!;
  });

const getConversation = route({
  name: 'getConversation',
  method: 'get',
  path: '/conversations/{id}',
  summary: 'Read a conversation',
  tag,
  scope: 'read',
  params: conversationParams,
  answer: conversationAnswer,
  handle: async (call) => ({ body: await shown(call, call.params.id) }),
});

const getGroupPicture = route({
  name: 'getConversationPicture',
  method: 'get',
  path: '/conversations/{id}/picture',
  summary: "Read a group's picture; one that is not here yet is fetched at once",
  tag,
  scope: 'read',
  file: true,
  params: conversationParams,
  query: waitQuery,
  answer: fetching,
  handle: async ({ context, principal: { tenantId }, params, query, gone }) => {
    const { id } = await context.db.tenant(tenantId, (em) => anyConversation(em, params.id));
    const ref = { tenantId, owner: 'conversations', id } as const;
    return pictureOrLater(context, await pictureFile(context, ref, patienceOf(query, gone)));
  },
});

export const conversationChange = {
  read: z.boolean().optional().describe('True: all of it was read. False: it is marked as unread.'),
  muted: z.union([z.boolean(), time]).optional().describe('For ever, until a time, or not.'),
  archived: z.boolean().optional(),
  pinned: z.boolean().optional(),
  labels: z.array(label).max(50).optional().describe('All labels of the conversation, your own words.'),
};

export const changedConversation = conversationAnswer
  .extend({
    kept_locally: z
      .array(z.enum(changedFields))
      .describe('Fields of the change that the provider does not have: they are kept here only.'),
  })
  .meta({ id: 'ChangedConversation' });

export const updateConversation = route({
  name: 'updateConversation',
  method: 'patch',
  path: '/conversations/{id}',
  summary: 'Mark a conversation as read or unread, mute, archive, pin or label it',
  tag,
  scope: 'write',
  params: conversationParams,
  body: z.strictObject(conversationChange),
  example: { read: true, labels: ['vip'] },
  answer: changedConversation,
  handle: async (call) => {
    const { context, principal, params, body } = call;
    const { muted, labels, ...change } = body;
    const kept = await changeConversation(context, principal.tenantId, params.id, {
      ...change,
      ...(muted !== undefined && { muted: typeof muted === 'string' ? new Date(muted) : muted }),
      ...(labels && { labels: [...new Set(labels)] }),
    });
    return { body: { ...(await shown(call, params.id)), kept_locally: kept } };
  },
});

/** Words before ids: a word would else be taken for one. */
export const conversationRoutes = [listConversations, getCounts, getConversation, getGroupPicture, updateConversation];
