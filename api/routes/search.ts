import { z } from 'zod';
import { highlight, type Highlight } from '../../domain/search-text.ts';
import { checkNamed } from '../../services/conversations/find-conversations.ts';
import { findConversations, findMessages, findPeople } from '../../services/search/search.ts';
import { cursorPlace, pageOf, pageQuery, placeCursor, placeTime } from '../http/pagination.ts';
import { route } from '../http/route.ts';
import { attendeeAnswer, attendeeView } from '../views/attendee.ts';
import { conversationAnswer, conversationView } from '../views/conversation.ts';
import { messageAnswer, messageView } from '../views/message.ts';

const places = z.strictObject({
  from: z.strictObject({ at: placeTime, id: z.uuid(), inclusive: z.boolean() }).nullable(),
  offset: z.number().int().min(0).max(1_000),
});

const highlights = z
  .array(z.object({ text: z.string(), match: z.boolean() }))
  .describe('The part around the first match, as plain texts; `match`: it is what was searched for.');

const searchResult = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('message'), highlight: highlights, message: messageAnswer }),
    z.object({ kind: z.literal('person'), highlight: highlights, person: attendeeAnswer }),
    z.object({ kind: z.literal('conversation'), highlight: highlights, conversation: conversationAnswer }),
  ])
  .meta({ id: 'SearchResult' });

const search = route({
  name: 'search',
  method: 'get',
  path: '/search',
  summary: 'Search messages, people or conversations, the best match first',
  tag: 'search',
  scope: 'read',
  query: z.object({
    ...pageQuery,
    q: z
      .string()
      .min(1)
      .max(200)
      .describe('All words must occur, each as the beginning of a word, in any case and without accents.'),
    in: z.enum(['messages', 'people', 'conversations']).default('messages'),
    account: z.string().optional(),
    conversation: z.string().optional().describe('Messages of this conversation only.'),
  }),
  answer: pageOf(searchResult),
  handle: ({ context, principal: { tenantId }, query: { q, in: kind, limit, cursor, ...named } }) =>
    context.db.tenant(tenantId, async (em) => {
      const from = cursorPlace(places, cursor);
      const filter = await checkNamed(em, named);
      const cursorTo = (next: object | null): string | null => next && placeCursor(next);
      if (kind === 'messages') {
        const { items, next, words } = await findMessages(em, tenantId, q, filter, from, limit);
        const results = items.map((one) => ({
          kind: 'message' as const,
          highlight: highlight(one.message.text ?? '', words),
          message: messageView(context.publicUrl, one, context.clock.now()),
        }));
        return { body: { items: results, next_cursor: cursorTo(next) } };
      }
      const marked = (name: string, words: readonly string[]): Highlight[] => highlight(name, words);
      if (kind === 'people') {
        const { items, next, words } = await findPeople(em, tenantId, q, filter, from, limit);
        const view = attendeeView(context.publicUrl);
        const results = items.map((one) => ({
          kind: 'person' as const,
          highlight: marked(one.name, words),
          person: view(one),
        }));
        return { body: { items: results, next_cursor: cursorTo(next) } };
      }
      const { items, next, words } = await findConversations(em, tenantId, q, filter, from, limit);
      const view = conversationView(context, context.clock.now());
      const results = items.map((one) => ({
        kind: 'conversation' as const,
        highlight: marked(one.name, words),
        conversation: view(one),
      }));
      return { body: { items: results, next_cursor: cursorTo(next) } };
    }),
});

export const searchRoutes = [search];
