import { z } from 'zod';
import { deliveryErrors } from '../../domain/deliveries.ts';
import { eventTypes } from '../../domain/events.ts';
import type { WebhookEndpoint } from '../../db/entities/outgoing.ts';
import type { Keyset } from '../../platform/keyset.ts';
import { headersOf, secretsOf } from '../../services/outgoing/endpoints.ts';
import { time, wireTime, wireTimeOrNull } from '../http/pagination.ts';

export const endpointAnswer = z
  .object({
    id: z.string(),
    url: z.string(),
    description: z.string().nullable(),
    types: z.array(z.enum(eventTypes)).nullable().describe('Null: all types of events.'),
    accounts: z.array(z.string()).nullable().describe('Null: all accounts.'),
    header_names: z.array(z.string()).describe('Headers that go with each delivery. Their values are not shown.'),
    events_per_request: z.number().int(),
    enabled: z.boolean(),
    state: z
      .enum(['active', 'paused', 'disabled'])
      .describe('paused: deliveries failed in a row, and one is tried each minute until one arrives.'),
    disabled_reason: z.enum(['gone']).nullable().describe('gone: it answered 410.'),
    failures: z.number().int().describe('Deliveries that failed in a row.'),
    paused_since: time.nullable(),
    next_probe_at: time.nullable(),
    former_secret_until: time.nullable().describe('Until then a former secret signs beside the present one.'),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'WebhookEndpoint' });

export function endpointView(keys: Keyset, now: Date, endpoint: WebhookEndpoint): z.input<typeof endpointAnswer> {
  const former = secretsOf(keys, endpoint).flatMap(({ until }) => until ?? []);
  const [last = null] = former
    .filter((until) => until > now.toISOString())
    .toSorted()
    .reverse();
  return {
    id: endpoint.id,
    url: endpoint.url,
    description: endpoint.description,
    types: endpoint.types,
    accounts: endpoint.accounts,
    header_names: Object.keys(headersOf(keys, endpoint)),
    events_per_request: endpoint.eventsPerRequest,
    enabled: endpoint.enabled,
    state: endpoint.enabled ? (endpoint.pausedAt ? 'paused' : 'active') : 'disabled',
    disabled_reason: endpoint.disabledReason,
    failures: endpoint.failures,
    paused_since: wireTimeOrNull(endpoint.pausedAt),
    next_probe_at: endpoint.pausedAt && wireTimeOrNull(endpoint.probeAt),
    former_secret_until: last,
    created_at: wireTime(endpoint.createdAt),
    updated_at: wireTime(endpoint.updatedAt),
  };
}

/** What came back from an endpoint. */
export const outcomeFields = {
  status: z.number().int().nullable().describe('The status of the answer; null where none came.'),
  error: z.enum(deliveryErrors).nullable().describe('Why the endpoint has not taken the event; null where it has.'),
  took_ms: z.number().int().nullable(),
  answer: z.string().nullable().describe('The beginning of the body of the answer, at most 1,024 bytes.'),
};
