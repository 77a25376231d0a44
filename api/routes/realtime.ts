import { z } from 'zod';
import { createTicket } from '../../db/queries/tenants/realtime-tickets.ts';
import { feedStart } from '../../services/events/feed-start.ts';
import { Problem } from '../../services/problem.ts';
import { time, wireTime } from '../http/pagination.ts';
import { route } from '../http/route.ts';
import { liveMessage } from '../views/live-message.ts';
import { eventsQuery } from './events.ts';

const tag = 'events';

const openRealtime = route({
  name: 'openRealtime',
  method: 'get',
  path: '/realtime',
  summary: 'A WebSocket with what changes, each event once',
  tag,
  scope: 'read',
  query: z.object({
    ...eventsQuery,
    after: z.string().max(64).optional().describe('As last_event_id; also now.'),
    ticket: z.string().max(128).optional().describe('A ticket in place of a key, for browsers.'),
  }),
  live: 'socket',
  answer: liveMessage,
  status: 101,
  handle: async ({ context, principal, query, transport, lastEventId }) => {
    const after = lastEventId ?? query.last_event_id ?? query.after ?? 'now';
    const follow = await feedStart(context, principal.tenantId, { ...query, after });
    if (transport !== 'socket') throw new Problem('upgrade_required', undefined, { headers: { upgrade: 'websocket' } });
    return { follow };
  },
});

const makeTicket = route({
  name: 'createRealtimeTicket',
  method: 'post',
  path: '/realtime-tickets',
  summary: 'Make a ticket with which a browser opens one WebSocket within 30 seconds',
  tag,
  scope: 'read',
  idempotent: true,
  shownOnce: ['ticket'],
  answer: z.object({
    ticket: z.string().nullable().describe('Null when the answer is a replay.'),
    expires_at: time,
  }),
  status: 201,
  handle: async ({ context, principal: { tenantId, keyId }, operationId }) => {
    const { ticket, expiresAt } = await context.db.tenant(tenantId, (em) =>
      createTicket(em, { id: operationId, tenantId, keyId, now: context.clock.now() }),
    );
    return { body: { ticket, expires_at: wireTime(expiresAt) } };
  },
});

export const realtimeRoutes = [openRealtime, makeTicket];
