import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from 'zod-openapi';
import { failures } from '../../domain/failures.ts';
import { problemCodes } from '../../services/problem.ts';
import { fileField } from '../http/form-file.ts';
import type { Route } from '../http/route.ts';
import { compatibility } from '../routes/aliases.ts';
import type { OpenRoute } from '../routes/public-routes.ts';
import { failureReason } from '../views/failure-reason.ts';
import { providerName } from '../views/provider-name.ts';
import { exampleOf } from './examples.ts';
import { introduction, tags } from './introduction.ts';
import { webhooks } from './webhooks.ts';

const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.enum(problemCodes).describe('Stable; what programs compare.'),
    detail: z.string(),
    fix: z.string().describe('What usually helps.'),
    request_id: z.string(),
    errors: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .optional()
      .describe('Of a problem about the input: each wrong field, and what is wrong with it.'),
    error: z.string().optional().describe('The detail again, at documented paths outside /api/v1.'),
  })
  .meta({ id: 'Problem' });

/**
 * The OpenAPI 3.1 document of routes at their full paths, from the schemas that validate them. Documented paths of other
 * systems come last.
 */
export function openApiDocument(
  publicUrl: string,
  routes: readonly Route[],
  open: readonly OpenRoute[],
  providerNames: readonly string[],
) {
  const paths: ZodOpenApiPathsObject = {};
  const add = (path: string, method: string, one: ZodOpenApiOperationObject): void => {
    paths[path] = { ...paths[path], [method]: one };
  };
  const ours = routes.filter(({ tag }) => tag !== compatibility);
  for (const route of ours) add(route.path, route.method, operation(route));
  for (const route of open) if (route.described) add(route.path, route.method, openOperation(route, route.described));
  for (const route of routes) if (!ours.includes(route)) add(route.path, route.method, operation(route));
  const document: ZodOpenApiObject = {
    openapi: '3.1.0',
    info: { title: 'Patchbay', version: '1', description: introduction },
    servers: [{ url: publicUrl }],
    tags: [...tags],
    security: [{ key: [] }],
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'An API key.' } } },
    paths,
    webhooks,
  };
  return withExamples(
    createDocument(document, {
      override: ({ zodSchema, jsonSchema, io }) => {
        if (zodSchema === providerName) jsonSchema.enum = [...providerNames];
        if (zodSchema === failureReason) jsonSchema.enum = Object.keys(failures);
        // Requests with a field that is not known are refused.
        if (io === 'input' && zodSchema instanceof z.ZodObject) jsonSchema.additionalProperties ??= false;
      },
    }),
  );
}

/** Gives every JSON body and answer an example. A hand-made one stays. */
function withExamples(document: ReturnType<typeof createDocument>): typeof document {
  const components = (document.components?.schemas ?? {}) as Parameters<typeof exampleOf>[0];
  const complete = (content: Record<string, { schema?: object; example?: unknown }> | undefined): void => {
    for (const [type, media] of Object.entries(content ?? {}))
      if (/[/+]json$/.test(type) && media.schema) media.example ??= exampleOf(components, media.schema);
  };
  for (const methods of Object.values(document.paths ?? {}))
    for (const one of Object.values(methods) as Described[]) {
      complete(one.requestBody?.content);
      for (const { content } of Object.values(one.responses ?? {})) complete(content);
    }
  return document;
}

/** An operation of the finished document, as far as examples are concerned. */
interface Described {
  requestBody?: { content?: Record<string, { schema?: object; example?: unknown }> };
  responses?: Record<string, { content?: Record<string, { schema?: object; example?: unknown }> }>;
}

const formWithFile = {
  required: true,
  content: {
    'multipart/form-data': {
      schema: {
        type: 'object' as const,
        properties: { [fileField]: { type: 'string' as const, format: 'binary' } },
        required: [fileField],
        additionalProperties: false,
      },
    },
  },
};

const csv = { 'text/csv': { schema: { type: 'string' } as const } };

function operation(route: Route): ZodOpenApiOperationObject {
  const header = route.idempotent ? idempotencyKey : route.live ? lastEventId : undefined;
  const content = {
    [route.contentType ?? 'application/json']: { schema: route.answer },
    ...(route.live === 'stream' ? eventStream : {}),
    ...(route.csv ? csv : {}),
  };
  const done = (status: number) => ({
    description: route.file
      ? 'Not here yet, and being fetched: ask again after the seconds of Retry-After'
      : status === 202
        ? 'Under way: Location is where to watch it'
        : status === 101
          ? 'The connection is a WebSocket: each of its messages is one of these'
          : 'Done',
    ...(status === 202 && route.watch ? { headers: location } : {}),
    ...(status === 204 ? {} : { content }),
  });
  const { body, example } = route;
  return {
    summary: route.summary,
    operationId: route.name,
    tags: [route.tag],
    description: `Scope: ${route.scope}.`,
    requestParams: {
      ...(route.params ? { path: asObject(route.params) } : {}),
      ...(route.query ? { query: asObject(route.query) } : {}),
      ...(header ? { header } : {}),
    },
    ...(body
      ? {
          requestBody: {
            // One without a required field may be left out.
            required: !body.safeParse({}).success,
            content: { 'application/json': { schema: body, ...(example === undefined ? {} : { example }) } },
          },
        }
      : {}),
    ...(route.takesFile ? { requestBody: formWithFile } : {}),
    responses: {
      ...(route.file && file),
      ...Object.fromEntries(
        [route.status ?? (route.file ? 202 : 200), ...(route.doneStatus ? [route.doneStatus] : [])].map((status) => [
          status,
          done(status),
        ]),
      ),
      default: failure,
    },
  };
}

/** An address without a key. A webhook's body is whatever its provider sends. */
function openOperation(route: OpenRoute, described: NonNullable<OpenRoute['described']>): ZodOpenApiOperationObject {
  const { name, summary, tag, answer, unavailable, contentType = 'application/json' } = described;
  const parts = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, part]) => [part, z.string()] as const);
  const json = (schema: z.ZodType) => ({ content: { 'application/json': { schema } } });
  return {
    summary,
    operationId: name,
    tags: [tag],
    security: [],
    ...(parts.length ? { requestParams: { path: z.object(Object.fromEntries(parts)) } } : {}),
    ...(route.method === 'post' ? { requestBody: json(z.unknown()) } : {}),
    responses: {
      200: { description: 'Done', content: { [contentType]: { schema: answer } } },
      ...(unavailable ? { 503: { description: 'Not now', ...json(unavailable) } } : {}),
      default: failure,
    },
  };
}

const bytes = { content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } as const } } };

/** HTML, SVG and whatever else could carry code are downloads only. */
const file = {
  200: { description: 'The file, of its own type', ...bytes },
  206: { description: 'The part that Range asks for', ...bytes },
  304: { description: 'The file is still the one of If-None-Match' },
};

const location = { Location: { schema: z.string(), description: 'The address of what is under way.' } };

const failure = { description: 'Refused or failed', content: { 'application/problem+json': { schema: problem } } };

const eventStream = { 'text/event-stream': { schema: { type: 'string' } as const } };

const lastEventId = z.object({
  'Last-Event-ID': z.string().optional().describe('As last_event_id; a reader that connects again sends it by itself.'),
});

const idempotencyKey = z.object({
  'Idempotency-Key': z
    .string()
    .max(255)
    .optional()
    .describe('The same key with the same request answers as the first time, for 24 hours.'),
});

const asObject = (schema: z.ZodType): z.ZodObject => schema as z.ZodObject;
