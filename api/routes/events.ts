import { z } from 'zod';
import { eventTypes, type EventType } from '../../domain/events.ts';
import { feedStart } from '../../services/events/feed-start.ts';
import { readEvents } from '../../services/events/read-events.ts';
import { route } from '../http/route.ts';
import { eventAnswer, eventView } from '../views/event.ts';

const known = new Set<string>(eventTypes);

const types = z
  .string()
  .optional()
  .transform((text) => (text ?? '').split(',').filter(Boolean))
  .refine((list) => list.every((type) => known.has(type)), {
    error: `must be some of ${eventTypes.join(', ')}, with commas between them.`,
  })
  .transform((list) => list as EventType[]);

/** What readers of events ask for, however they read. */
export const eventsQuery = {
  last_event_id: z.string().max(64).optional().describe('The id of the last event that the caller has.'),
  types: types.describe('Some types of events, with commas between them.'),
  account: z.string().optional(),
};

const listEvents = route({
  name: 'listEvents',
  method: 'get',
  path: '/events',
  summary: 'What changed, oldest first, each event once; as server-sent events where the caller accepts those',
  tag: 'events',
  scope: 'read',
  query: z.object({
    after: z
      .string()
      .max(64)
      .optional()
      .describe('The next of the answer before, the id of an event, or now. Without it: from the oldest event kept.'),
    ...eventsQuery,
    limit: z.coerce.number().int().min(1).max(200).default(100).describe('Events of an answer.'),
    wait: z.coerce.number().min(0).max(25).default(0).describe('Seconds to wait for an event where there is none yet.'),
  }),
  live: 'stream',
  answer: z.object({
    items: z.array(eventAnswer),
    next: z.string().describe('Send it as after. It is never null: an answer without events keeps its place.'),
  }),
  handle: async ({ context, principal: { tenantId }, query, transport, lastEventId, gone }) => {
    const after = lastEventId ?? query.last_event_id ?? query.after;
    if (transport === 'stream') return { follow: await feedStart(context, tenantId, { ...query, after }) };
    const { items, next } = await readEvents(context, tenantId, { ...query, after }, gone);
    return { body: { items: items.map(eventView), next } };
  },
});

export const eventRoutes = [listEvents];
