import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import { eventMeanings, eventTypes, type EventType } from '../../domain/events.ts';
import { webhookExample } from '../views/event-examples.ts';
import { eventSchemaName } from '../views/event.ts';

const headers = z.object({
  'webhook-id': z.string().describe('The id of the event, or of the batch: the same in each try.'),
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

const batch = {
  type: 'object' as const,
  properties: {
    type: { type: 'string' as const, const: 'batch' },
    timestamp: { type: 'string' as const, format: 'date-time', description: 'When the first event came to be.' },
    data: {
      type: 'object' as const,
      properties: { events: { type: 'array' as const, items: { $ref: '#/components/schemas/Event' }, minItems: 1 } },
      required: ['events'],
    },
  },
  required: ['type', 'timestamp', 'data'],
};

/** One body after another, as an endpoint gets it that takes several events in a request. */
const batchExample = (types: readonly EventType[]) => {
  const bodies = types.map(webhookExample);
  return { type: 'batch', timestamp: bodies[0]?.timestamp, data: { events: bodies.map(({ data }) => data) } };
};

const operation = (
  name: string,
  summary: string,
  schema: typeof batch | ReturnType<typeof bodyOf>,
  example: object,
): ZodOpenApiOperationObject => ({
  summary,
  operationId: `on ${name}`.replace(/[ ._]([a-z])/g, (_match, letter: string) => letter.toUpperCase()),
  tags: ['events'],
  security: [],
  requestParams: { header: headers },
  requestBody: {
    required: true,
    content: { 'application/json': { schema, example } },
  },
  responses: {
    '2XX': { description: 'Taken. Any other answer, or none within 10 seconds, is tried again.' },
    410: { description: 'Not wanted any more: the endpoint is disabled.' },
  },
});

/** What endpoints get: one webhook for each type of event, and batches where they take several events in a request. */
export const webhooks: ZodOpenApiPathsObject = {
  ...Object.fromEntries(
    eventTypes.map((type) => [
      type,
      { post: operation(type, eventMeanings[type], bodyOf(type), webhookExample(type)) },
    ]),
  ),
  batch: {
    post: operation(
      'batch',
      'Events in their order, to an endpoint whose events_per_request is more than 1.',
      batch,
      batchExample(['message.created', 'message.updated']),
    ),
  },
};
