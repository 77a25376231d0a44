import type { FilterQuery } from '@mikro-orm/core';
import { z } from 'zod';
import { checkProviderName } from '../../services/provider-names.ts';
import { WebhookEvent } from '../../db/entities/events.ts';
import { requestOf } from '../../db/queries/webhooks/requests.ts';
import { sealed } from '../../db/sealed.ts';
import { isId } from '../../platform/ids.ts';
import type { Em } from '../../db/connect.ts';
import { anyAccount } from '../../services/accounts/find-account.ts';
import { onlyFor } from '../http/schemas.ts';
import { afterCursor, page, pageOf, pageQuery, time, wireTime, wireTimeOrNull } from '../http/pagination.ts';
import { Problem } from '../../services/problem.ts';
import { route, type Call } from '../http/route.ts';
import { previewReplay, replayEvent } from '../../services/webhooks/replay-event.ts';
import { providerName } from '../views/provider-name.ts';

const tag = 'webhook events';
const states = ['received', 'processed', 'unmatched', 'failed'] as const;
const params = z.object({ id: z.string().describe('The event.') });

const eventAnswer = z
  .object({
    id: z.string(),
    provider: z.string(),
    account_id: z.string().nullable(),
    provider_account_id: z.string().nullable(),
    type: z.string(),
    state: z.enum(states),
    error: z.string().nullable(),
    deliveries: z.number().int(),
    received_at: time,
    processed_at: time.nullable(),
  })
  .meta({ id: 'WebhookEvent' });

const eventView = (event: WebhookEvent): z.input<typeof eventAnswer> => ({
  id: event.id,
  provider: event.provider,
  account_id: event.accountId,
  provider_account_id: event.providerAccountId,
  type: event.type,
  state: event.state,
  error: event.error,
  deliveries: event.deliveries,
  received_at: wireTime(event.receivedAt),
  processed_at: wireTimeOrNull(event.processedAt),
});

/**
 * Reads the events that a key may see: its tenant's, and for operators also those that came to the installation's own
 * webhooks and belong to no tenant yet, which row-level security shows to no tenant.
 */
const seen = <T>({ context, principal }: Call, read: (em: Em, mine: FilterQuery<WebhookEvent>) => Promise<T>) => {
  const { tenantId, scopes } = principal;
  return scopes.includes('operator')
    ? context.db.system((em) => read(em, { $or: [{ tenantId }, { tenantId: null }] }))
    : context.db.tenant(tenantId, (em) => read(em, { tenantId }));
};

const eventOf = (call: Call, id: string): Promise<WebhookEvent> =>
  seen(call, async (em, mine) => {
    const event = isId(id) ? await em.findOne(WebhookEvent, { $and: [{ id }, mine] }) : null;
    if (!event) throw new Problem('not_found', 'There is no such event.');
    return event;
  });

const listEvents = route({
  name: 'listWebhookEvents',
  method: 'get',
  path: '/webhook-events',
  summary: 'List the events, newest first; for operators also those that belong to no tenant',
  tag,
  scope: 'read',
  query: z.object({
    ...pageQuery,
    account: z.string().optional(),
    provider: providerName.optional(),
    state: z.enum(states).optional(),
    type: z.string().optional(),
  }),
  answer: pageOf(eventAnswer),
  handle: async (call) => {
    const { limit, cursor, account, ...filter } = call.query;
    checkProviderName(call.context, filter.provider);
    const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
    const where: FilterQuery<WebhookEvent>[] = [given, afterCursor(cursor, 'desc')];
    if (account !== undefined) {
      const { db } = call.context;
      where.push({ accountId: (await db.tenant(call.principal.tenantId, (em) => anyAccount(em, account))).id });
    }
    const found = await seen(call, (em, mine) =>
      em.find(WebhookEvent, { $and: [...where, mine] }, { orderBy: { id: 'desc' }, limit: limit + 1 }),
    );
    return { body: page(found, limit, eventView) };
  },
});

/** The body of an event's request, which tells of the request's other events too; null where it is not kept. */
async function bodyOf(call: Call, event: WebhookEvent): Promise<string | null> {
  const request = await seen(call, (em) => requestOf(em, event));
  if (!request?.body) return null;
  const keys = await call.context.vault.keysOf(call.context.db, request.tenantId);
  return keys.open(request.body, sealed.webhookBody(request.id));
}

const getEvent = route({
  name: 'getWebhookEvent',
  method: 'get',
  path: '/webhook-events/{id}',
  summary: 'Read an event; with the scope raw, with its body',
  tag,
  scope: 'read',
  params,
  answer: eventAnswer.extend({
    body: onlyFor(
      'raw',
      z.string().nullable().optional().describe('For keys with the scope raw; null once its time is over.'),
    ),
  }),
  handle: async (call) => {
    const event = await eventOf(call, call.params.id);
    const raw = call.principal.scopes.includes('raw') ? { body: await bodyOf(call, event) } : {};
    return { body: { ...eventView(event), ...raw } };
  },
});

const row = z.record(z.string(), z.unknown());
const change = z
  .object({ table: z.string(), id: z.string(), before: row.nullable().describe('Null for a new row.'), after: row })
  .meta({ id: 'ReplayChange' });

const replay = route({
  name: 'replayWebhookEvent',
  method: 'post',
  path: '/webhook-events/{id}/replay',
  summary: 'Apply an event again, or tell what that would change',
  tag,
  scope: 'write',
  idempotent: true,
  params,
  body: z.object({ dry_run: z.boolean().default(false).describe('Answer what would change, and change nothing.') }),
  answer: eventAnswer.extend({ changes: z.array(change).optional().describe('Of a dry run.') }),
  status: 202,
  doneStatus: 200,
  watch: ({ id }) => `/api/v1/webhook-events/${id}`,
  handle: async (call) => {
    const event = await eventOf(call, call.params.id);
    const { id } = event;
    if (call.body.dry_run)
      return { status: 200, body: { ...eventView(event), changes: await previewReplay(call.context, id) } };
    await replayEvent(call.context, id);
    return { body: eventView(await eventOf(call, id)) };
  },
});

export const webhookEventRoutes = [listEvents, getEvent, replay];
