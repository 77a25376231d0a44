import { z } from 'zod';
import { eventTypes } from '../../domain/events.ts';
import { WebhookEndpoint } from '../../db/entities/outgoing.ts';
import {
  changeEndpoint,
  createEndpoint,
  deleteEndpoint,
  findEndpoint,
  rotateSecret,
  type WithSecret,
} from '../../services/outgoing/endpoints.ts';
import { replayEndpoint } from '../../services/outgoing/replay.ts';
import { testEndpoint } from '../../services/outgoing/test-endpoint.ts';
import { afterCursor, page, pageOf, pageQuery } from '../http/pagination.ts';
import { route, type Call } from '../http/route.ts';
import { endpointAnswer, endpointView, outcomeFields } from '../views/endpoint.ts';

const tag = 'webhook endpoints';
const params = z.object({ id: z.string().describe('The endpoint.') });

const fields = {
  url: z
    .url({ protocol: /^https?$/ })
    .max(2_000)
    .describe('Of a host of the internet.'),
  description: z.string().max(500).nullable(),
  types: z.array(z.enum(eventTypes)).min(1).max(eventTypes.length).nullable().describe('Null: all types of events.'),
  accounts: z.array(z.string()).min(1).max(200).nullable().describe('Ids of accounts. Null: all accounts.'),
  headers: z
    .record(z.string(), z.string().max(2_000))
    .describe('Headers that go with each delivery, stored sealed and never shown.'),
  events_per_request: z
    .number()
    .int()
    .min(1)
    .max(100)
    .describe('More than 1: each request is a batch of up to so many events. See the webhook `batch`.'),
  enabled: z.boolean().describe('Nothing is delivered to a disabled endpoint. It goes on where it stopped.'),
};

const secret = z.string().nullable().describe('Shown this once. Null when the answer is a replay.');

type EndpointBody = z.input<typeof endpointAnswer>;

/** Shows an endpoint of the caller. */
async function shown({ context, principal }: Call, endpoint: WebhookEndpoint): Promise<EndpointBody> {
  const keys = await context.vault.keysOf(context.db, principal.tenantId);
  return endpointView(keys, context.clock.now(), endpoint);
}

const withSecret = async (call: Call, made: WithSecret): Promise<EndpointBody & { secret: string }> => ({
  ...(await shown(call, made.endpoint)),
  secret: made.secret,
});

const listEndpoints = route({
  name: 'listWebhookEndpoints',
  method: 'get',
  path: '/webhook-endpoints',
  summary: 'List the addresses to which events are delivered',
  tag,
  scope: 'read',
  query: z.object(pageQuery),
  answer: pageOf(endpointAnswer),
  handle: async ({ context, principal, query: { limit, cursor } }) => {
    const keys = await context.vault.keysOf(context.db, principal.tenantId);
    const found = await context.db.tenant(principal.tenantId, (em) =>
      em.find(WebhookEndpoint, afterCursor(cursor), { orderBy: { id: 'asc' }, limit: limit + 1 }),
    );
    return { body: page(found, limit, (one) => endpointView(keys, context.clock.now(), one)) };
  },
});

const create = route({
  name: 'createWebhookEndpoint',
  method: 'post',
  path: '/webhook-endpoints',
  summary: 'Have events delivered to an address from now on; its secret is shown this once',
  tag,
  scope: 'admin',
  idempotent: true,
  shownOnce: ['secret'],
  body: z.object({
    url: fields.url,
    description: fields.description.default(null),
    types: fields.types.default(null),
    accounts: fields.accounts.optional(),
    headers: fields.headers.default({}),
    events_per_request: fields.events_per_request.default(1),
    enabled: fields.enabled.default(true),
  }),
  example: { url: 'https://app.example/patchbay', types: ['message.created', 'message.updated'] },
  answer: endpointAnswer.extend({ secret }),
  status: 201,
  handle: async (call) => {
    const { context, principal, body, operationId } = call;
    const { events_per_request: eventsPerRequest, accounts = null, ...plain } = body;
    const input = { ...plain, accounts, eventsPerRequest };
    return { body: await withSecret(call, await createEndpoint(context, principal.tenantId, operationId, input)) };
  },
});

