import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import { eventMeanings, eventTypes, type EventType } from '../../domain/events.ts';
import { webhookExample } from '../views/event-examples.ts';
import { eventSchemaName } from '../views/event.ts';

const headers = z.object({
  'webhook-id': z.string().describe('The id of the event: the same in each try.'),
  'webhook-timestamp': z.string().describe('When this try was signed, in seconds since 1970.'),
  'webhook-signature': z
    .string()
    .describe('Signatures by Standard Webhooks, with spaces between them: one of each secret that is in force.'),
});

const bodyOf = (type: EventType) => ({
  type: 'object' as const,
  properties: {
    type: { type: 'string' as const, const: type },
    timestamp: { type: 'string' as const, format: 'date-time', description: 'When the event came to be.' },
    data: { $ref: `#/components/schemas/${eventSchemaName(type)}` },
  },
  required: ['type', 'timestamp', 'data'],
});

const operation = (type: EventType): ZodOpenApiOperationObject => ({
  summary: eventMeanings[type],
  operationId: `on ${type}`.replace(/[ ._]([a-z])/g, (_match, letter: string) => letter.toUpperCase()),
  tags: ['events'],
  security: [],
  requestParams: { header: headers },
  requestBody: {
    required: true,
    content: { 'application/json': { schema: bodyOf(type), example: webhookExample(type) } },
  },
  responses: {
    '2XX': { description: 'Taken. Any other answer, or none within 10 seconds, is tried again.' },
    410: { description: 'Not wanted any more: the endpoint is disabled.' },
  },
});

/** What endpoints get: one webhook for each type of event. */
export const webhooks: ZodOpenApiPathsObject = Object.fromEntries(
  eventTypes.map((type) => [type, { post: operation(type) }]),
);
