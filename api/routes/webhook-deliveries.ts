import { z } from 'zod';
import { deliveryStates } from '../../domain/deliveries.ts';
import { listDeliveries } from '../../db/queries/outgoing/list-deliveries.ts';
import { anyAccount } from '../../services/accounts/find-account.ts';
import { findEndpoint } from '../../services/outgoing/endpoints.ts';
import { deliveryOf, replayDelivery } from '../../services/outgoing/replay.ts';
import { cursorId, page, pageOf, pageQuery } from '../http/pagination.ts';
import { route } from '../http/route.ts';
import { deliveryAnswer, deliveryView } from '../views/delivery.ts';

const tag = 'webhook endpoints';
const params = z.object({ id: z.string().describe('The delivery.') });
const moment = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .optional();

const list = route({
  name: 'listWebhookDeliveries',
  method: 'get',
  path: '/webhook-deliveries',
  summary: 'List deliveries of events to endpoints, newest first',
  tag,
  scope: 'read',
  query: z.object({
    ...pageQuery,
    endpoint: z.string().optional(),
    account: z.string().optional(),
    state: z.enum(deliveryStates).optional(),
    type: z.string().max(100).optional().describe('A type of events, or resync.'),
    from: moment.describe('Queued at this time or later.'),
    to: moment.describe('Queued before this time.'),
  }),
  answer: pageOf(deliveryAnswer),
  handle: ({ context, principal, query: { limit, cursor, endpoint, account, ...filter } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const before = cursorId(cursor);
      const endpointId = endpoint === undefined ? undefined : (await findEndpoint(em, endpoint)).id;
      const accountId = account === undefined ? undefined : (await anyAccount(em, account)).id;
      const found = await listDeliveries(em, { ...filter, endpointId, accountId }, before, limit + 1);
      return { body: page(found, limit, deliveryView) };
    }),
});

const get = route({
  name: 'getWebhookDelivery',
  method: 'get',
  path: '/webhook-deliveries/{id}',
  summary: 'Read a delivery, and what the endpoint answered',
  tag,
  scope: 'read',
  params,
  answer: deliveryAnswer,
  handle: ({ context, principal, params: { id } }) =>
    context.db.tenant(principal.tenantId, async (em) => ({ body: deliveryView(await deliveryOf(em, id)) })),
});

const replay = route({
  name: 'replayWebhookDelivery',
  method: 'post',
  path: '/webhook-deliveries/{id}/replay',
  summary: 'Deliver an event again, with the same id',
  tag,
  scope: 'write',
  idempotent: true,
  params,
  answer: deliveryAnswer,
  status: 202,
  watch: ({ id }) => `/api/v1/webhook-deliveries/${id}`,
  handle: async ({ context, principal, params: { id } }) => ({
    body: deliveryView(await replayDelivery(context, principal.tenantId, id)),
  }),
});

export const webhookDeliveryRoutes = [list, get, replay];