const getEndpoint = route({
  name: 'getWebhookEndpoint',
  method: 'get',
  path: '/webhook-endpoints/{id}',
  summary: 'Read an endpoint, and whether it is paused',
  tag,
  scope: 'read',
  params,
  answer: endpointAnswer,
  handle: async (call) => {
    const { context, principal } = call;
    const endpoint = await context.db.tenant(principal.tenantId, (em) => findEndpoint(em, call.params.id));
    return { body: await shown(call, endpoint) };
  },
});

const patchEndpoint = route({
  name: 'updateWebhookEndpoint',
  method: 'patch',
  path: '/webhook-endpoints/{id}',
  summary: 'Change an endpoint; one that is paused is tried at once',
  tag,
  scope: 'admin',
  params,
  body: z.object(fields).partial(),
  example: { enabled: false },
  answer: endpointAnswer,
  handle: async (call) => {
    const { context, principal } = call;
    const { events_per_request: eventsPerRequest, ...plain } = call.body;
    const given = Object.fromEntries(
      Object.entries({ ...plain, eventsPerRequest }).filter(([, value]) => value !== undefined),
    );
    return { body: await shown(call, await changeEndpoint(context, principal.tenantId, call.params.id, given)) };
  },
});

const removeEndpoint = route({
  name: 'deleteWebhookEndpoint',
  method: 'delete',
  path: '/webhook-endpoints/{id}',
  summary: 'Delete an endpoint with its deliveries',
  tag,
  scope: 'admin',
  params,
  answer: z.null(),
  status: 204,
  handle: async ({ context, principal, params: { id } }) => {
    await deleteEndpoint(context, principal.tenantId, id);
    return { body: null };
  },
});

const rotate = route({
  name: 'rotateEndpointSecret',
  method: 'post',
  path: '/webhook-endpoints/{id}/rotate-secret',
  summary: 'Make a new secret, which is shown this once; the former one signs beside it for a while',
  tag,
  scope: 'admin',
  idempotent: true,
  shownOnce: ['secret'],
  params,
  body: z.object({
    overlap_hours: z.number().min(0).max(168).default(24).describe('How long both secrets sign.'),
  }),
  example: { overlap_hours: 24 },
  answer: endpointAnswer.extend({ secret }),
  handle: async (call) => {
    const { context, principal, body } = call;
    const made = await rotateSecret(context, principal.tenantId, call.params.id, body.overlap_hours);
    return { body: await withSecret(call, made) };
  },
});

const test = route({
  name: 'testWebhookEndpoint',
  method: 'post',
  path: '/webhook-endpoints/{id}/test',
  summary: 'Send an event of the type test now, and answer what came back',
  tag,
  scope: 'write',
  idempotent: true,
  params,
  answer: z.object({ event_id: z.string(), ...outcomeFields }),
  handle: async ({ context, principal, params: { id }, gone }) => {
    const { eventId, status, error, tookMs, answer } = await testEndpoint(context, principal.tenantId, id, gone);
    return { body: { event_id: eventId, status, error, took_ms: tookMs, answer } };
  },
});

const replay = route({
  name: 'replayWebhookEndpoint',
  method: 'post',
  path: '/webhook-endpoints/{id}/replay',
  summary: 'Deliver events again with the same ids: all that are dead, or those of a time',
  tag,
  scope: 'write',
  idempotent: true,
  params,
  body: z.object({
    state: z.enum(['dead', 'delivered', 'all']).default('dead').describe('Those that wait are left as they are.'),
    from: z.iso.datetime({ offset: true }).optional().describe('Queued at this time or later.'),
    to: z.iso.datetime({ offset: true }).optional().describe('Queued before this time.'),
  }),
  example: { state: 'dead' },
  answer: z.object({ replayed: z.number().int() }),
  handle: async ({ context, principal, params: { id }, body: { state, from, to }, gone }) => {
    const filter = {
      endpointId: id,
      state: state === 'all' ? undefined : state,
      from: from === undefined ? undefined : new Date(from),
      to: to === undefined ? undefined : new Date(to),
    };
    return { body: { replayed: await replayEndpoint(context, principal.tenantId, filter, gone) } };
  },
});

export const webhookEndpointRoutes = [
  listEndpoints,
  create,
  getEndpoint,
  patchEndpoint,
  removeEndpoint,
  rotate,
  test,
  replay,
];
