import { z } from 'zod';
import { deliveryStates } from '../../domain/deliveries.ts';
import { eventId } from '../../domain/events.ts';
import type { WebhookDelivery } from '../../db/entities/outgoing.ts';
import { time, wireTime, wireTimeOrNull } from '../http/pagination.ts';
import { outcomeFields } from './endpoint.ts';

export const deliveryAnswer = z
  .object({
    id: z.string(),
    endpoint_id: z.string(),
    event_id: z.string().describe('The header webhook-id, the same at each try.'),
    type: z.string(),
    account_id: z.string().nullable(),
    data: z.record(z.string(), z.unknown()).describe('Of the event.'),
    state: z.enum(deliveryStates).describe('dead: it was tried for 72 hours. Replay it to have it tried again.'),
    tries: z.number().int(),
    ...outcomeFields,
    queued_at: time,
    tried_at: time.nullable(),
    next_try_at: time.nullable().describe('Not before the events of the same conversation before it.'),
  })
  .meta({ id: 'WebhookDelivery' });

export const deliveryView = (row: WebhookDelivery): z.input<typeof deliveryAnswer> => ({
  id: row.id,
  endpoint_id: row.endpointId,
  event_id: eventId(row),
  type: row.type,
  account_id: row.accountId,
  data: row.data,
  state: row.state,
  tries: row.tries,
  status: row.status,
  error: row.error,
  took_ms: row.tookMs,
  answer: row.answer,
  queued_at: wireTime(row.createdAt),
  tried_at: wireTimeOrNull(row.triedAt),
  next_try_at: wireTimeOrNull(row.nextTryAt),
});
